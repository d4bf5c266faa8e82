"""ChanceTable: answers of a head that says yes from a threshold on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from router_extproc.evaluation import metrics
from router_extproc.evaluation.errors import ClassifierError
from router_extproc.evaluation.results import Cut, Diagrams

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from router_extproc.encoders.scores import Scores
    from router_extproc.evaluation.datasets import Row
    from router_extproc.evaluation.metrics import Flags, Floats, Ints


_CUTS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
"""Thresholds that rules ask for."""


def chances(head: str, scores: Sequence[Scores]) -> Floats:
    """A head's chance for each row. Raises ClassifierError if it is missing."""
    try:
        return np.array([score.chances[head] for score in scores], np.float64)
    except KeyError as error:
        raise ClassifierError(f"the classifier has no head {head}") from error


@dataclass(frozen=True, slots=True)
class ChanceTable:
    """The truth, yes or no, and the chance of yes."""

    truth: Flags
    chance: Floats
    threshold: float
    """As shipped: from this chance on the answer is yes."""

    main: ClassVar[str] = "AUC"
    watched: ClassVar[tuple[str, ...]] = ("AUC", "recall@1%FPR", "recall", "FPR")

    @classmethod
    def of(cls, head: str, rows: Sequence[Row], scores: Sequence[Scores], thresholds: Mapping[str, float]) -> Self:
        """Raises ClassifierError if the classifier lacks the head or its threshold."""
        if head not in thresholds:
            raise ClassifierError(f"the classifier has no threshold for {head}")
        truth = np.array([row.target >= 0.5 for row in rows], np.bool_)  # noqa: PLR2004 - targets are 0 or 1
        return cls(truth, chances(head, scores), thresholds[head])

    def take(self, rows: Ints) -> ChanceTable:
        return ChanceTable(self.truth[rows], self.chance[rows], self.threshold)

    @property
    def yes(self) -> Flags:
        """The answer to each row."""
        return self.chance >= self.threshold

    def figure(self, name: str) -> float:
        return _MEASURES[name](self)

    def figures(self) -> dict[str, float]:
        return {name: measure(self) for name, measure in _MEASURES.items()}

    def cuts(self) -> tuple[Cut, ...]:
        """What other thresholds would give, the shipped one among them, in order."""
        return tuple(
            Cut(cut, metrics.mean((self.chance >= cut)[self.truth]), metrics.mean((self.chance >= cut)[~self.truth]))
            for cut in sorted({*_CUTS, self.threshold})
        )

    def diagrams(self) -> Diagrams:
        """The reliability is that of the chance of yes."""
        counts = metrics.confusion(self.truth.astype(np.int64), self.yes.astype(np.int64), 2)
        return Diagrams.of(("no", "yes"), counts, metrics.reliability(self.chance, self.truth))

    def roc(self) -> list[tuple[float, float]]:
        """Corners, (false positive rate, recall)."""
        return metrics.roc(self.truth, self.chance)


def _macro_f1(table: ChanceTable) -> float:
    return metrics.macro_f1(table.truth.astype(np.int64), table.yes.astype(np.int64), 2)


_MEASURES: dict[str, Callable[[ChanceTable], float]] = {
    "AUC": lambda table: metrics.auc(table.truth, table.chance),
    "recall@0.1%FPR": lambda table: metrics.recall_at(table.truth, table.chance, 0.001),
    "recall@1%FPR": lambda table: metrics.recall_at(table.truth, table.chance, 0.01),
    "recall@5%FPR": lambda table: metrics.recall_at(table.truth, table.chance, 0.05),
    "recall": lambda table: metrics.mean(table.yes[table.truth]),
    "FPR": lambda table: metrics.mean(table.yes[~table.truth]),
    "macro-F1": _macro_f1,
    "accuracy": lambda table: metrics.mean(table.yes == table.truth),
    "ECE": lambda table: metrics.ece(table.chance, table.truth),
    "Brier": lambda table: metrics.brier(table.chance, table.truth),
}
"""Recall, FPR, macro-F1 and accuracy are at the threshold."""
