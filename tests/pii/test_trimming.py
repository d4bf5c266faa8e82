"""Names of which others have taken a part."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.encoders.scores import Span
from router_extproc.pii.trimming import trimmed


def left(text: str, marked: str, *taken: str, type_: str = "ADDRESS") -> list[tuple[str, str]]:
    """What is left of a marked part if these are taken."""
    start = text.index(marked)
    others = [Span(text.index(part), text.index(part) + len(part), "PHONE", 0.85) for part in taken]
    spans = trimmed(text, [Span(start, start + len(marked), type_, 0.9)], others)
    return [(text[span.start : span.end], span.type) for span in spans]


class TestTrimmed:
    @pytest.mark.parametrize(
        ("text", "marked", "taken", "expected"),
        [
            pytest.param("5 Elm Lane, Wien, 01 555 01", "5 Elm Lane, Wien, 01", ["01 555 01"], ["5 Elm Lane, Wien"], id="behind"),
            pytest.param("5 Elm Lane\nTel. 01 555 01", "5 Elm Lane\nTel. 01", ["01 555 01"], ["5 Elm Lane"], id="behind a label"),
            pytest.param("01 555 01 | 5 Elm Lane", "01 | 5 Elm Lane", ["01 555 01"], ["5 Elm Lane"], id="before"),
            pytest.param(
                "5 Elm Lane | 01 555 01\n9 Oak Lane | 01 555 02", "5 Elm Lane | 01 555 01\n9 Oak Lane | 01", ["01 555 01", "01 555 02"],
                ["5 Elm Lane", "9 Oak Lane"], id="between",
            ),
            pytest.param("call 01 555 01 now", "555", ["01 555 01"], [], id="within"),
            pytest.param("5 Elm Lane 01 555 01", "5 Elm Lane", ["01 555 01"], ["5 Elm Lane"], id="beside"),
        ],
    )  # fmt: skip
    def test_leaves_what_is_beside(self, text: str, marked: str, taken: list[str], expected: list[str]) -> None:
        """Without what separates the two."""
        assert [written for written, _ in left(text, marked, *taken)] == expected

    def test_what_has_no_number_is_no_address(self) -> None:
        """But may be a person."""
        assert left("Mia Roe 01 555 01", "Mia Roe 01", "01 555 01") == [("Mia Roe", "PERSON")]
        assert left("and then 01 555 01", "and then 01", "01 555 01") == []

    def test_names_keep_their_type(self) -> None:
        """Only addresses need numbers."""
        assert left("Roe Ltd 01 555 01", "Roe Ltd 01", "01 555 01", type_="ORGANIZATION") == [("Roe Ltd", "ORGANIZATION")]

    @given(
        text=st.text(alphabet="Ab 1,|\n", min_size=30, max_size=30),
        names=st.lists(st.tuples(st.integers(0, 25), st.integers(1, 8)), max_size=4),
        cuts=st.lists(st.integers(0, 30), max_size=8, unique=True),
    )
    def test_overlaps_nothing_that_is_taken(self, text: str, names: list[tuple[int, int]], cuts: list[int]) -> None:
        """Wherever it is, and stays within what was marked."""
        taken = [Span(start, end, "PHONE", 0.85) for start, end in list(pairwise(sorted(cuts)))[::2]]
        spans = [Span(start, min(30, start + size), "ADDRESS", 0.9) for start, size in sorted(names)]
        for span in trimmed(text, spans, taken):
            assert all(span.end <= other.start or span.start >= other.end for other in taken)
            assert any(whole.start <= span.start < span.end <= whole.end for whole in spans)
