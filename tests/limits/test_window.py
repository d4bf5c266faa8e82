"""The sliding window: never more than the limit in any stretch of it, and no longer than it has to be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from router_extproc.limits.limit import NO_BOUND
from router_extproc.limits.window import BUCKETS, Window, bucket_at, excess

WINDOW_S = 60
WIDTH = WINDOW_S / BUCKETS


class TestWindow:
    def test_adds_up_what_came(self) -> None:
        """By amount."""
        window = Window()
        window.add(5, (1, 10, 100))
        window.add(5, (1, 20, 0))
        window.add(7, (1, 0, 5))

        assert window.used == [3, 30, 105]
        assert window.last == 7

    def test_forgets_what_is_older_than_the_window(self) -> None:
        """A bucket counts as long as some of it may lie in the window."""
        window = Window()
        window.add(5, (1, 10, 0))
        window.add(6, (1, 20, 0))

        window.forget(5 + BUCKETS)
        assert window.used == [2, 30, 0]
        window.forget(6 + BUCKETS)
        assert window.used == [1, 20, 0]
        window.forget(100)
        assert window.used == [0, 0, 0]

    def test_takes_back_from_the_bucket_that_it_was_counted_in(self) -> None:
        """Not more than was counted, and nothing from one that counts no more."""
        window = Window()
        window.add(5, (1, 10, 0))
        window.add(6, (1, 20, 0))
        window.take_back(5, (0, 4, 0))
        assert window.used == [2, 26, 0]
        window.take_back(5, (0, 99, 0))
        assert window.used == [2, 20, 0]
        window.take_back(4, (1, 20, 0))
        assert window.used == [2, 20, 0]
        window.forget(5 + BUCKETS + 1)
        assert window.used == [1, 20, 0]

    def test_tells_when_enough_is_free(self) -> None:
        """The oldest goes first."""
        window = Window()
        window.add(5, (2, 0, 0))
        window.add(9, (3, 0, 0))

        assert window.frees(0, 1) == window.frees(0, 2) == 5 + BUCKETS + 1
        assert window.frees(0, 3) == 9 + BUCKETS + 1

    @given(st.lists(st.floats(0.0, 30.0), min_size=1, max_size=120), st.integers(1, 8))
    def test_grants_no_more_than_the_limit_in_any_window(self, pauses: list[float], most: int) -> None:
        """Whatever the times at which requests come; this is what GCRA and a two-bucket counter do not promise."""
        window, now = Window(), 0.0
        granted: list[float] = []
        for pause in pauses:
            now += pause
            bucket = bucket_at(now, WINDOW_S)
            window.forget(bucket)
            if excess(window.used, (1, 0, 0), (most, NO_BOUND, NO_BOUND))[0] == NO_BOUND:
                window.add(bucket, (1, 0, 0))
                granted.append(now)

        for first in granted:
            assert sum(first <= at < first + WINDOW_S for at in granted) <= most

    @given(st.lists(st.floats(0.0, 30.0), min_size=1, max_size=60), st.integers(1, 5))
    def test_after_the_wait_there_is_room_and_not_before(self, pauses: list[float], most: int) -> None:
        """What callers are told in Retry-After holds."""
        window, now, bound = Window(), 0.0, (most, NO_BOUND, NO_BOUND)
        for pause in pauses:
            now += pause
            bucket = bucket_at(now, WINDOW_S)
            window.forget(bucket)
            index, over = excess(window.used, (1, 0, 0), bound)
            if index == NO_BOUND:
                window.add(bucket, (1, 0, 0))
                continue
            frees = window.frees(0, over)
            assert 0 < frees * WIDTH - now <= WINDOW_S + WIDTH + 1e-6
            window.forget(frees - 1)
            assert excess(window.used, (1, 0, 0), bound)[0] == 0
            window.forget(frees)
            assert excess(window.used, (1, 0, 0), bound)[0] == NO_BOUND
            now = max(now, frees * WIDTH)


class TestExcess:
    def test_is_of_the_first_amount_that_is_over(self) -> None:
        """And says by how much."""
        assert excess([0, 0, 0], (1, 50, 0), (1, 50, 0 + 1)) == (NO_BOUND, 0)
        assert excess([1, 0, 0], (1, 50, 0), (1, 50, -1)) == (0, 1)
        assert excess([0, 20, 0], (1, 50, 0), (-1, 50, -1)) == (1, 20)

    def test_what_takes_nothing_yet_needs_some_room(self) -> None:
        """The cost is known later; a budget that is spent serves nobody."""
        assert excess([0, 0, 9], (1, 0, 0), (-1, -1, 10))[0] == NO_BOUND
        assert excess([0, 0, 10], (1, 0, 0), (-1, -1, 10)) == (2, 1)
