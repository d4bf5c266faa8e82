"""Merging: one list of spans out of several that may overlap."""

from __future__ import annotations

from bisect import bisect_left
from operator import attrgetter
from typing import TYPE_CHECKING

from router_extproc.pii.kinds import CHECKABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from router_extproc.encoders.scores import Span


_start = attrgetter("start")
_FEW = 64
"""Spans that are sooner put in one by one than by going through all that are there."""


class Places:
    """Spans that do not overlap, in order; who comes first stays."""

    def __init__(self) -> None:
        self._ends: list[int] = []
        self._spans: list[Span] = []

    def add(self, spans: Iterable[Span]) -> None:
        """Takes those that are not empty and have their place still free.

        Linear in what is there and what comes, if that is in order or in few pieces that are: a text may hold 100,000 of each type, and
        one put between all others moves half of them.
        """
        taken: list[Span] = []
        for span in spans:
            if taken and span.start < taken[-1].end:
                if span.start >= taken[-1].start:
                    continue
                self._take(taken)
                taken = []
            at = bisect_left(self._ends, span.start + 1)
            if span.start < span.end and (at == len(self._spans) or span.end <= self._spans[at].start):
                taken.append(span)
        self._take(taken)

    def _take(self, spans: Sequence[Span]) -> None:
        """Put in spans in order, all of whose places are free."""
        if len(spans) > _FEW:
            self._spans = sorted([*self._spans, *spans], key=_start)
            self._ends = [span.end for span in self._spans]
            return
        for span in spans:
            at = bisect_left(self._ends, span.end)
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
