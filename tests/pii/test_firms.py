"""Nouns that make a firm of a name."""

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
