"""National identity numbers."""

from collections.abc import Callable

import pytest

from router_extproc.pii.ids import find


class TestFind:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            pytest.param("NI number AB123456C", "AB123456C", id="GB"),
            pytest.param("it is AB 12 34 56 C.", "AB 12 34 56 C", id="GB without a word"),
            pytest.param("NHS number 943 476 5919", "943 476 5919", id="GB health"),
            pytest.param("Steuer-ID 36 574 261 809", "36 574 261 809", id="DE"),
            pytest.param("2 95 10 99 126 111 93", "2 95 10 99 126 111 93", id="FR"),
            pytest.param("mi DNI es 12345678Z", "12345678Z", id="ES"),
            pytest.param("NIE X1234567L", "X1234567L", id="ES foreigners"),
            pytest.param("RCCMNL83S18D969H", "RCCMNL83S18D969H", id="IT"),
            pytest.param("PESEL: 44051401359", "44051401359", id="PL"),
            pytest.param("390.533.447-05", "390.533.447-05", id="BR"),
            pytest.param("aadhaar 2341 2341 2346", "2341 2341 2346", id="IN"),
            pytest.param("BSN 111222333", "111222333", id="NL"),
            pytest.param("personnummer 880320-0016", "880320-0016", id="SE"),
            pytest.param("social insurance 123-456-782", "123-456-782", id="CA"),
            pytest.param("号码11010519491231002X吗", "11010519491231002X", id="CN without spaces"),
        ],
    )
    def test_finds_exactly_it(self, quoted: Callable[..., list[str]], text: str, found: str) -> None:
        """A country's own format, alone or after its name."""
        assert found in quoted(find, text)

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("PESEL: 44051401358", id="wrong digit"),
            pytest.param("the number 44051401359", id="no word"),
            pytest.param("12345678Z", id="shape too common without a word"),
            pytest.param("order BSN 1: invoice 111222333", id="a word for something else is nearer"),
            pytest.param("part AB123456C", id="part"),
            pytest.param("GB123456C", id="prefix that is not given"),
            pytest.param("AB123456E", id="ending that is not given"),
            pytest.param("390.533.447-06", id="wrong digits of a rare shape"),
            pytest.param("xRCCMNL83S18D969H", id="goes on"),
            pytest.param("ABCDE1234F", id="no word for a card number"),
        ],
    )
    def test_a_look_alike_is_left(self, quoted: Callable[..., list[str]], text: str) -> None:
        """Check digits decide, and for common shapes the words."""
        assert quoted(find, text) == []
