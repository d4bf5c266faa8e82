"""Batching: texts of concurrent requests through one model, by a few threads, with a bounded queue."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from router_extproc.breaker import Breaker, BreakerOptions, BreakerReport, BreakerState
from router_extproc.encoders.errors import LateError, OverloadedError, UnavailableError
from router_extproc.encoders.figures import Figures

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

W = TypeVar("W")
R = TypeVar("R")

_NICE = 3
"""Encoder threads give way to the event loop: without it, requests that need no model wait for those that do. Not by more, or requests
that are refused at once, which come all the faster, leave the model no time for those that are not."""
_SURE = 0.9
"""Share of the time until the deadline in which a text must be done by the pace so far; it may become slower meanwhile."""
_NEWS = 0.1
"""Weight of the last batch in the pace."""


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How concurrent texts share the model."""

    threads: int = 1
    max_queue: int = 512
    """Texts that wait; one more is answered "overloaded" at once."""
    max_batch: int = 4
    """Short texts taken at once. More gain nothing and let a text wait for others."""
    wait_ms: float = 0.5
    """How long a thread waits for a batch to fill while others are at work; with no other work it never waits."""


class Task(Future[R]):
    """A piece of work under way. Several requests may wait for it, so none of them can cancel it."""

    def __init__(self, deadline: float) -> None:
        super().__init__()
        self.set_running_or_notify_cancel()
        self.deadline = deadline
        """On the clock of time.perf_counter."""
        self.late = False
        """Whether its turn came after the deadline: it fails, and may not have been told so yet."""


@dataclass(frozen=True, slots=True)
class _Job(Generic[W, R]):
    work: W
    task: Task[R]
    size: int
    came: float
    """When it was submitted."""
    trial: bool
    """Whether the breaker waits for it."""


