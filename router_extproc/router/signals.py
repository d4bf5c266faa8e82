"""Signals of one request: computed when they are first asked for, and never twice."""

from __future__ import annotations

import logging
import time
from concurrent.futures import FIRST_EXCEPTION, CancelledError, wait
from contextlib import suppress
from math import isfinite
from typing import TYPE_CHECKING, Any, cast

from router_extproc.encoders.encoder import WINDOWS
from router_extproc.encoders.errors import LateError, OverloadedError, StrangeError, UnavailableError
from router_extproc.routing import Cost, Signal, Unknown, UnknownReason
from router_extproc.signals.neural.segments import begun, one
from router_extproc.signals.options import Reads

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from concurrent.futures import Future

    from router_extproc.encoders.reading import Reading
    from router_extproc.encoders.share import Share
    from router_extproc.request import Request
    from router_extproc.routing import Deferred, Extractor, SignalResult
    from router_extproc.signals.lengthy import Lengthy

_log = logging.getLogger(__name__)

_told: set[tuple[str, str]] = set()
_MAX_TOLD = 1000


_REFUSED: dict[type[BaseException], UnknownReason] = {
    OverloadedError: UnknownReason.OVERLOADED,
    LateError: UnknownReason.DEADLINE,
    UnavailableError: UnknownReason.UNAVAILABLE,
}
"""What a model's answer means that is no failure."""


class NeedsModel(BaseException):
    """A signal is needed whose work was started and is not done yet."""

    def __init__(self, work: Sequence[Future[Any]], *, patient: bool = False) -> None:
        super().__init__()
        self.work = work
        """What is to be waited for."""
        self.patient = patient
        """Whether past the deadline, too."""


class SignalTable(dict[str, "SignalResult"]):
    """Signals by name. Its `__getitem__` is the policy's lookup: a hit costs one C call, a miss computes.

    A Deferred signal, and a Lengthy one whose texts are long, raises NeedsModel until its work is done, unless `blocking` is set.
    """

    __slots__ = ("_begun", "_extractors", "_request", "_searches", "blocking", "deadline", "late", "timings")

    def __init__(self, extractors: Mapping[str, Extractor], request: Request, deadline: float, *, timed: bool = False) -> None:
        super().__init__()
        self._extractors = extractors
        self._request = request
        self.deadline = deadline
        """On the clock of time.perf_counter, seconds."""
        self.blocking = False
        """Whether to wait here for a model's work."""
        self.late = False
        """Whether the deadline is over: signals whose work is not done are unknown then."""
        self._begun: dict[str, float] = {}
        self._searches: dict[str, Future[SignalResult]] = {}
        """Of long texts."""
        self.timings: dict[str, float] | None = {} if timed else None
        """Microseconds by signal, if asked for."""

    def __missing__(self, name: str) -> SignalResult:
        extractor = self._extractors[name]
        start = self._begun.get(name) or time.perf_counter()
        result: SignalResult
        # What costs microseconds is computed all the same: a model that was slow must not blind the rules that need none, and work that
        # another signal had done in time is there for this one, too.
        if extractor.cost is Cost.MODEL:
            result = self._deferred(cast("Deferred", extractor), start)
        elif start > self.deadline and extractor.cost >= Cost.HEAVY_TEXT:
            result = Unknown(name, UnknownReason.DEADLINE)
        else:
            result = self._searched(extractor, start)
        if self.timings is not None:
            self.timings[name] = (time.perf_counter() - start) * 1e6
        self[name] = result
        return result

    def reading(self, share: Share) -> Reading | str:
        """What the encoder says of the last user turn, or why it says nothing; NeedsModel until that is known, unless `blocking` is set."""
        work = begun(self._request, share, one(self._request, Reads.LAST_USER), self.deadline, WINDOWS)
        if not work:
            return UnknownReason.NO_TEXT
        if self.blocking:
            wait(work, max(0.0, self.deadline - time.perf_counter()))
        if not work[0].done():
            if self.late or self.blocking:
                return UnknownReason.DEADLINE
            raise NeedsModel(work)
        failure = _failure(work[0])
        return work[0].result() if failure is None else _REFUSED.get(type(failure), UnknownReason.FAILED)

    def prepare(self, names: Iterable[str]) -> None:
        """Start what these signals need beside a model's work, while that of another one is waited for."""
        for name in names:
            extractor = self._extractors[name]
            if extractor.cost is Cost.MODEL and name not in self:
                with suppress(Exception):  # told when the signal itself is asked for
                    cast("Deferred", extractor).prepare(self._request, self.deadline)

    def _searched(self, extractor: Extractor, start: float) -> SignalResult:
        """What texts tell; where they are long, NeedsModel until a thread has looked through them.

        That is waited for past the deadline, too: a word that stands there is never unknown, or a long text would get past a rule about it.
        """
        name = extractor.name
        search = self._searches.get(name)
        if search is None and not self.blocking:
            search = _begun_ahead(extractor, self._request)
        if search is None:
            return _extract(extractor, self._request)
        self._searches[name], self._begun[name] = search, start
        if not search.done():
            if self.blocking:
                wait((search,))
            else:
                raise NeedsModel((search,), patient=True)
        failure = _failure(search)
        if failure is None:
            return search.result()
        # Where no thread takes it, it is looked through here.
        return _extract(extractor, self._request) if type(failure) in _REFUSED else _failed(name, failure)

    def _deferred(self, extractor: Deferred, start: float) -> SignalResult:
        """The result of a model's work, if that is done; else NeedsModel."""
        name = extractor.name
        try:
            work = extractor.begin(self._request, self.deadline)
        except Exception as error:  # noqa: BLE001 - as in _extract
            return _failed(name, error)
        if self.blocking:
            wait(work, max(0.0, self.deadline - time.perf_counter()), FIRST_EXCEPTION)
        failure = next(filter(None, map(_failure, work)), None)
        if failure is not None:
            reason = _REFUSED.get(type(failure))
            return Unknown(name, reason, type(failure).__name__) if reason else _failed(name, failure)
        if not all(future.done() for future in work):
            if self.late or self.blocking:
                return Unknown(name, UnknownReason.DEADLINE)
            self._begun[name] = start
            raise NeedsModel(work)
        return _finite(_extract(extractor, self._request))


