"""Signals of one request: computed when they are first asked for, and never twice."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from router_extproc.routing import Cost, Unknown, UnknownReason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router_extproc.request import Request
    from router_extproc.routing import Extractor, SignalResult

_log = logging.getLogger(__name__)

_told: set[tuple[str, str]] = set()
_MAX_TOLD = 1000


class NeedsModel(BaseException):
    """A signal that may block is needed, and this is the event loop."""


class SignalTable(dict[str, "SignalResult"]):
    """Signals by name. Its `__getitem__` is the policy's lookup: a hit costs one C call, a miss computes.

    Until `blocking` is set, a Cost.MODEL signal raises NeedsModel.
    """

    __slots__ = ("_extractors", "_request", "blocking", "deadline", "late", "timings")

    def __init__(self, extractors: Mapping[str, Extractor], request: Request, deadline: float, *, timed: bool = False) -> None:
        super().__init__()
        self._extractors = extractors
        self._request = request
        self.deadline = deadline
        """On the clock of time.perf_counter, seconds."""
        self.blocking = False
        self.late = False
        """Whether the deadline is over: signals that may block are unknown then."""
        self.timings: dict[str, float] | None = {} if timed else None
        """Microseconds by signal, if asked for."""

    def __missing__(self, name: str) -> SignalResult:
        extractor = self._extractors[name]
        dear = extractor.cost is Cost.MODEL
        if dear and not (self.blocking or self.late):
            raise NeedsModel
        start = time.perf_counter()
        if start > self.deadline or (dear and self.late):
            result: SignalResult = Unknown(name, UnknownReason.DEADLINE)
        else:
            result = _extract(extractor, self._request)
        if self.timings is not None:
            self.timings[name] = (time.perf_counter() - start) * 1e6
        self[name] = result
        return result


def _extract(extractor: Extractor, request: Request) -> SignalResult:
    try:
        return extractor.extract(request)
    except Exception as error:  # noqa: BLE001 - a signal that fails is unknown; what that means is the rule's choice
        kind = type(error).__name__
        _tell_once(extractor.name, kind, error)
        return Unknown(extractor.name, UnknownReason.FAILED, kind)


def _tell_once(name: str, kind: str, error: Exception) -> None:
    """Log a failure the first time. The exception's own text stays out: it may quote the prompt."""
    if (name, kind) in _told or len(_told) >= _MAX_TOLD:
        return
    _told.add((name, kind))
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
    _log.error("signal %s fails with %s at %s; it is unknown to the policy (told once)", name, kind, place)
