"""Merging: one list of spans out of several that may overlap."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from router_extproc.pii.kinds import CHECKABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from router_extproc.encoders.scores import Span


class Places:
    """Spans that do not overlap, in order; who comes first stays."""

    def __init__(self) -> None:
        self._ends: list[int] = []
        self._spans: list[Span] = []

    def add(self, spans: Iterable[Span]) -> None:
        """Takes those that are not empty and have their place still free."""
        for span in spans:
            at = bisect_left(self._ends, span.start + 1)
            free = at == len(self._spans) or span.end <= self._spans[at].start
            if free and span.start < span.end:
                self._ends.insert(at, span.end)
                self._spans.insert(at, span)

    @property
    def spans(self) -> Sequence[Span]:
        """By their start."""
        return self._spans


def merged(checked: Sequence[Span], judged: Sequence[Span]) -> tuple[Span, ...]:
    """What patterns checked and, where they leave room, what a model judged: the surest first, and no type that only patterns may say."""
    places = Places()
    places.add(checked)
    places.add(sorted((span for span in judged if span.type not in CHECKABLE), key=_surest_first))
    return tuple(places.spans)


def _surest_first(span: Span) -> tuple[float, int]:
    return -span.score, span.start