def _begun_ahead(extractor: Extractor, request: Request) -> Future[SignalResult] | None:
    """A search of long texts in a thread, if the signal is a Lengthy one and they are long."""
    if not hasattr(extractor, "ahead"):
        return None
    try:
        return cast("Lengthy", extractor).ahead(request)
    except Exception:  # noqa: BLE001 - told by the search itself
        return None


def _failure(work: Future[Any]) -> BaseException | None:
    """What a piece of work failed with, if it did by now."""
    if not work.done():
        return None
    return CancelledError() if work.cancelled() else work.exception()


def _extract(extractor: Extractor, request: Request) -> SignalResult:
    try:
        return extractor.extract(request)
    except Exception as error:  # noqa: BLE001 - a signal that fails is unknown; what that means is the rule's choice
        return _failed(extractor.name, error)


def _finite(result: SignalResult) -> SignalResult:
    """The result, unless a model made it no number: NaN is below no bound and above none, so that `not` of it would hold."""
    if isinstance(result, Signal) and not all(map(isfinite, (result.value, result.coverage, *(result.labels or {}).values()))):
        return _failed(result.name, StrangeError("a signal is not finite"))
    return result


def _failed(name: str, error: BaseException) -> Unknown:
    kind = type(error).__name__
    _tell_once(name, kind, error)
    return Unknown(name, UnknownReason.FAILED, kind)


def _tell_once(name: str, kind: str, error: BaseException) -> None:
    """Log a failure the first time. The exception's own text stays out: it may quote the prompt."""
    if (name, kind) in _told or len(_told) >= _MAX_TOLD:
        return
    _told.add((name, kind))
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
    _log.error("signal %s fails with %s at %s; it is unknown to the policy (told once)", name, kind, place)
