"""Pools: what is learned from responses."""

from __future__ import annotations

import threading

import pytest

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
        """Of responses at one moment each counts the same."""
        stats = PoolStats(clock=Clock())
        for first in (1.0, 3.0):
            stats.observe(seen(time_to_first_token_s=first, tokens_per_second=10 * first, duration_s=first, output_tokens=100))

        found = stats.snapshot()["a"]
        assert (found.time_to_first_token_s, found.tokens_per_second, found.duration_s) == (2.0, 20.0, 2.0)
        assert (found.responses, found.output_tokens, found.error_rate) == (2.0, 100.0, 0.0)

    def test_the_old_counts_less(self) -> None:
        """Half after a half-life."""
        clock = Clock()
        stats = PoolStats(half_life_s=10, clock=clock)
        stats.observe(seen(time_to_first_token_s=4.0))
        clock.now = 10.0
        stats.observe(seen(time_to_first_token_s=1.0))

        assert stats.snapshot()["a"].time_to_first_token_s == pytest.approx((4.0 * 0.5 + 1.0) / 1.5)

    def test_errors_are_server_errors_and_broken_streams(self) -> None:
        """A refusal by the server's own rules (429 is not one of them) says nothing about its health."""
        stats = PoolStats(clock=Clock())
        for status, complete in ((200, True), (503, True), (200, False), (404, True)):
            stats.observe(seen(status=status, complete=complete))

        assert stats.snapshot()["a"].error_rate == pytest.approx(0.5)

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
        threads = [threading.Thread(target=lambda: [stats.observe(seen()) for _ in range(200)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert stats.snapshot()["a"].responses == pytest.approx(800)
