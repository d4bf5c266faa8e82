"""ClassTable: answers of a head that chooses one of several labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from router_extproc.evaluation import metrics
from router_extproc.evaluation.errors import ClassifierError
from router_extproc.evaluation.results import Diagrams

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router_extproc.encoders.scores import Scores
    from router_extproc.evaluation.datasets import Row
    from router_extproc.evaluation.metrics import Flags, Floats, Ints

_SIMPLE = ("accuracy", "macro-F1", "ECE", "Brier")
_RECALL = "recall of "


@dataclass(frozen=True, slots=True)
class ClassTable:
    """The true label and each label's chance. A row without an answer (all chances 0) is wrong."""

    labels: tuple[str, ...]
    truth: Ints
    """Indexes of labels."""
    chances: Floats
    """(rows, labels)."""

    main: ClassVar[str] = "macro-F1"
    watched: ClassVar[tuple[str, ...]] = ("macro-F1", "accuracy")

    @classmethod
    def of(cls, head: str, rows: Sequence[Row], scores: Sequence[Scores], labels: tuple[str, ...]) -> Self:
        """Raises ClassifierError if the classifier lacks the head or a label of the rows."""
        if not labels:
            raise ClassifierError(f"the classifier has no head {head}")
        strange = {row.label for row in rows} - set(labels)
        if strange:
            raise ClassifierError(f"the classifier's {head} head has no label {', '.join(sorted(strange))}")
        truth = np.array([labels.index(row.label) for row in rows], np.int64)
        told = [score.classes.get(head, {}) for score in scores]
        chances = np.array([[answer.get(label, 0.0) for label in labels] for answer in told], np.float64)
        return cls(labels, truth, chances.reshape(len(rows), len(labels)))

    def take(self, rows: Ints) -> ClassTable:
        return ClassTable(self.labels, self.truth[rows], self.chances[rows])

    @property
    def said(self) -> Ints:
        """The likeliest label of each row, -1 without an answer."""
        return np.where(self.chances.any(1), self.chances.argmax(1), -1)

    @property
    def right(self) -> Flags:
        """Of each row."""
        right: Flags = self.said == self.truth
        return right

    def figure(self, name: str) -> float:
        if name.startswith(_RECALL):
            return metrics.mean(self.right[self.truth == self.labels.index(name.removeprefix(_RECALL))])
        match name:
            case "accuracy":
                return metrics.mean(self.right)
            case "macro-F1":
                return metrics.macro_f1(self.truth, self.said, len(self.labels))
            case "ECE":
                return metrics.ece(self.chances.max(1), self.right)
            case "Brier":
                return metrics.brier(self.chances, np.eye(len(self.labels), dtype=np.bool_)[self.truth])
        raise KeyError(name)

    def figures(self) -> dict[str, float]:
        return {name: self.figure(name) for name in (*_SIMPLE, *(_RECALL + label for label in self.labels))}

    def diagrams(self) -> Diagrams:
        """The reliability is that of the likeliest label."""
        counts = metrics.confusion(self.truth, self.said, len(self.labels))
        return Diagrams.of(self.labels, counts, metrics.reliability(self.chances.max(1), self.right))
