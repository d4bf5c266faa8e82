"""Nouns that make a firm of a name."""
# ruff: noqa: RUF001 - words of other languages have letters that look like Latin ones

import pytest

from router_extproc.encoders.scores import Span
from router_extproc.pii.firms import is_a_firm, widened


class TestWidened:
    @pytest.mark.parametrize(
        ("text", "name", "type_", "expected"),
        [
            pytest.param("marked Roe Roofing left", "Roe", "PERSON", ("Roe Roofing", "ORGANIZATION"), id="a noun behind"),
            pytest.param(
                "at Roe Valve Works AG today", "Roe", "PERSON", ("Roe Valve Works AG", "ORGANIZATION"), id="with its form"
            ),
            pytest.param("Roe Ltd. pays", "Roe", "ORGANIZATION", ("Roe Ltd", "ORGANIZATION"), id="a form alone"),
            pytest.param("Roe plc pays", "Roe", "ORGANIZATION", ("Roe plc", "ORGANIZATION"), id="a form of small letters"),
            pytest.param("Roe Works", "Roe", "PERSON", ("Roe Works", "ORGANIZATION"), id="nothing else"),
            pytest.param("(Hotel Roe)", "Roe", "PERSON", ("Hotel Roe", "ORGANIZATION"), id="a noun before, behind a sign"),
            pytest.param("the hotel Roe", "Roe", "PERSON", ("Roe", "PERSON"), id="a noun before of small letters"),
            pytest.param("at Bistro Roe tonight", "Roe", "PERSON", ("Bistro Roe", "ORGANIZATION"), id="a noun before"),
            pytest.param("Roe directors met", "Roe", "PERSON", ("Roe", "PERSON"), id="small letters"),
            pytest.param("Roe. School begins", "Roe", "PERSON", ("Roe", "PERSON"), id="another sentence"),
            pytest.param("roe Works", "roe", "PERSON", ("roe", "PERSON"), id="no capital"),
            pytest.param("Elm School", "Elm", "ADDRESS", ("Elm", "ADDRESS"), id="an address"),
            pytest.param("has run Roe Boatbuilders since", "Roe", "PERSON", ("Roe Boatbuilders", "ORGANIZATION"), id="a trade"),
            pytest.param("by Roe Frères Catering", "Roe Frères", "PERSON", ("Roe Frères Catering", "ORGANIZATION"), id="another"),
            pytest.param("ask Roe Shipwrights", "Roe", "PERSON", ("Roe Shipwrights", "ORGANIZATION"), id="a trade's end"),
            pytest.param("ask Roe boatbuilders", "Roe", "PERSON", ("Roe", "PERSON"), id="a trade of small letters"),
            pytest.param("by Roe S.L. now", "Roe S", "ORGANIZATION", ("Roe S.L.", "ORGANIZATION"), id="a form that was cut"),
            pytest.param("by Roe S.L.U. now", "Roe", "PERSON", ("Roe S.L.U.", "ORGANIZATION"), id="a form with dots"),
            pytest.param("for Roe sp. z o.o.: pay", "Roe", "ORGANIZATION", ("Roe sp. z o.o.", "ORGANIZATION"), id="Polish form"),
            pytest.param(
                "Roe A.Ş.'den aldım", "Roe A.Ş.'den aldım", "ORGANIZATION", ("Roe A.Ş.", "ORGANIZATION"), id="an ending"
            ),
            pytest.param("met Roe. S. came", "Roe", "PERSON", ("Roe", "PERSON"), id="the next sentence"),
            pytest.param("for Mia S. Roe", "Mia S", "PERSON", ("Mia S", "PERSON"), id="an initial"),
            pytest.param("ООО «Бриз» в лице", "Бриз", "PERSON", ("ООО «Бриз»", "ORGANIZATION"), id="a form before quotes"),
            pytest.param("журнал «Бриз» вышел", "Бриз", "ORGANIZATION", ("Бриз", "ORGANIZATION"), id="quotes alone"),
            pytest.param("\nElm Roe AG, desk", "Roe AG", "ORGANIZATION", ("Elm Roe AG", "ORGANIZATION"), id="a word before"),
            pytest.param(
                "CEO, Elm Roe Architects\n", "Roe", "PERSON", ("Elm Roe Architects", "ORGANIZATION"), id="behind a comma"
            ),
            pytest.param("Contact Roe AG\n", "Roe AG", "ORGANIZATION", ("Roe AG", "ORGANIZATION"), id="a verb before"),
            pytest.param("Kunde Roe AG\n", "Roe AG", "ORGANIZATION", ("Roe AG", "ORGANIZATION"), id="a German noun before"),
            pytest.param("Elm Roe AG pays", "Roe AG", "ORGANIZATION", ("Roe AG", "ORGANIZATION"), id="a sentence's first word"),
            pytest.param("am Freitag Roe AG\n", "Roe AG", "ORGANIZATION", ("Roe AG", "ORGANIZATION"), id="a noun in a sentence"),
            pytest.param("\nElm Roe, desk", "Roe", "ORGANIZATION", ("Roe", "ORGANIZATION"), id="no firm's noun"),
        ],
    )
    def test_takes_nouns_along(self, text: str, name: str, type_: str, expected: tuple[str, str]) -> None:
        """With capitals, right beside the name."""
        start = text.index(name)
        span = widened(text, Span(start, start + len(name), type_, 0.9))
        assert (text[span.start : span.end], span.type) == expected


@pytest.mark.parametrize(
    ("written", "firm"), [("Roe Data Trust", True), ("Gebrüder Roe", True), ("Roe AG", True), ("Mia Roe", False)]
)
def test_tells_firms(written: str, *, firm: bool) -> None:
    """By their nouns."""
    assert is_a_firm(written) is firm
