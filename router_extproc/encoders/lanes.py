"""Lanes: a queue and a thread for each order of length, so that what takes long keeps nobody waiting but what takes as long."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Generic, TypeVar

from router_extproc.breaker import BreakerOptions, BreakerReport, worst
from router_extproc.encoders.batching import Batcher, BatchOptions
from router_extproc.encoders.figures import Figures

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from router_extproc.encoders.batching import Task

W = TypeVar("W")
R = TypeVar("R")


class Lanes(Generic[W, R]):
    """Runs pieces of work one by one in the lane for their size. Safe from several threads; a lane that gets no work has no thread."""

    def __init__(
        self,
        run: Callable[[Sequence[W]], Sequence[R | Exception]],
        bounds: Sequence[int],
        *,
        name: str,
        max_queue: int,
        size: Callable[[W], int],
        usual: int,
        breaker: BreakerOptions | None = None,
    ) -> None:
        """`bounds` are the largest size of each lane but the last, in order; for the rest see Batcher."""
        self._name = name
        self._bounds = tuple(bounds)
        self._size = size
        self.figures = Figures()
        """What all lanes did."""
        options = BatchOptions(max_queue=max_queue, max_batch=1)
        names = (name, *(f"{name}-from-{bound}" for bound in bounds))
        self.lanes: tuple[Batcher[W, R], ...] = tuple(
            Batcher(run, options, name=each, figures=self.figures, size=size, usual=usual, breaker=breaker) for each in names
        )
        """For ever larger pieces."""

    @property
    def breaker(self) -> BreakerReport:
        """Whether work is done at all just now: the report of the lane that stands worst."""
        return worst([(self._name, lane.breaker) for lane in self.lanes])[self._name]

    def submit(self, work: W, deadline: float) -> Task[R]:
        """Start work; see Batcher.submit."""
        return self.lanes[bisect_left(self._bounds, self._size(work))].submit(work, deadline)

    def close(self) -> None:
        """End the threads; what waits fails."""
        for lane in self.lanes:
            lane.close()