class Batcher(Generic[W, R]):
    """Runs work in its own threads, several pieces at once. They end when it is closed, or when nothing refers to it any more.

    `run` gets 1 to max_batch pieces and gives as many results; one that is an exception fails its own piece only. It must not refer to
    the Batcher: the threads refer to `run`, and neither would ever be freed.
    """

    def __init__(
        self,
        run: Callable[[Sequence[W]], Sequence[R | Exception]],
        options: BatchOptions,
        *,
        name: str,
        figures: Figures | None = None,
        size: Callable[[W], int] = lambda _: 1,
        together: int = 1 << 30,
        usual: int = 1,
        breaker: BreakerOptions | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`size` tells how long a piece takes, in any unit; pieces are run at once while their sizes add up to `together` at most.

        `usual` is the size of an ordinary piece: a pass hangs if even that would take too long at its pace, so that long texts do not
        speak against the model. `clock` is that of all deadlines.
        """
        self._run = run
        self._size = size
        self.figures = figures or Figures()
        """What it did; given, if that is to outlive it."""
        self._options = options
        self._clock = clock
        self._breaker = Breaker(name, breaker or BreakerOptions(), self.figures, clock)
        self._queue: _Queue[W, R] = _Queue(options, name, together, usual, self._breaker, clock)
        self._threads: list[threading.Thread] = []
        weakref.finalize(self, self._queue.close)

    @property
    def queued(self) -> int:
        """Pieces of work that wait."""
        return len(self._queue.waiting)

    @property
    def breaker(self) -> BreakerReport:
        """Whether work is done at all just now."""
        self._queue.look()
        return self._breaker.report

    def submit(self, work: W, deadline: float) -> Task[R]:
        """Start work; `deadline` is on the clock of time.perf_counter.

        Never blocks. The task fails with OverloadedError, LateError, UnavailableError or what `run` gives or raises.
        """
        task: Task[R] = Task(deadline)
        now = self._clock()
        if deadline < now:
            self.figures.missed()
            task.set_exception(LateError(f"{self._queue.name}: the deadline had passed before"))
        elif self._queue.look() or not self._breaker.admits(deadline):
            task.set_exception(UnavailableError(f"{self._queue.name} does not work: {self._breaker.report.why}"))
        else:
            job = _Job(work, task, self._size(work), now, self._breaker.report.state is BreakerState.HALF_OPEN)
            refusal = self._taken(job)
            if refusal:
                self.figures.refused()
                if job.trial:
                    self._breaker.passed()
                task.set_exception(OverloadedError(refusal))
        return task

    def _taken(self, job: _Job[W, R]) -> str:
        """Have it wait for its turn; why not, if the queue has no room."""
        with self._queue.changed:
            refusal = self._queue.refusal(job.size, job.task.deadline)
            if not refusal:
                if not self._threads:
                    self._start()
                self._queue.put(job)
            return refusal

    def prolong(self, task: Task[R], deadline: float) -> bool:
        """Have a task wait until that deadline, if it is later than its own; false if it has failed or is about to."""
        with self._queue.changed:
            if task.late or (task.done() and task.exception() is not None):
                return False
            task.deadline = max(task.deadline, deadline)
            return True

    def close(self) -> None:
        """End the threads; what waits fails."""
        self._queue.close()

    def _start(self) -> None:
        for number in range(self._options.threads):
            thread = threading.Thread(
                target=_work,
                args=(self._queue, self._run, self.figures, self._breaker),
                name=f"{self._queue.name}-{number}",
                daemon=True,
            )
            thread.start()
            self._threads.append(thread)


class _Queue(Generic[W, R]):
    """Work that waits: all that the threads know of their Batcher."""

    def __init__(
        self,
        options: BatchOptions,
        name: str,
        together: int,
        usual: int,
        breaker: Breaker,
        clock: Callable[[], float],
    ) -> None:
        self.name = name
        self.waiting: deque[_Job[W, R]] = deque()
        self.changed = threading.Condition()
        self._options = options
        self._together = together
        self._usual = usual
        self._breaker = breaker
        self.clock = clock
        self._running: dict[int, tuple[Sequence[_Job[W, R]], float]] = {}
        """What each busy thread has taken, and when."""
        self._closed = False
        self._load = 0
        """Sizes of all that waits or is being run."""
        self._pace = 0.0
        """Seconds that one thread lately took for one unit of size; 0 before the first batch."""

    def refusal(self, size: int, deadline: float) -> str:
        """Why no more work is taken; empty if it is.

        What cannot be done by its deadline is refused now: it would take the time of what can. Where nothing is under way it is tried
        all the same, lest one slow moment be believed for ever.
        """
        if self._closed:
            return f"{self.name} is closed"
        waiting = len(self.waiting)
        if waiting >= self._options.max_queue:
            return f"{self.name}: {waiting} texts wait already"
        needed = self._pace * (self._load / self._options.threads + size)
        if self._load and needed and needed > _SURE * (deadline - self.clock()):
            return f"{self.name}: {waiting} texts wait already, this one would come too late"
        return ""

    def put(self, job: _Job[W, R]) -> None:
        """Add work; with `changed` held."""
        self.waiting.append(job)
        self._load += job.size
        self.changed.notify()

    def close(self) -> None:
        """Have the threads end. It may be called by the garbage collector, in the midst of `take`: it changes no list."""
        with self.changed:
            self._closed = True
            self.changed.notify_all()

    def take(self) -> list[_Job[W, R]] | None:
        """The next batch, in which tasks that come too late are marked; None at the end."""
        options = self._options
        with self.changed:
            while not self.waiting and not self._closed:
                self.changed.wait()
            if self._running and options.wait_ms and not self._closed:
                self.changed.wait_for(lambda: self._closed or len(self.waiting) >= options.max_batch, options.wait_ms / 1000)
            if self._closed:
                return None
            jobs = self._next()
            now = self.clock()
            for job in jobs:
                job.task.late = job.task.deadline < now
            self._running[threading.get_ident()] = (jobs, now)
            return jobs

    def _next(self) -> list[_Job[W, R]]:
        """The first that waits, and those behind it that are run at no cost to it; none if another thread took all."""
        jobs: list[_Job[W, R]] = []
        size = 0
        while self.waiting and len(jobs) < self._options.max_batch:
            size += self.waiting[0].size
            if jobs and size > self._together:
                break
            jobs.append(self.waiting.popleft())
        return jobs

    def finished(self, jobs: Sequence[_Job[W, R]], seconds: float) -> None:
        """A batch that was taken is done; 0 seconds if none of it was run."""
        size = sum(job.size for job in jobs)
        with self.changed:
            self._running.pop(threading.get_ident(), None)
            self._load -= size
            if seconds and size:
                pace = seconds / size
                self._pace = pace if not self._pace else (1 - _NEWS) * self._pace + _NEWS * pace

    def look(self) -> bool:
        """Whether every thread hangs, so that nothing can be done; then the breaker is open."""
        if len(self._running) < self._options.threads:
            return False
        with self.changed:
            now = self.clock()
            hanging = sum(self.hangs(jobs, now - began) for jobs, began in self._running.values())
            stuck = hanging >= self._options.threads
        if stuck:
            self._breaker.trip("every pass hangs")
        return stuck

    def hangs(self, jobs: Sequence[_Job[W, R]], seconds: float) -> bool:
        """Whether a batch that has taken so long is too slow for any request, and not only for a long one."""
        # One whose tasks are told is over, although its thread has still to say so.
        timely = [job for job in jobs if not job.task.late and not job.task.done()]
        if not timely:
            return False
        usual = seconds * min(1.0, self._usual / sum(job.size for job in timely))
        patience = max(job.task.deadline - job.came for job in timely)
        return usual > max(patience, self._breaker.options.hung_s)

    def rest(self) -> list[_Job[W, R]]:
        """What still waits, taken out."""
        with self.changed:
            jobs = list(self.waiting)
            self.waiting.clear()
            return jobs


def _work(queue: _Queue[W, R], run: Callable[[Sequence[W]], Sequence[R | Exception]], figures: Figures, breaker: Breaker) -> None:
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


def _finish(
    jobs: Sequence[_Job[W, R]],
    run: Callable[[Sequence[W]], Sequence[R | Exception]],
    queue: _Queue[W, R],
    figures: Figures,
    breaker: Breaker,
) -> float:
    """Run a batch and tell its tasks; the seconds that it took, 0 if nothing came of it."""
    for job in jobs:
        if job.task.late:
            figures.missed()
            if job.trial:
                breaker.passed()
            job.task.set_exception(LateError(f"{queue.name}: the deadline passed in the queue"))
    timely = [job for job in jobs if not job.task.late]
    if not timely:
        return 0.0
    began = queue.clock()
    try:
        results = _results(run, [job.work for job in timely])
    except Exception as error:  # noqa: BLE001 - told to those who wait; the thread must live on
        breaker.failed(type(error).__name__)
        for job in timely:
            job.task.set_exception(error)
        return 0.0
    seconds = queue.clock() - began
    figures.ran(len(timely), seconds)
    slow = queue.hangs(timely, seconds)
    for job, result in zip(timely, results, strict=True):
        if isinstance(result, Exception):
            breaker.failed(type(result).__name__)
            job.task.set_exception(result)
        else:
            _judge(breaker, slow=slow)
            job.task.set_result(result)
    # The pace is that of passes that do not hang.
    return 0.0 if slow else seconds * sum(job.size for job in jobs) / sum(job.size for job in timely)


def _judge(breaker: Breaker, *, slow: bool) -> None:
    if slow:
        breaker.failed("a pass was too slow")
    else:
        breaker.succeeded()


def _results(run: Callable[[Sequence[W]], Sequence[R | Exception]], works: Sequence[W]) -> Sequence[R | Exception]:
    results = run(works)
    if len(results) != len(works):
        raise ValueError(f"{len(results)} results for {len(works)} texts")
    return results
