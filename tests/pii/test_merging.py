"""One list out of several."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.encoders.scores import Span
from router_extproc.pii.kinds import CHECKABLE
from router_extproc.pii.merging import Places, merged

SPANS = st.lists(
    st.builds(
        lambda start, length, type_, score: Span(start, start + length, type_, score),
        st.integers(0, 30),
        st.integers(0, 8),
        st.sampled_from(["PERSON", "ADDRESS", "PHONE", "EMAIL"]),
        st.floats(0, 1),
    )
)


class TestMerged:
    def test_checked_outdoes_judged(self) -> None:
        """However sure the model is."""
        checked, judged = Span(5, 9, "PHONE", 0.85), Span(0, 6, "PERSON", 1.0)
        assert merged([checked], [judged]) == (checked,)

    def test_the_surer_of_two_judged_stays(self) -> None:
        """Wherever they stand in the list."""
        sure, unsure = Span(4, 9, "PERSON", 0.9), Span(0, 5, "ADDRESS", 0.8)
        assert merged([], [unsure, sure]) == (sure,)

    @pytest.mark.parametrize("name", ["CREDIT_CARD", "IBAN"])
    def test_only_patterns_say_what_can_be_checked(self, name: str) -> None:
        """A model's card number that no checksum confirms is none."""
        person = Span(0, 3, "PERSON", 0.7)
        assert merged([], [Span(5, 9, name, 1.0), person]) == (person,)

    def test_neighbours_stay_both(self) -> None:
        """Spans are half open."""
        first, second = Span(0, 4, "PERSON", 0.5), Span(4, 6, "AGE", 0.85)
        assert merged([second], [first]) == (first, second)

    def test_nothing(self) -> None:
        """No spans in, none out."""
        assert merged([], []) == ()

    @given(checked=SPANS, judged=SPANS)
    def test_in_order_and_apart(self, checked: list[Span], judged: list[Span]) -> None:
        """Whatever comes in."""
        spans = merged(checked, judged)
        assert all(span.start < span.end for span in spans)
        assert all(first.end <= second.start for first, second in pairwise(spans))

    @given(judged=SPANS)
    def test_what_is_left_out_is_overlapped_by_a_surer_one(self, judged: list[Span]) -> None:
        """Nothing is lost for no reason."""
        spans = merged([], judged)
        for span in judged:
            if span not in spans and span.type not in CHECKABLE and span.start < span.end:
                assert any(other.start < span.end and span.start < other.end and other.score >= span.score for other in spans)


class TestPlaces:
    @given(lists=st.lists(SPANS, max_size=3), copies=st.sampled_from([1, 40]))
    def test_who_comes_first_stays(self, lists: list[list[Span]], copies: int) -> None:
        """In whatever order they come, a few at a time or many."""
        lists = [
            [Span(span.start + 50 * copy, span.end + 50 * copy, span.type, 1.0) for copy in range(copies) for span in spans]
            for spans in lists
        ]
        places, stay = Places(), list[Span]()
        for spans in lists:
            places.add(spans)
            for span in spans:
                if span.start < span.end and all(span.end <= other.start or other.end <= span.start for other in stay):
                    stay.append(span)

        assert list(places.spans) == sorted(stay, key=lambda span: span.start)

    def test_many_between_many_are_put_in_at_once(self, work: Callable[..., int]) -> None:
        """A megabyte may hold 50,000 web addresses with as many mail addresses between them."""

        def spans(count: int, first: int) -> Iterator[Span]:
            return (Span(at, at + 2, "EMAIL", 1.0) for at in range(first, 10 * count, 10))

        def merged_in(count: int) -> int:
            places = Places()
            places.add(spans(count, 0))
            return work(lambda: places.add(spans(count, 5)))

        assert merged_in(8000) < 5 * merged_in(2000)
