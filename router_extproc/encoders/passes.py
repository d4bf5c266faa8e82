"""Passes: what a Batcher's thread does with the batches that it takes."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING, TypeVar

from router_extproc.encoders.course import Course, InSteps
from router_extproc.encoders.errors import LateError, OverloadedError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from router_extproc.breaker import Breaker
    from router_extproc.encoders.batching import Job, Queue
    from router_extproc.encoders.figures import Figures

W = TypeVar("W")
R = TypeVar("R")

_NICE = 3
"""Encoder threads give way to the event loop: without it, requests that need no model wait for those that do. Not by more, or requests
that are refused at once, which come all the faster, leave the model no time for those that are not."""
_SLOW = "a pass was too slow"


def work(
    queue: Queue[W, R],
    run: Callable[[Sequence[W]], Sequence[R | Exception]] | InSteps[W, R],
    figures: Figures,
    breaker: Breaker,
) -> None:
    """Take batches and finish them, until the queue is closed. Tasks are told outside its lock: who waits may take locks of his own."""
    with contextlib.suppress(OSError, AttributeError):  # where threads have no priority of their own, they work without
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
    while (jobs := queue.take()) is not None:
        seconds = 0.0
        try:
            seconds = _finish(jobs, run, queue, figures, breaker)
        finally:
            queue.finished(jobs, seconds)
        del jobs
    for job in queue.rest():
        job.task.set_exception(OverloadedError(f"{queue.name} is closed"))


class _Watched(Course):
    """The course of a batch whose pieces are given up where they are late and others wait."""

    def __init__(self, jobs: Sequence[Job[W, R]], queue: Queue[W, R]) -> None:
        self._tasks = [job.task for job in jobs]
        self._gives_up = queue.gives_up
        self._clock = queue.clock
        self._began = self._stepped = queue.clock()
        self._share = 0.0
        self._asked = False

    def going(self, places: Collection[int]) -> Collection[int]:
        """Never again one that is given up."""
        if not self._asked:
            self._asked, self._stepped = True, self._clock()
        return [place for place in places if not self._gives_up(self._tasks[place])]

    def did(self, share: float) -> None:
        """Add it up."""
        self._share += share

    @property
    def seconds(self) -> float:
        """That it has taken."""
        return self._clock() - self._began

    @property
    def whole(self) -> float:
        """Seconds that it would have taken with nothing given up, by the steps that were run; 0 if none was.

        What comes before the steps is done for all of it.
        """
        return self._stepped - self._began + (self._clock() - self._stepped) / self._share if self._share else 0.0


def _finish(
    jobs: Sequence[Job[W, R]],
    run: Callable[[Sequence[W]], Sequence[R | Exception]] | InSteps[W, R],
    queue: Queue[W, R],
    figures: Figures,
    breaker: Breaker,
) -> float:
    """Run a batch and tell its tasks; the seconds that all of it takes, 0 if that is not known."""
    _tell_late(jobs, f"{queue.name}: the deadline passed in the queue", figures, breaker)
    timely = [job for job in jobs if not job.task.late]
    if not timely:
        return 0.0
    course = _Watched(timely, queue)
    given_up = f"{queue.name}: the deadline passed half-way, and others waited"
    try:
        results = _results(run, [job.work for job in timely], course)
    except Exception as error:  # noqa: BLE001 - told to those who wait; the thread must live on
        breaker.failed(type(error).__name__)
        _tell_late(timely, given_up, figures, breaker)
        for job in timely:
            if not job.task.late:
                job.task.set_exception(error)
        return 0.0
    whole = seconds = course.seconds
    if any(job.task.late for job in timely):
        whole = course.whole
    # One that is given up tells as much of the model as one that is read: else a model too slow for any text would never be found out.
    slow = queue.hangs(timely, whole or seconds)
    figures.ran(sum(not job.task.late for job in timely), seconds)
    _tell_late(timely, given_up, figures, breaker, slow=slow)
    for job, result in zip(timely, results, strict=True):
        if not job.task.late:
            _tell(job, result, breaker, slow=slow)
    # The pace is that of passes that do not hang.
    return 0.0 if slow else whole * sum(job.size for job in jobs) / sum(job.size for job in timely)


def _tell_late(jobs: Sequence[Job[W, R]], why: str, figures: Figures, breaker: Breaker, *, slow: bool = False) -> None:
    """Tell those of them that are late."""
    for job in jobs:
        if job.task.late:
            figures.missed()
            if slow:
                breaker.failed(_SLOW)
            elif job.trial:
                breaker.passed()
            job.task.set_exception(LateError(why))


def _tell(job: Job[W, R], result: R | Exception, breaker: Breaker, *, slow: bool) -> None:
    if isinstance(result, Exception):
        breaker.failed(type(result).__name__)
        job.task.set_exception(result)
        return
    if slow:
        breaker.failed(_SLOW)
    else:
        breaker.succeeded()
    job.task.set_result(result)


def _results(
    run: Callable[[Sequence[W]], Sequence[R | Exception]] | InSteps[W, R], works: Sequence[W], course: Course
) -> Sequence[R | Exception]:
    results = run.run(works, course) if isinstance(run, InSteps) else run(works)
    if len(results) != len(works):
        raise ValueError(f"{len(results)} results for {len(works)} texts")
    return results
