"""SpanTable: private data that was found, beside what is there.

A span counts if its bounds and its type are exact. Beside that stand figures for which it is enough that it overlaps one of its
type: the schemes "strict" and "type" of SemEval-2013 task 9 (Segura-Bedmar et al. 2013). What is only near is wrong bounds, not a
miss: an address that one source marks whole and another in parts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

import numpy as np

from router_extproc.evaluation import metrics
from router_extproc.evaluation.results import Diagrams

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from router_extproc.encoders.scores import Scores, Span
    from router_extproc.evaluation.datasets import Row
    from router_extproc.evaluation.metrics import Flags, Ints

    _Bounds = tuple[int, int, str]

_RATES: dict[str, Callable[[_Counts], float]] = {
    "precision": lambda counts: _share(counts.right, counts.found),
    "recall": lambda counts: _share(counts.right, counts.there),
    "F1": lambda counts: metrics.f1(counts.right, counts.found, counts.there),
    "overlap-precision": lambda counts: _share(counts.touching, counts.found),
    "overlap-recall": lambda counts: _share(counts.touched, counts.there),
    "overlap-F1": lambda counts: _harmonic(_share(counts.touching, counts.found), _share(counts.touched, counts.there)),
}
_ALARMS = "false positive rows"
"""Rows without any span in which one was found; a count."""
_GROUPS: dict[str, frozenset[str]] = {
    "PERSON + ORGANIZATION": frozenset({"PERSON", "ORGANIZATION"}),
    "checkable": frozenset({"EMAIL", "CREDIT_CARD", "IBAN", "US_SSN", "IP_ADDRESS", "API_KEY", "URL"}),
}
"""Types that have figures together."""


class _Counts(NamedTuple):
    """Numbers of spans."""

    right: int
    found: int
    there: int
    touching: int
    """Found ones that overlap one of their type that is there."""
    touched: int
    """Those that are there and that one found of their type overlaps."""


@dataclass(frozen=True, slots=True)
class SpanTable:
    """Counts by row and type. Types that a row's source does not annotate are not counted on it."""

    types: tuple[str, ...]
    counts: Ints
    """(rows, types, 5), in the order of `_Counts`."""

    main: ClassVar[str] = "F1"
    watched: ClassVar[tuple[str, ...]] = ("F1", "precision", "recall")

    @classmethod
    def of(cls, rows: Sequence[Row], scores: Sequence[Scores]) -> Self:
        """From the rows and what was found in them."""
        types = tuple(sorted(frozenset().union(*(row.types for row in rows))))
        counts = np.zeros((len(rows), len(types), len(_Counts._fields)), np.int64)
        for place, (row, score) in enumerate(zip(rows, scores, strict=True)):
            given, wanted = _bounds(score.pii, row.types), _bounds(row.spans, row.types)
            kinds = (given & wanted, given, wanted, _overlapping(given, wanted), _overlapping(wanted, given))
            for column, spans in enumerate(kinds):
                for _, _, type_ in spans:
                    counts[place, types.index(type_), column] += 1
        return cls(types, counts)

    def take(self, rows: Ints) -> SpanTable:
        return SpanTable(self.types, self.counts[rows])

    def figure(self, name: str) -> float:
        """`F1`, or `F1 EMAIL` for one type, or `F1 checkable` for a group of types; likewise the others."""
        if name.startswith(_ALARMS):
            return self._alarms(self._columns(name.removeprefix(_ALARMS).strip()))
        rate, _, part = name.partition(" ")
        return _RATES[rate](_Counts(*self.counts[:, self._columns(part)].sum((0, 1)).tolist()))

    def figures(self) -> dict[str, float]:
        parts = ("", *_GROUPS, *self.types)
        names = [f"{rate} {part}".strip() for part in parts for rate in _RATES]
        return {name: self.figure(name) for name in (*names, _ALARMS, f"{_ALARMS} checkable")}

    def diagrams(self) -> Diagrams:
        """None: spans have no chances of what was not found."""
        return Diagrams()

    def _columns(self, part: str) -> Flags:
        wanted = _GROUPS.get(part, {part})
        return np.array([not part or type_ in wanted for type_ in self.types], np.bool_)

    def _alarms(self, columns: Flags) -> float:
        empty = ~self.counts[:, :, 2].any(1)
        return float((empty & self.counts[:, columns, 1].any(1)).sum())


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def _harmonic(precision: float, recall: float) -> float:
    """0 where one of both is 0 or not defined; NaN where neither is: nothing is there and nothing was found."""
    if math.isnan(precision) and math.isnan(recall):
        return float("nan")
    return metrics.f1(precision * recall, precision, recall) if precision > 0 and recall > 0 else 0.0


def _overlapping(spans: set[_Bounds], others: set[_Bounds]) -> list[_Bounds]:
    """The spans that share a character with one of the others that is of their type."""
    return [
        (start, end, type_)
        for start, end, type_ in spans
        if any(type_ == other and start < to and at < end for at, to, other in others)
    ]


def _bounds(spans: Sequence[Span], types: frozenset[str]) -> set[_Bounds]:
    return {(span.start, span.end, span.type) for span in spans if span.type in types}
