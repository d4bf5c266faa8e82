"""Telephone numbers."""

from collections.abc import Callable

import pytest

from router_extproc.encoders.cache import Cache
from router_extproc.pii import phones
from router_extproc.pii.phones import find


class TestFind:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            pytest.param("+44 20 7946 0958", "+44 20 7946 0958", id="world"),
            pytest.param("+14155552671", "+14155552671", id="dense"),
            pytest.param("+41 (0)44 668 18 00", "+41 (0)44 668 18 00", id="zero in brackets"),
            pytest.param("ask (415) 555-2671", "(415) 555-2671", id="America"),
            pytest.param("415.555.2671 it is", "415.555.2671", id="dots"),
            pytest.param("(415) 555-2671x12", "(415) 555-2671x12", id="extension"),
            pytest.param("06 12 34 56 78", "06 12 34 56 78", id="France"),
            pytest.param("Büro 030 901820", "030 901820", id="Germany"),
            pytest.param("call Liam on 070-716-349", "070-716-349", id="a word"),
            pytest.param("phone 448 8003", "448 8003", id="seven digits"),
            pytest.param("mobile: 4155552671", "4155552671", id="bare with a word"),
            pytest.param("212-555-0187 is my cell", "212-555-0187", id="a word behind"),
            pytest.param("phone number for the order: 212-555-0187", "212-555-0187", id="a word that outweighs another"),
            pytest.param("hotline for tickets: 212-555-0187", "212-555-0187", id="what it is for"),
            pytest.param("212\u2011555\u20110187", "212\u2011555\u20110187", id="hyphens that do not break"),
            pytest.param("06\u202f12\u202f34\u202f56\u202f78", "06\u202f12\u202f34\u202f56\u202f78", id="narrow spaces"),
            pytest.param("phone +44 070 7291 4587", "+44 070 7291 4587", id="not valid, but spoken for"),
        ],
    )
    def test_finds_exactly_it(self, quoted: Callable[..., list[str]], text: str, found: str) -> None:
        """The whole of it, and nothing of the sentence."""
        assert quoted(find, text)[:1] == [found]

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("4155552671", id="bare"),
            pytest.param("order 415-555-2671", id="order"),
            pytest.param("Ma commande n° 2024-118-77305 est bloquée", id="French order"),
            pytest.param("numéro de dossier : 01 42 68 53 00", id="French case"),
            pytest.param("Bestellung Nr. 030 901820", id="German order"),
            pytest.param("número de pedido: 612 345 678", id="Spanish order"),
            pytest.param("sprawa nr 601 555 018", id="Polish case"),
            pytest.param("my phone, serial number 415-555-2671", id="serial"),
            pytest.param("my phone, part number PN 415-555-2671", id="part"),
            pytest.param("call about the order: 415-555-2671", id="a weak word outweighs nothing"),
            pytest.param("my phone for order no. 415-555-2671", id="a number of the order"),
            pytest.param("the mobile with serial: 12345678", id="a number of the telephone"),
            pytest.param("call me on 12/05/2024", id="date"),
            pytest.param("call me on 2024\u201105\u201112", id="date with hyphens that do not break"),
            pytest.param("call 2024-05-12", id="ISO date"),
            pytest.param("call it 1914-1918", id="years"),
            pytest.param("0.5245 2.0 0.00468 0.5", id="decimals"),
            pytest.param("phones: 1.234.567", id="thousands"),
            pytest.param("call $415-555-2671", id="money"),
            pytest.param("phone 1234 5678 9012 3456", id="too long"),
            pytest.param("phone 123 45", id="too short"),
            pytest.param("3,060 843 4.70", id="table"),
            pytest.param("call 1234567", id="few digits with a weak word"),
            pytest.param("0401000-02", id="part"),
            pytest.param("+999 1234 5678", id="no such number"),
            pytest.param("1-2-3-4-5-6-7-8-9", id="digits"),
        ],
    )
    def test_a_look_alike_is_left(self, quoted: Callable[..., list[str]], text: str) -> None:
        """What has the shape and is something else."""
        assert quoted(find, text) == []

    def test_asks_for_a_number_once(self, quoted: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
        """A stream's window is searched again and again; nothing that is kept tells the number."""
        asked: list[str] = []
        real = phones._can_be_dialled
        monkeypatch.setattr(phones, "_LOOKED_UP", Cache[bool](4))
        monkeypatch.setattr(phones, "_can_be_dialled", lambda number, region: asked.append(number) or real(number, region))

        assert [quoted(find, f"to +49 30 9018{number}") for number in (20, 20, 21, 20)] == [
            [f"+49 30 9018{number}"] for number in (20, 20, 21, 20)
        ]
        assert asked == ["+49 30 901820", "+49 30 901821"]
