"""Counts for many places at once."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from router_extproc.privacy.tally import Tally

PLACES = st.frozensets(st.integers(0, 70), max_size=12)


def bits(places: frozenset[int]) -> int:
    """As a Tally takes them."""
    return sum(1 << place for place in places)


class TestTally:
    @given(named=st.lists(st.tuples(PLACES, st.integers(0, 9)), max_size=9), among=PLACES)
    def test_counts_as_one_by_one(self, named: list[tuple[frozenset[int], int]], among: frozenset[int]) -> None:
        """Whatever is named, and how often."""
        tally, counts = Tally(), Counter[int]()
        for places, times in named:
            tally.add(bits(places), times)
            counts.update(dict.fromkeys(places, times))

        assert tally.highest(bits(among)) == max((counts[place] for place in among), default=0)

    def test_nothing(self) -> None:
        """No count, whatever is asked."""
        assert Tally().highest(0b111) == 0
