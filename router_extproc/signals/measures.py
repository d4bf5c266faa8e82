"""Measures: the extractors that need nothing but a function of the request."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from router_extproc.routing import Cost, Signal, SignalKind, SignalShape, Unknown, UnknownReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.request import Request
    from router_extproc.routing import SignalResult


MAX_LABEL = 512
"""Longer values are cut: no policy compares more."""


def one(value: str) -> tuple[str, ...]:
    """The value as a Label's only label; none if it is empty."""
    return (value[:MAX_LABEL],) if value else ()


class Flag:
    """Present where the function says so."""

    cost = Cost.FIELD
    shape = SignalShape(SignalKind.FLAG)

    def __init__(self, name: str, holds: Callable[[Request], bool]) -> None:
        self.name = name
        self._holds = holds
        # Made once: a signal of a flag has only two forms.
        self._present, self._absent = Signal(name, 1.0), Signal(name, 0.0)

    def extract(self, request: Request, /) -> Signal:
        """The signal."""
        return self._present if self._holds(request) else self._absent


class Number:
    """The figure that the function gives; unknown where it gives None."""

    cost = Cost.FIELD

    def __init__(self, name: str, measure: Callable[[Request], float | None], *, unit: str, low: float | None = 0.0) -> None:
        self.name = name
        self.shape = SignalShape(SignalKind.NUMBER, unit=unit, minimum=low)
        self._measure = measure
        self._unknown = Unknown(name, UnknownReason.UNAVAILABLE, "not told by the request")

    def extract(self, request: Request, /) -> SignalResult:
        """The signal."""
        figure = self._measure(request)
        if figure is None:
            return self._unknown
        # JSON has whole numbers of any length; one beyond all floats is still above every bound, or below.
        measure = min(max(figure, -sys.float_info.max), sys.float_info.max)
        return Signal(self.name, 1.0 if figure else 0.0, measure=float(measure))


class Label:
    """The labels that the function gives, each for certain. With none the label is empty, so that no `in` or `is` holds."""

    cost = Cost.FIELD

    def __init__(self, name: str, labels: Callable[[Request], tuple[str, ...]], known: frozenset[str] | None = None) -> None:
        self.name = name
        self.shape = SignalShape(SignalKind.LABEL, labels=known)
        self._labels = labels
        self._absent = Signal(name, 0.0, label="", labels={})

    def extract(self, request: Request, /) -> Signal:
        """The signal."""
        found = self._labels(request)
        if not found:
            return self._absent
        return Signal(self.name, 1.0, label=found[0], labels=dict.fromkeys(found, 1.0))
