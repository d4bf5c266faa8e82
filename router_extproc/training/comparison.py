"""Comparison: two classifiers beside each other on the same rows of a head. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from router_extproc.encoders.heads import CHANCES, CLASSES
from router_extproc.evaluation.tables import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router_extproc.encoders.scores import Classifier, Scores
    from router_extproc.evaluation.datasets import Row


@dataclass(frozen=True, slots=True)
class Comparison:
    """One head."""

    head: str
    rows: int
    agreement: float
    """Share of rows on which both say the same: the label, yes or no at the threshold, the same spans."""
    measure: str
    int8: float
    fp32: float


def compared(head: str, rows: Sequence[Row], whole: Classifier, floats: Classifier) -> Comparison:
    """The shipped classifier beside its float32 twin, at the shipped one's threshold."""
    items = [row.item for row in rows]
    said, meant = whole.classify(items), floats.classify(items)
    tables = [table(head, rows, scores, whole) for scores in (said, meant)]
    same = sum(_same(head, *pair, whole.thresholds.get(head, 0.5)) for pair in zip(said, meant, strict=True))
    measure = tables[0].main
    return Comparison(head, len(rows), same / len(rows), measure, tables[0].figure(measure), tables[1].figure(measure))


def _same(head: str, said: Scores, meant: Scores, threshold: float) -> bool:
    if head in CLASSES:
        left, right = said.classes.get(head, {}), meant.classes.get(head, {})
        return not left or max(left, key=left.__getitem__) == max(right, key=right.__getitem__)
    if head in CHANCES:
        return (said.chances[head] >= threshold) == (meant.chances[head] >= threshold)
    return [(span.start, span.end, span.type) for span in said.pii] == [(span.start, span.end, span.type) for span in meant.pii]
