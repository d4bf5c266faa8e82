"""Counting in this process: all or nothing, corrected later, bounded, and never forgetful of who is active."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.limits.memory import MemoryStore
from router_extproc.limits.store import Charge, Receipt

if TYPE_CHECKING:
    from router_extproc.limits.store import Answer

Make = Callable[..., Charge]


def granted(store: MemoryStore, *charges: Charge) -> bool:
    """Whether a request may go on."""
    return store.reserve(charges).granted


def wait(answer: Answer) -> float | None:
    """How long to wait."""
    assert answer.over is not None
    return answer.over.wait_s


class TestReserve:
    def test_grants_up_to_the_limit(self, clock: Any, charge: Make) -> None:
        """And again when the window has passed."""
        store = MemoryStore(clock=clock)
        request = charge(requests=2)

        assert [granted(store, request) for _ in range(4)] == [True, True, False, False]
        clock.now += 66
        assert granted(store, request)

    def test_each_key_has_its_own_allowance(self, clock: Any, charge: Make) -> None:
        """And each limit."""
        store = MemoryStore(clock=clock)

        assert granted(store, charge("a", requests=1))
        assert granted(store, charge("b", requests=1))
        assert granted(store, charge("a", name="other", requests=1))
        assert not granted(store, charge("a", requests=1))

    def test_counts_all_or_nothing(self, clock: Any, charge: Make) -> None:
        """A caller in two groups does not use up one while the other is full."""
        store = MemoryStore(clock=clock)
        assert granted(store, charge("full", requests=1))

        assert not granted(store, charge("free", requests=1), charge("full", requests=1))
        assert store.used(charge("free")) == (0, 0, 0)
        assert granted(store, charge("free", requests=1))

    def test_tells_the_longest_wait(self, clock: Any, charge: Make) -> None:
        """After it there is room for all."""
        store = MemoryStore(clock=clock)
        store.reserve([charge("a", requests=1)])
        clock.now += 20
        store.reserve([charge("b", requests=1)])
        clock.now += 10

        seconds = wait(store.reserve([charge("a", requests=1), charge("b", requests=1)]))
        assert seconds is not None
        assert 50 <= seconds <= 55
        clock.now += seconds
        assert granted(store, charge("a", requests=1), charge("b", requests=1))

    def test_takes_what_is_left_of_what_is_wanted(self, clock: Any, charge: Make) -> None:
        """But no less than it needs, and the wait is for that."""
        store = MemoryStore(clock=clock)
        wants = charge(takes=(1, 80, 0), tokens=100, least=10)

        assert [store.reserve([wants]).tokens for _ in range(2)] == [(80,), (20,)]
        assert wait(store.reserve([wants])) is not None
        assert store.used(wants) == (2, 100, 0)

    def test_what_never_fits_has_no_wait(self, clock: Any, charge: Make) -> None:
        """Waiting would not help."""
        store = MemoryStore(clock=clock)

        assert wait(store.reserve([charge(takes=(1, 101, 0), tokens=100)])) is None


class TestAdjust:
    def test_more_counts_from_now_on(self, clock: Any, charge: Make) -> None:
        """However long the response took: a window that has passed meanwhile excuses nothing."""
        store = MemoryStore(clock=clock)
        receipt = store.reserve([charge(takes=(1, 10, 0), tokens=100)]).receipt
        clock.now += 300
        store.adjust([charge(takes=(0, 90, 0), tokens=100)], receipt)

        assert store.used(charge()) == (0, 90, 0)
        assert not granted(store, charge(takes=(1, 20, 0), tokens=100))

    def test_less_is_given_back(self, clock: Any, charge: Make) -> None:
        """From when it was counted; nothing if that counts no more."""
        store = MemoryStore(clock=clock)
        receipt = store.reserve([charge(takes=(1, 90, 0), tokens=100)]).receipt
        clock.now += 30
        store.reserve([charge(takes=(1, 10, 0), tokens=100)])
        store.adjust([charge(takes=(0, -80, 0), tokens=100)], receipt)
        assert store.used(charge()) == (2, 20, 0)
        clock.now += 40
        assert store.used(charge()) == (1, 10, 0)
        store.adjust([charge(takes=(0, -10, 0), tokens=100)], receipt)
        assert store.used(charge()) == (1, 10, 0)

    def test_what_was_not_counted_here_is_not_corrected_here(self, clock: Any, charge: Make) -> None:
        """Its receipt says so."""
        store = MemoryStore(clock=clock)
        store.adjust([charge(takes=(0, 90, 0))], Receipt(shared=5.0))

        assert store.keys == 0


class TestBound:
    def test_keeps_only_so_many_keys(self, clock: Any, charge: Make) -> None:
        """Newcomers share one allowance then, and those that are active keep theirs: nobody gets more by filling the store."""
        store = MemoryStore(clock=clock, max_keys=3)
        for key in "abc":
            assert granted(store, charge(key, requests=1))

        assert granted(store, charge("d", requests=1))
        assert not granted(store, charge("e", requests=1))
        assert [granted(store, charge(key, requests=1)) for key in "abc"] == [False, False, False]
        assert (store.keys, store.overflowed) == (3, 1)

    def test_a_new_limit_shares_too_when_there_is_no_place(self, clock: Any, charge: Make) -> None:
        """It has none of its own yet."""
        store = MemoryStore(clock=clock, max_keys=1)
        store.reserve([charge("a", requests=1)])

        assert granted(store, charge("a", name="new", requests=1))
        assert not granted(store, charge("b", name="new", requests=1))
        assert store.keys == 1

    def test_keys_out_of_use_make_place(self, clock: Any, charge: Make) -> None:
        """Nothing is lost: nothing counts against them any more."""
        store = MemoryStore(clock=clock, max_keys=3)
        for key in "abc":
            store.reserve([charge(key, requests=1)])
        clock.now += 40
        store.reserve([charge("a", requests=2)])
        clock.now += 30

        assert granted(store, charge("d", requests=1))
        assert granted(store, charge("e", requests=1))
        assert not granted(store, charge("a", requests=1))
        assert store.overflowed == 0

    def test_it_shrinks_by_itself(self, clock: Any, charge: Make) -> None:
        """Every newcomer looks for two that are out of use."""
        store = MemoryStore(clock=clock)
        for number in range(100):
            store.reserve([charge(str(number), requests=1)])
        clock.now += 100
        for number in range(100, 160):
            store.reserve([charge(str(number), requests=1)])

        assert store.keys == 60

    def test_limits_that_are_gone_are_forgotten(self, clock: Any, charge: Make) -> None:
        """When a policy without them is loaded."""
        store = MemoryStore(clock=clock)
        store.reserve([charge("a", requests=1), charge("a", name="other", requests=1)])
        store.keep([charge(requests=5).limit])

        assert store.keys == 1
        assert not granted(store, charge("a", requests=1))
        assert granted(store, charge("a", name="other", requests=1))

    def test_another_bound_takes_the_counts_over(self, clock: Any, charge: Make) -> None:
        """A limit that is raised or lowered by a reload begins at no new count; one with another window does."""
        store = MemoryStore(clock=clock)
        for _ in range(2):
            store.reserve([charge(requests=2)])

        assert granted(store, charge(requests=3))
        assert not granted(store, charge(requests=2))
        assert granted(store, charge(requests=2, window_s=90))


class TestThreads:
    def test_no_more_than_the_limit_is_granted_to_all_of_them(self, charge: Make) -> None:
        """Whoever comes first."""
        store = MemoryStore()
        found: list[bool] = []

        def ask() -> None:
            found.extend(granted(store, charge(requests=500)) for _ in range(200))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sum(found) == 500


@pytest.mark.parametrize("count", [1000])
def test_an_allowance_is_small(charge: Make, count: int) -> None:
    """A full store is a bound in bytes too: the figure in docs/operations.md."""
    import tracemalloc  # noqa: PLC0415 - only here

    keys = [charge(str(number), requests=5) for number in range(count)]
    store = MemoryStore()
    tracemalloc.start()
    for each in keys:
        store.reserve([each])
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert used / count < 600
