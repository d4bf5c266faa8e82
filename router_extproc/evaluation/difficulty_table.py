"""DifficultyTable: answers of the head that tells how hard a prompt is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from router_extproc.evaluation import metrics
from router_extproc.evaluation.chance_table import chances
from router_extproc.evaluation.results import Diagrams

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from router_extproc.encoders.scores import Scores
    from router_extproc.evaluation.datasets import Row
    from router_extproc.evaluation.metrics import Floats, Ints

_HARD = 0.5
"""A prompt at which more than half of the small models fail is hard."""


@dataclass(frozen=True, slots=True)
class DifficultyTable:
    """The share of small models that fail, and the chance that the head gives.

    Sources differ in their models, so their difficulties do not compare: figures are means over the sources.
    """

    target: Floats
    chance: Floats
    source: Ints

    main: ClassVar[str] = "Spearman"
    watched: ClassVar[tuple[str, ...]] = ("Spearman", "AUC")

    @classmethod
    def of(cls, rows: Sequence[Row], scores: Sequence[Scores]) -> Self:
        """Raises ClassifierError if the head is missing."""
        names = sorted({row.source for row in rows})
        target = np.array([row.target for row in rows], np.float64)
        return cls(target, chances("difficulty", scores), np.array([names.index(row.source) for row in rows], np.int64))

    def take(self, rows: Ints) -> DifficultyTable:
        return DifficultyTable(self.target[rows], self.chance[rows], self.source[rows])

    def figure(self, name: str) -> float:
        measure = _MEASURES[name]
        parts = [self.source == number for number in np.unique(self.source)]
        found = np.array([measure(self.target[part], self.chance[part]) for part in parts])
        return metrics.mean(found[~np.isnan(found)])

    def figures(self) -> dict[str, float]:
        return {name: self.figure(name) for name in _MEASURES}

    def diagrams(self) -> Diagrams:
        """The chance beside the mean share of small models that fail, over all sources."""
        return Diagrams.of((), None, metrics.reliability(self.chance, self.target))


_MEASURES: dict[str, Callable[[Floats, Floats], float]] = {
    "Spearman": metrics.spearman,
    "AUC": lambda target, chance: metrics.auc(target > _HARD, chance),
    "ECE": lambda target, chance: metrics.ece(chance, target),
}
