"""Lines of contact data of which a model takes too much for an address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.encoders.scores import Span
from router_extproc.pii.blocks import parted


def said(text: str, marked: str) -> list[tuple[str, str]]:
    """The name and the rest, if the model marks that as an address."""
    start = text.index(marked)
    found = parted(text, Span(start, start + len(marked), "ADDRESS", 0.9))
    return [(text[span.start : span.end], span.type) for span in found if span is not None]


class TestParted:
    @pytest.mark.parametrize(
        ("text", "marked", "expected"),
        [
            pytest.param(
                "Mia Roe\nLot 5 Elm Lane", "Roe\nLot 5 Elm Lane", [("Mia Roe", "PERSON"), ("Lot 5 Elm Lane", "ADDRESS")], id="above"
            ),
            pytest.param(
                "Bill to\nMia Roe\n9 Elm Lane", "Roe\n9 Elm Lane", [("Mia Roe", "PERSON"), ("9 Elm Lane", "ADDRESS")], id="below a label"
            ),
            pytest.param(
                "Mia Roe\nOpen Data\n9 Elm Lane", "Data\n9 Elm Lane",
                [("Open Data", "ORGANIZATION"), ("9 Elm Lane", "ADDRESS")], id="a firm below a person",
            ),
            pytest.param(
                "by Mia Roe, Dorfweg 6, 39030 Olang", "Mia Roe, Dorfweg 6, 39030 Olang",
                [("Mia Roe", "PERSON"), ("Dorfweg 6, 39030 Olang", "ADDRESS")], id="before a comma",
            ),
            pytest.param("Oak House\n5 Elm Lane", "Oak House\n5 Elm Lane", [("Oak House\n5 Elm Lane", "ADDRESS")], id="a building above"),
            pytest.param("Elm Street\n75 Hill", "Elm Street\n75 Hill", [("Elm Street\n75 Hill", "ADDRESS")], id="a road above"),
            pytest.param("USS Reed\nFPO AP 937", "USS Reed\nFPO AP 937", [("USS Reed\nFPO AP 937", "ADDRESS")], id="a ship"),
            pytest.param("Address\n75 Hill", "Address\n75 Hill", [("75 Hill", "ADDRESS")], id="a label above"),
            pytest.param(
                "5 Elm Lane\nWien\nTelefon +43", "5 Elm Lane\nWien\nTelefon", [("5 Elm Lane\nWien", "ADDRESS")], id="a label below"
            ),
            pytest.param(
                "to 5 Elm Lane\nWien\nAustria for now", "5 Elm Lane\nWien\nAustria",
                [("5 Elm Lane\nWien\nAustria", "ADDRESS")], id="prose below",
            ),
            pytest.param("Shop | 5 Elm Lane | open", "Shop | 5 Elm Lane | open", [("5 Elm Lane", "ADDRESS")], id="fields of a line"),
            pytest.param("RSVP: Mia Roe\n", "Mia Roe", [("Mia Roe", "PERSON")], id="a name alone on its line"),
            pytest.param("we met on Mia Roe then", "Mia Roe", [("Mia Roe", "ADDRESS")], id="within a sentence"),
            pytest.param("Oak Lodge\n", "Oak Lodge", [("Oak Lodge", "ADDRESS")], id="a building alone"),
        ],
    )  # fmt: skip
    def test_leaves_the_address(self, text: str, marked: str, expected: list[tuple[str, str]]) -> None:
        """And tells whose it is."""
        assert said(text, marked) == expected

    @given(st.text(alphabet="Ab 1\n,–.'", max_size=40), st.integers(0, 20), st.integers(1, 20))  # noqa: RUF001 - people write this dash
    def test_stays_within_the_text(self, text: str, start: int, length: int) -> None:
        """Whatever is marked; name and address do not overlap."""
        end = min(len(text), start + length)
        if start < end:
            name, rest = parted(text, Span(start, end, "ADDRESS", 0.9))
            assert 0 <= rest.start <= rest.end <= end
            assert name is None or 0 <= name.start < name.end <= rest.start
