"""Batching: texts of concurrent requests through one model, by a few threads, with a bounded queue."""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import takewhile
from math import inf
from typing import TYPE_CHECKING, Generic, TypeVar

from router_extproc.breaker import Breaker, BreakerOptions, BreakerReport, BreakerState
from router_extproc.encoders.course import InSteps
from router_extproc.encoders.errors import LateError, OverloadedError, UnavailableError
from router_extproc.encoders.figures import Figures
from router_extproc.encoders.passes import work

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

W = TypeVar("W")
R = TypeVar("R")

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
        """Whether its turn came after the deadline, or it was given up since: it fails, and may not have been told so yet."""


@dataclass(frozen=True, slots=True)
class Job(Generic[W, R]):
    """A piece of work, and how it came."""

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
    the Batcher: the threads refer to `run`, and neither would ever be freed. With InSteps, a piece whose deadline passes while it is run
    is given up between two steps if another that can still be in time waits, or was refused since.
    """

    def __init__(
        self,
        run: Callable[[Sequence[W]], Sequence[R | Exception]] | InSteps[W, R],
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
        step = usual if isinstance(run, InSteps) else None
        self._queue: Queue[W, R] = Queue(options, name, together, usual, step, self._breaker, clock)
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
            job = Job(work, task, self._size(work), now, self._breaker.report.state is BreakerState.HALF_OPEN)
            refusal = self._taken(job)
            if refusal:
                self.figures.refused()
                if job.trial:
                    self._breaker.passed()
                task.set_exception(OverloadedError(refusal))
        return task

    def _taken(self, job: Job[W, R]) -> str:
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
                target=work,
                args=(self._queue, self._run, self.figures, self._breaker),
                name=f"{self._queue.name}-{number}",
                daemon=True,
            )
            thread.start()
            self._threads.append(thread)


class Queue(Generic[W, R]):
    """Work that waits: all that the threads know of their Batcher."""

    def __init__(
        self,
        options: BatchOptions,
        name: str,
        together: int,
        usual: int,
        step: int | None,
        breaker: Breaker,
        clock: Callable[[], float],
    ) -> None:
        """`step` is the size after which what is run may be given up; None if it never is."""
        self.name = name
        self.waiting: deque[Job[W, R]] = deque()
        self.changed = threading.Condition()
        self._options = options
        self._together = together
        self._usual = usual
        self._step = step
        self._breaker = breaker
        self.clock = clock
        self._running: dict[int, tuple[Sequence[Job[W, R]], float]] = {}
        """What each busy thread has taken, and when."""
        self._closed = False
        self._refused = -inf
        """When the last text was refused for want of room."""
        self._stepped = -inf
        """When the last step of any thread began."""
        self._load = 0
        """Sizes of all that waits or is being run."""
        self._pace = 0.0
        """Seconds that one thread lately took for one unit of size; 0 before the first batch."""

    def refusal(self, size: int, deadline: float) -> str:
        """Why no more work is taken; empty if it is.

        What cannot be done by its deadline is refused now: it would take the time of what can. Where nothing is under way that anyone
        waits for it is tried all the same, lest one slow moment be believed for ever.
        """
        if self._closed:
            return f"{self.name} is closed"
        waiting, now = len(self.waiting), self.clock()
        refusal = ""
        if waiting >= self._options.max_queue:
            refusal = f"{self.name}: {waiting} texts wait already"
        elif self._pace and self._ahead(now) + self._pace * size > _SURE * (deadline - now):
            refusal = f"{self.name}: {waiting} texts wait already, this one would come too late"
        if refusal:
            self._refused = now
        return refusal

    def _ahead(self, now: float) -> float:
        """Seconds until all is over that came before; -inf if nobody waits for any of it.

        What is late takes none in the queue, and what is left of a step where it is run.
        """
        running = [job for jobs, _ in self._running.values() for job in jobs]
        size = sum(job.size for job in running)
        queued = self._load - size - sum(job.size for job in takewhile(lambda job: job.task.deadline < now, self.waiting))
        until = max((job.task.deadline for job in running), default=-inf)
        if not queued and (not running or (until < now and self._step is not None)):
            return -inf
        pace = self._pace / self._options.threads
        seconds = pace * size
        if running and self._step is not None:
            seconds = min(seconds, max(0.0, until - now) + max(0.0, self._pace * self._step - (now - self._stepped)))
        return seconds + pace * queued

    def put(self, job: Job[W, R]) -> None:
        """Add work; with `changed` held."""
        self.waiting.append(job)
        self._load += job.size
        self.changed.notify()

    def close(self) -> None:
        """Have the threads end. It may be called by the garbage collector, in the midst of `take`: it changes no list."""
        with self.changed:
            self._closed = True
            self.changed.notify_all()

    def take(self) -> list[Job[W, R]] | None:
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

    def _next(self) -> list[Job[W, R]]:
        """The first that waits, and those behind it that are run at no cost to it; none if another thread took all."""
        jobs: list[Job[W, R]] = []
        size = 0
        while self.waiting and len(jobs) < self._options.max_batch:
            size += self.waiting[0].size
            if jobs and size > self._together:
                break
            jobs.append(self.waiting.popleft())
        return jobs

    def gives_up(self, task: Task[R]) -> bool:
        """Whether a task that is being run makes way, or has: it is late, and one that is not waits or was refused since.

        Then it is marked. Where nobody wants its thread it goes on, so that it is known when it is asked for again. Called at each step.
        """
        with self.changed:
            self._stepped = now = self.clock()
            if task.deadline < now and not task.late and len(self._running) >= self._options.threads:
                # From the end: what came last is the likeliest to be in time.
                task.late = self._refused > task.deadline or any(job.task.deadline >= now for job in reversed(self.waiting))
            return task.late

    def finished(self, jobs: Sequence[Job[W, R]], seconds: float) -> None:
        """A batch that was taken is done; all of it takes so many seconds, 0 if nobody knows."""
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
            # One whose tasks are told is over, although its thread has still to say so.
            hanging = sum(
                self.hangs([job for job in jobs if not job.task.late and not job.task.done()], now - began)
                for jobs, began in self._running.values()
            )
            stuck = hanging >= self._options.threads
        if stuck:
            self._breaker.trip("every pass hangs")
        return stuck

    def hangs(self, jobs: Sequence[Job[W, R]], seconds: float) -> bool:
        """Whether a batch that has taken so long is too slow for any request, and not only for a long one."""
        if not jobs:
            return False
        usual = seconds * min(1.0, self._usual / sum(job.size for job in jobs))
        patience = max(job.task.deadline - job.came for job in jobs)
        return usual > max(patience, self._breaker.options.hung_s)

    def rest(self) -> list[Job[W, R]]:
        """What still waits, taken out."""
        with self.changed:
            jobs = list(self.waiting)
            self.waiting.clear()
            return jobs
