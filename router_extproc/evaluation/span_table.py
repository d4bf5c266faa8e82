"""SpanTable: private data that was found, beside what is there. A span counts if its bounds and its type are exact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from router_extproc.evaluation import metrics
from router_extproc.evaluation.results import Diagrams

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from router_extproc.encoders.scores import Scores, Span
    from router_extproc.evaluation.datasets import Row
    from router_extproc.evaluation.metrics import Flags, Ints

_RATES: dict[str, Callable[[float, float, float], float]] = {
    "precision": lambda hits, given, _: hits / given if given else float("nan"),
    "recall": lambda hits, _, wanted: hits / wanted if wanted else float("nan"),
    "F1": metrics.f1,
}
_ALARMS = "false positive rows"
"""Rows without any span in which one was found; a count."""
_GROUPS: dict[str, frozenset[str]] = {
    "PERSON + ORGANIZATION": frozenset({"PERSON", "ORGANIZATION"}),
    "checkable": frozenset({"EMAIL", "CREDIT_CARD", "IBAN", "US_SSN", "IP_ADDRESS", "API_KEY", "URL"}),
}
"""Types that have figures together."""


@dataclass(frozen=True, slots=True)
class SpanTable:
    """Counts by row and type. Types that a row's source does not annotate are not counted on it."""

    types: tuple[str, ...]
    counts: Ints
    """(rows, types, 3): right, found, there."""

    main: ClassVar[str] = "F1"
    watched: ClassVar[tuple[str, ...]] = ("F1", "precision", "recall")

    @classmethod
    def of(cls, rows: Sequence[Row], scores: Sequence[Scores]) -> Self:
        """From the rows and what was found in them."""
        types = tuple(sorted(frozenset().union(*(row.types for row in rows))))
        counts = np.zeros((len(rows), len(types), 3), np.int64)
        for place, (row, score) in enumerate(zip(rows, scores, strict=True)):
            given, wanted = _bounds(score.pii, row.types), _bounds(row.spans, row.types)
            for column, found in enumerate((given & wanted, given, wanted)):
                for _, _, type_ in found:
                    counts[place, types.index(type_), column] += 1
        return cls(types, counts)

    def take(self, rows: Ints) -> SpanTable:
        return SpanTable(self.types, self.counts[rows])

    def figure(self, name: str) -> float:
        """`F1`, or `F1 EMAIL` for one type, or `F1 checkable` for a group of types; likewise the others."""
        if name.startswith(_ALARMS):
            return self._alarms(self._columns(name.removeprefix(_ALARMS).strip()))
        rate, _, part = name.partition(" ")
        hits, given, wanted = self.counts[:, self._columns(part)].sum((0, 1)).tolist()
        return _RATES[rate](hits, given, wanted)

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


def _bounds(spans: Sequence[Span], types: frozenset[str]) -> set[tuple[int, int, str]]:
    return {(span.start, span.end, span.type) for span in spans if span.type in types}
