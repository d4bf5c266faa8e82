"""Lanes: what takes long keeps nobody waiting but what takes as long."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from router_extproc.breaker import BreakerState
from router_extproc.encoders.errors import OverloadedError
from router_extproc.encoders.lanes import Lanes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_PATIENCE = 30.0
"""Seconds until a test that would hang fails."""


class Long:
    """A model that is held up by texts of more than ten letters until it is let."""

    def __init__(self) -> None:
        self.began = threading.Semaphore(0)
        self.open = threading.Event()

    def __call__(self, works: Sequence[str]) -> list[str | Exception]:
        if len(works[0]) > 10:
            self.began.release()
            assert self.open.wait(_PATIENCE)
        return [ValueError(work) if "!" in work else work.upper() for work in works]


@pytest.fixture
def long() -> Iterator[Long]:
    """Opens at the end, so that no thread is left in it."""
    long = Long()
    yield long
    long.open.set()


@pytest.fixture
def lanes(long: Long) -> Iterator[Callable[..., Lanes[str, str]]]:
    """Makes lanes for up to five, up to ten and more letters."""
    made: list[Lanes[str, str]] = []

    def make(max_queue: int = 8) -> Lanes[str, str]:
        made.append(Lanes(long, (5, 10), name="tiny", max_queue=max_queue, size=len, usual=5))
        return made[-1]

    yield make
    for each in made:
        each.close()


class TestLanes:
    def test_what_is_short_does_not_wait_for_what_is_long(
        self, lanes: Callable[..., Lanes[str, str]], long: Long, later: float
    ) -> None:
        """However long that takes."""
        it = lanes()
        held = it.submit("x" * 11, later)
        assert long.began.acquire(timeout=_PATIENCE)

        assert [it.submit("y" * size, later).result(_PATIENCE) for size in (1, 5, 6, 10)] == ["Y", "Y" * 5, "Y" * 6, "Y" * 10]
        assert not held.done()
        long.open.set()
        assert held.result(_PATIENCE) == "X" * 11

    def test_each_has_a_queue_of_its_own(self, lanes: Callable[..., Lanes[str, str]], long: Long, later: float) -> None:
        """One that is full refuses, and the others do not."""
        it = lanes(max_queue=1)
        it.submit("x" * 11, later)
        assert long.began.acquire(timeout=_PATIENCE)
        it.submit("x" * 12, later)

        assert isinstance(it.submit("x" * 13, later).exception(_PATIENCE), OverloadedError)
        assert it.submit("y", later).result(_PATIENCE) == "Y"
        assert it.figures.overloads == 1

    def test_tells_the_breaker_that_stands_worst(self, lanes: Callable[..., Lanes[str, str]], later: float) -> None:
        """The others let through what is theirs."""
        it = lanes()
        for _ in range(5):
            it.submit("y!", later).exception(_PATIENCE)

        assert it.breaker.state is BreakerState.OPEN
        assert it.figures.turns == {"open": 1}
        assert it.submit("y" * 6, later).result(_PATIENCE) == "Y" * 6

    def test_a_lane_without_work_has_no_thread(self, lanes: Callable[..., Lanes[str, str]], later: float) -> None:
        """Most processes never see a long text."""
        it = lanes()
        it.submit("y", later).result(_PATIENCE)

        assert [len(lane._threads) for lane in it.lanes] == [1, 0, 0]
