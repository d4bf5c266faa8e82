"""Health: circuits that open, probe and close, and what Envoy says of hosts."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.breaker import BreakerState, circuit_options
from router_extproc.health import CIRCUIT_OPEN, NO_HOSTS, TRIAL_S, PoolHealth
from router_extproc.routing import ModelPool, Observation

POOL = ModelPool("small", "s", "m")


@dataclass
class Clock:
    """Seconds, as the test says."""

    now: float = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def health(*, probes: int = 1, pause: float = 5.0) -> tuple[PoolHealth, Clock]:
    """One whose circuits open after three failures."""
    clock = Clock()
    made = PoolHealth(clock=clock)
    made.configure(circuit_options(3, pause, 60.0, probes), ["small"])
    return made, clock


def seen(status: int = 200, *, complete: bool = True) -> Observation:
    """An answer."""
    return Observation("1", "small", "m", status, complete=complete)


def fail(made: PoolHealth, times: int = 3) -> None:
    """That many failures."""
    for _ in range(times):
        made.observe(seen(503))


def is_probed(made: PoolHealth) -> bool:
    """Whether a request that goes to the pool now is a probe."""
    report = made.reports().get("small")
    return report is not None and report.state is BreakerState.HALF_OPEN


class TestCircuit:
    def test_opens_after_failures_in_a_row(self) -> None:
        """And not before; an answer begins the row anew."""
        made, _ = health()
        fail(made, 2)
        made.observe(seen())
        fail(made, 2)
        assert made.barred(POOL) == ""

        fail(made, 1)
        assert made.barred(POOL) == CIRCUIT_OPEN
        assert made.admits(POOL) == CIRCUIT_OPEN

    @pytest.mark.parametrize(
        "told",
        [
            pytest.param(seen(400), id="the caller was wrong"),
            pytest.param(seen(200, complete=False), id="it broke off: perhaps the caller left"),
        ],
    )
    def test_what_says_nothing_of_the_pool_changes_nothing(self, told: Observation) -> None:
        """Neither good nor bad."""
        made, _ = health()
        fail(made, 2)
        for _ in range(5):
            made.observe(told)
        assert made.barred(POOL) == ""
        fail(made, 1)

        assert made.barred(POOL) == CIRCUIT_OPEN

    def test_lets_few_probe_when_the_pause_is_over(self) -> None:
        """As many as it is told, and looking takes no place; all must succeed."""
        made, clock = health(probes=2)
        fail(made)
        clock.now += 5.0
        assert [made.barred(POOL) for _ in range(5)] == [""] * 5
        assert [made.admits(POOL) for _ in range(4)] == ["", "", CIRCUIT_OPEN, CIRCUIT_OPEN]
        assert is_probed(made)

        made.observe(seen())
        assert made.reports()["small"].state is BreakerState.HALF_OPEN
        made.observe(seen())
        assert made.reports()["small"].state is BreakerState.CLOSED

    def test_a_probe_that_fails_doubles_the_pause(self) -> None:
        """Up to the longest; one that succeeds later makes the first pause short again."""
        made, clock = health()
        fail(made)
        for pause in (5, 10, 20, 40, 60, 60):
            clock.now += pause - 0.1
            assert made.barred(POOL) == CIRCUIT_OPEN
            clock.now += 0.1
            assert made.admits(POOL) == ""
            made.observe(seen(503))

        clock.now += 60
        assert made.admits(POOL) == ""
        made.observe(seen())
        fail(made)
        clock.now += 5
        assert made.barred(POOL) == ""

    def test_a_probe_of_which_nothing_is_heard_makes_place(self) -> None:
        """It does not count as failed: its answer may have come from a cache."""
        made, clock = health()
        fail(made)
        clock.now += 5
        assert made.admits(POOL) == ""
        assert made.barred(POOL) == CIRCUIT_OPEN
        clock.now += TRIAL_S + 1

        assert made.barred(POOL) == ""
        assert made.admits(POOL) == ""
        made.observe(seen())
        assert made.reports()["small"].state is BreakerState.CLOSED

    def test_a_probe_whose_caller_left_makes_place_at_once(self) -> None:
        """For the next."""
        made, clock = health()
        fail(made)
        clock.now += 5
        made.admits(POOL)
        made.observe(seen(complete=False))

        assert made.admits(POOL) == ""

    def test_flapping_is_damped(self) -> None:
        """A pool that answers its probes and then fails again is asked a few times in each pause, not all the time."""
        made, clock = health()
        asked = 0
        for _ in range(600):
            clock.now += 0.1
            if made.admits(POOL):
                continue
            asked += 1
            # It answers one request after each recovery, and fails those that follow.
            made.observe(seen(200 if is_probed(made) else 503))

        assert asked < 60
        assert made.turns["small"].counts["open"] >= 10

    def test_another_policy_begins_anew_only_with_other_settings(self) -> None:
        """A reload for another reason forgets nothing but pools that are gone."""
        made, _ = health()
        fail(made)
        made.configure(circuit_options(3, 5.0, 60.0, 1), ["small", "large"])
        assert made.barred(POOL) == CIRCUIT_OPEN

        made.configure(circuit_options(4, 5.0, 60.0, 1), ["small"])
        assert made.barred(POOL) == ""
        fail(made, 4)
        made.configure(circuit_options(4, 5.0, 60.0, 1), ["large"])
        assert made.reports() == {}

    @given(st.lists(st.tuples(st.sampled_from([200, 503, 400]), st.floats(0, 30)), max_size=60), st.integers(1, 3))
    def test_never_lets_more_than_its_probes_through(self, events: list[tuple[int, float]], probes: int) -> None:
        """While it is half-open, whatever happens."""
        made, clock = health(probes=probes)
        fail(made)
        for status, pause in events:
            clock.now += pause
            admitted = [made.admits(POOL) == "" for _ in range(probes + 2)]
            if made.reports()["small"].state is not BreakerState.CLOSED:
                assert sum(admitted) <= probes
            made.observe(seen(status))


class TestHosts:
    def test_a_cluster_without_healthy_hosts_is_left(self) -> None:
        """One that Envoy does not name is not."""
        made, clock = health()
        made.learn({"s": 0})
        assert made.barred(POOL) == NO_HOSTS
        assert made.barred(ModelPool("other", "o", "m")) == ""

        made.learn({"s": 1})
        assert made.barred(POOL) == ""
        made.learn({"s": 0})
        clock.now += 31
        assert made.barred(POOL) == ""
