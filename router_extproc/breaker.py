"""Breaker: keeps requests from waiting for a classifier, or a model pool, that does not work (circuit breaker: Nygard, Release It!, 2007).

Closed, all is let through. After several failures in a row, or when every thread hangs, it opens: nothing is. After a pause some are tried
(half-open): if they succeed, the breaker closes, else the pause doubles. What is said below of texts that are read holds of requests that
are answered.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_log = logging.getLogger(__name__)


class BreakerState(StrEnum):
    """Whether texts are let through."""

    CLOSED = "closed"
    """All."""
    HALF_OPEN = "half_open"
    """A few at a time, to see whether they are read."""
    OPEN = "open"
    """None."""

    @property
    def rank(self) -> int:
        """0, 1 or 2; higher is worse."""
        return _RANKS[self]


_RANKS = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}


@dataclass(frozen=True, slots=True)
class BreakerOptions:
    """When it opens, and for how long."""

    failures: int = 5
    """In a row, of whatever texts. A failure is an error, a number that is not finite, or a pass that hangs; never a full queue."""
    pause_s: float = 5.0
    """Until a text is tried after the breaker opened; doubled each time that fails."""
    longest_pause_s: float = 60.0
    hung_s: float = 0.5
    """A pass over a text of ordinary length hangs once it takes longer than this, and longer than its request could wait."""
    trials: int = 1
    """Texts that are tried at a time while it is half-open, and that must succeed in a row before it closes."""
    late_fails: bool = True
    """Whether a trial without an answer in time fails; else it only makes place for another: nobody has to tell how a request went."""


def circuit_options(failures: int = 5, pause_s: float = 5.0, longest_pause_s: float = 60.0, trials: int = 1) -> BreakerOptions:
    """Options for a model pool: nothing hangs that Envoy's own timeouts do not end."""
    return BreakerOptions(failures, pause_s, longest_pause_s, trials=trials, late_fails=False)


class Turns(Protocol):
    """Counts transitions. Called with the breaker's lock held."""

    def turned(self, state: str, /) -> None: ...


@dataclass(frozen=True, slots=True)
class BreakerReport:
    """How a breaker stands, for people."""

    state: BreakerState
    why: str = ""
    """What opened it; empty while it is closed. Never text from a prompt."""


def worst(reports: Iterable[tuple[str, BreakerReport]]) -> dict[str, BreakerReport]:
    """The worst report of each name."""
    found: dict[str, BreakerReport] = {}
    for name, report in reports:
        known = found.get(name)
        if known is None or report.state.rank > known.state.rank:
            found[name] = report
    return found


class Breaker:
    """One classifier's or pool's. Safe from several threads; what it logs is logged outside its lock, once a transition."""

    def __init__(
        self, name: str, options: BreakerOptions, figures: Turns, clock: Callable[[], float], *, what: str = "classifier"
    ) -> None:
        """`clock` is monotonic, in seconds; `figures` count the transitions; `what` it is that has this name."""
        self.name = name
        self.options = options
        self._what = what
        self._figures = figures
        self._clock = clock
        self._lock = threading.Lock()
        self._report = BreakerReport(BreakerState.CLOSED)
        self._row = 0
        """Failures since the last success."""
        self._pause = options.pause_s
        self._until = 0.0
        """When the next text is tried."""
        self._trials: list[float] = []
        """Until when each text that was let through must be read."""
        self._good = 0
        """Trials that succeeded since it is half-open."""

    @property
    def report(self) -> BreakerReport:
        """How it stands."""
        return self._report

    def admits(self, deadline: float) -> bool:
        """Whether a text may be read now that is waited for until then. A yes is answered by `succeeded`, `failed` or `passed`."""
        if self._is(BreakerState.CLOSED):
            return True
        with self._lock:
            now = self._clock()
            turned = self._overdue(now)
            admitted = self._has_place(now)
            if admitted and self._is(BreakerState.OPEN):
                self._good = 0
                turned = self._turn(BreakerReport(BreakerState.HALF_OPEN, self._report.why))
            if admitted and self._is(BreakerState.HALF_OPEN):
                self._trials.append(max(deadline, now + self.options.hung_s))
        self._tell(turned)
        return admitted

    def would_admit(self) -> bool:
        """Whether it would; nothing is let through."""
        if self._is(BreakerState.CLOSED):
            return True
        with self._lock:
            now = self._clock()
            late = [until for until in self._trials if now > until]
            return self._has_place(now, len(late)) and not (late and self.options.late_fails)

    def _overdue(self, now: float) -> BreakerReport | None:
        """What becomes of trials without an answer; with the lock held."""
        waiting = [until for until in self._trials if now <= until]
        late, self._trials = len(waiting) < len(self._trials), waiting
        return self._open("the text that was tried is not read", now) if late and self.options.late_fails else None

    def _has_place(self, now: float, freed: int = 0) -> bool:
        if self._is(BreakerState.CLOSED):
            return True
        return now >= self._until and len(self._trials) - freed < self.options.trials

    def succeeded(self) -> None:
        """A text was read."""
        if not self._row and self._is(BreakerState.CLOSED):
            return
        turned = None
        with self._lock:
            self._row = 0
            # What was let through before the breaker opened says nothing of now.
            if self._is(BreakerState.HALF_OPEN):
                self._freed()
                self._good += 1
                if self._good >= self.options.trials:
                    self._trials.clear()
                    turned = self._turn(BreakerReport(BreakerState.CLOSED))
        self._tell(turned)

    def failed(self, why: str) -> None:
        """A text was not read, by no fault of the load. `why` is a word of ours or the class of an exception."""
        turned = None
        with self._lock:
            self._row += 1
            if self._is(BreakerState.HALF_OPEN):
                turned = self._open(f"the text that was tried failed: {why}", self._clock())
            elif self._is(BreakerState.CLOSED) and self._row >= self.options.failures:
                turned = self._open(f"{self._row} failures in a row, the last: {why}", self._clock())
        self._tell(turned)

    def passed(self) -> None:
        """A text was not tried after all: too many waited, or its turn came too late."""
        if self._is(BreakerState.HALF_OPEN):
            with self._lock:
                self._freed()

    def _freed(self) -> None:
        """One trial is over; with the lock held."""
        if self._trials:
            self._trials.pop(0)

    def trip(self, why: str) -> None:
        """Open at once."""
        if self._is(BreakerState.OPEN):
            return
        turned = None
        with self._lock:
            if not self._is(BreakerState.OPEN):
                turned = self._open(why, self._clock())
        self._tell(turned)

    def _is(self, state: BreakerState) -> bool:
        return self._report.state is state

    def _open(self, why: str, now: float) -> BreakerReport:
        """Open, for longer if a trial failed; with the lock held."""
        again = self._is(BreakerState.HALF_OPEN)
        self._pause = min(2 * self._pause, self.options.longest_pause_s) if again else self.options.pause_s
        self._until = now + self._pause
        self._trials.clear()
        self._row = 0
        return self._turn(BreakerReport(BreakerState.OPEN, why))

    def _turn(self, report: BreakerReport) -> BreakerReport:
        self._report = report
        self._figures.turned(report.state)
        return report

    def _tell(self, turned: BreakerReport | None) -> None:
        if turned is not None:
            level = logging.ERROR if turned.state is BreakerState.OPEN else logging.INFO
            state = turned.state.replace("_", "-")
            why = f": {turned.why}" if turned.why else ""
            _log.log(level, "%s %s: the breaker is %s%s", self._what, self.name, state, why)
