"""Pools: what is learned from responses."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.pools import MAX_POOLS, PoolStats
from router_extproc.routing import Observation


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def seen(pool: str = "a", status: int = 200, **more: float | bool | None) -> Observation:
    """A response."""
    return Observation(outcome_id="1", pool=pool, model="m", status=status, **more)  # type: ignore[arg-type]  # fields by name


class TestPoolStats:
    def test_averages(self) -> None:
        """Of responses at one moment each counts the same. Speeds are averaged as the times that they mean: 10 and 30 a second make 15."""
        stats = PoolStats(clock=Clock())
        for first in (1.0, 3.0):
            stats.observe(seen(time_to_first_token_s=first, tokens_per_second=10 * first, duration_s=first, output_tokens=100))

        found = stats.snapshot()["a"]
        assert (found.time_to_first_token_s, found.tokens_per_second, found.duration_s) == (2.0, 15.0, 2.0)
        assert (found.responses, found.output_tokens, found.error_rate) == (2.0, 100.0, 0.0)

    def test_the_old_counts_less(self) -> None:
        """Half after a half-life."""
        clock = Clock()
        stats = PoolStats(half_life_s=10, clock=clock)
        stats.observe(seen(time_to_first_token_s=4.0))
        clock.now = 10.0
        stats.observe(seen(time_to_first_token_s=1.0))

        assert stats.snapshot()["a"].time_to_first_token_s == pytest.approx((4.0 * 0.5 + 1.0) / 1.5)

    @pytest.mark.parametrize("status", [401, 403, 404, 408, 429, 500, 503, 599])
    def test_a_pool_that_refuses_fails(self, status: int) -> None:
        """And how quickly it did is not how quickly it answers."""
        stats = PoolStats(clock=Clock())
        stats.observe(seen(status=200, duration_s=2.0))
        stats.observe(seen(status=status, duration_s=0.001))

        found = stats.snapshot()["a"]
        assert (found.error_rate, found.duration_s) == (0.5, 2.0)

    def test_a_stream_that_breaks_off_fails(self) -> None:
        """Whatever its status said; that it had begun still counts."""
        stats = PoolStats(clock=Clock())
        stats.observe(seen(complete=False, time_to_first_token_s=0.2, duration_s=0.3))

        found = stats.snapshot()["a"]
        assert (found.error_rate, found.time_to_first_token_s, found.duration_s) == (1.0, 0.2, None)

    @pytest.mark.parametrize("status", [400, 413, 422, 499])
    def test_a_caller_who_was_wrong_tells_nothing_of_the_pool(self, status: int) -> None:
        """Neither that it fails nor that it is quick."""
        stats = PoolStats(clock=Clock())
        stats.observe(seen(status=status, duration_s=0.001))

        assert stats.snapshot() == {}

    def test_one_burst_does_not_make_a_pool_quick(self) -> None:
        """A stream that came in one piece seems endlessly fast: of two times one is then nothing, no more."""
        stats = PoolStats(clock=Clock())
        for rate in (50.0, 5e7):
            stats.observe(seen(tokens_per_second=rate))

        assert stats.snapshot()["a"].tokens_per_second == pytest.approx(100, rel=1e-3)

    def test_a_figure_that_is_long_not_seen_is_forgotten(self) -> None:
        """After twenty half-lives, though other figures still come; before, its value stays what it was."""
        clock = Clock()
        stats = PoolStats(half_life_s=10, clock=clock)
        stats.observe(seen(time_to_first_token_s=0.3))
        told = {}
        for clock.now in range(1, 12_000):
            stats.observe(seen())
            told[clock.now] = stats.snapshot()["a"].time_to_first_token_s

        assert told[190] == pytest.approx(0.3)
        assert all(told[now] is None for now in range(210, 12_000))

    def test_a_clock_that_goes_back_adds_no_weight(self) -> None:
        """What was seen does not count for more than it did."""
        clock = Clock()
        stats = PoolStats(half_life_s=10, clock=clock)
        clock.now = 100.0
        stats.observe(seen())
        clock.now = 0.0
        stats.observe(seen())

        assert stats.snapshot()["a"].responses == 2.0

    @given(
        st.lists(
            st.tuples(
                st.sampled_from([200, 400, 429, 500]),
                st.booleans(),
                st.floats(0.001, 100),
                st.floats(0.1, 1e6),
                st.floats(0, 1e5),
            ),
            min_size=1,
            max_size=30,
        )
    )
    def test_means_lie_between_what_was_seen(self, responses: list[tuple[int, bool, float, float, float]]) -> None:
        """Whatever comes, whenever."""
        clock = Clock()
        stats = PoolStats(clock=clock)
        for status, complete, first, rate, later in responses:
            clock.now += later
            stats.observe(seen(status=status, complete=complete, time_to_first_token_s=first, tokens_per_second=rate))

        for found in stats.snapshot().values():
            firsts, rates = [each[2] for each in responses], [each[3] for each in responses]
            assert found.time_to_first_token_s is not None
            assert found.tokens_per_second is not None
            assert min(firsts) * 0.999 <= found.time_to_first_token_s <= max(firsts) * 1.001
            assert min(rates) * 0.999 <= found.tokens_per_second <= max(rates) * 1.001
            assert 0 <= found.error_rate <= 1
            assert found.responses >= 1

    def test_a_snapshot_never_changes(self) -> None:
        """A later call gives a later one."""
        stats = PoolStats(clock=Clock())
        stats.observe(seen())
        first = stats.snapshot()
        stats.observe(seen("b"))

        assert set(first) == {"a"}
        assert set(stats.snapshot()) == {"a", "b"}

    def test_forgets_pools_that_are_no_more(self) -> None:
        """After a reload."""
        stats = PoolStats(clock=Clock())
        stats.observe(seen("a"))
        stats.observe(seen("b"))
        stats.keep(["b", "c"])

        assert set(stats.snapshot()) == {"b"}

    def test_is_bounded(self) -> None:
        """By construction, whatever is observed."""
        stats = PoolStats(clock=Clock())
        for number in range(MAX_POOLS + 5):
            stats.observe(seen(str(number)))

        assert len(stats.snapshot()) == MAX_POOLS

    def test_takes_observations_from_several_threads(self) -> None:
        """None is lost."""
        stats = PoolStats(clock=Clock())

        def observe() -> None:
            for _ in range(200):
                stats.observe(seen())

        threads = [threading.Thread(target=observe) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert stats.snapshot()["a"].responses == pytest.approx(800)
