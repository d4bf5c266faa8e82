"""Payment cards."""

from collections.abc import Callable

import pytest

from router_extproc.pii.cards import find


class TestFind:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            pytest.param("Charge 4111 1111 1111 1111 now", "4111 1111 1111 1111", id="visa"),
            pytest.param("card 5555-5555-5555-4444.", "5555-5555-5555-4444", id="hyphens"),
            pytest.param("pay my invoice with 4242424242424242", "4242424242424242", id="bare"),
            pytest.param("(3782 822463 10005)", "3782 822463 10005", id="amex"),
            pytest.param("6011111111111117", "6011111111111117", id="discover"),
            pytest.param("4111 1111 1111 1111 123", "4111 1111 1111 1111", id="code behind"),
            pytest.param("2223003122003222", "2223003122003222", id="second Mastercard range"),
            pytest.param("my Visa card for the reservation: 4111 1111 1111 1111", "4111 1111 1111 1111", id="what it pays for"),
            pytest.param("card number for the booking: 4111111111111111", "4111111111111111", id="what it pays for, bare"),
            pytest.param("Total: 4111 1111 1111 1111", "4111 1111 1111 1111", id="no sum"),
            pytest.param("order 4111 1111 1111 1111", "4111 1111 1111 1111", id="in groups beside any word"),
            pytest.param("Maestro card for the booking: 6759649826438453", "6759649826438453", id="Maestro and what it pays for"),
            pytest.param("my card 6759649826438453", "6759649826438453", id="Maestro with a word"),
            pytest.param("visa 4222222222222", "4222222222222", id="thirteen digits with a word"),
        ],
    )
    def test_finds_exactly_it(self, quoted: Callable[..., list[str]], text: str, found: str) -> None:
        """The whole of it, and nothing of the sentence."""
        assert quoted(find, text)[:1] == [found]

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("card 4111 1111 1111 1112", id="wrong digit"),
            pytest.param("card 1234 5678 9012 3452", id="no issuer"),
            pytest.param("order #4012888888881881", id="order"),
            pytest.param("tracking number: 4111111111111111", id="tracking"),
            pytest.param("invoice no. 4111111111111111", id="invoice"),
            pytest.param("Maestro, order 6759649826438453", id="an order for a rare issuer"),
            pytest.param("id 6759649826438453", id="no word for a rare issuer"),
            pytest.param("41111111111111111", id="longer"),
            pytest.param("0.4111111111111111", id="a decimal"),
            pytest.param("AB-4111111111111111", id="part of a name"),
            pytest.param("4111-1111 1111-1111", id="mixed separators"),
            pytest.param("0000 0000 0000 0000", id="zeros"),
            pytest.param("a4111111111111111f", id="in a hash"),
        ],
    )
    def test_a_look_alike_is_left(self, quoted: Callable[..., list[str]], text: str) -> None:
        """What has the shape and is something else."""
        assert quoted(find, text) == []
