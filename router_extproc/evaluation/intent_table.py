"""IntentTable: intents that examples tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from router_extproc.evaluation import metrics
from router_extproc.evaluation.intents import collection
from router_extproc.evaluation.results import Diagrams

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from router_extproc.encoders.prototypes import Prototypes
    from router_extproc.evaluation.datasets import Row
    from router_extproc.evaluation.intents import Vectors
    from router_extproc.evaluation.metrics import Flags, Floats, Ints


@dataclass(frozen=True, slots=True)
class IntentTable:
    """Whether the likeliest intent of a row's own collection is the true one, and its chance."""

    right: Flags
    chance: Floats

    main: ClassVar[str] = "accuracy"
    watched: ClassVar[tuple[str, ...]] = ("accuracy",)

    @classmethod
    def of(cls, rows: Sequence[Row], vectors: Vectors, known: Mapping[str, Prototypes]) -> Self:
        """From the rows, their vectors and each collection's prototypes."""
        right, chance = np.zeros(len(rows), np.bool_), np.zeros(len(rows), np.float64)
        for place, (row, vector) in enumerate(zip(rows, vectors, strict=True)):
            chances = known[collection(row)].chances(vector, row.item.text)
            said = max(chances, key=chances.__getitem__)
            right[place], chance[place] = said == row.label, chances[said]
        return cls(right, chance)

    def take(self, rows: Ints) -> IntentTable:
        return IntentTable(self.right[rows], self.chance[rows])

    def figure(self, name: str) -> float:
        return _MEASURES[name](self)

    def figures(self) -> dict[str, float]:
        return {name: measure(self) for name, measure in _MEASURES.items()}

    def diagrams(self) -> Diagrams:
        """No confusion matrix: collections have up to 150 intents."""
        return Diagrams.of((), None, metrics.reliability(self.chance, self.right))


_MEASURES: dict[str, Callable[[IntentTable], float]] = {
    "accuracy": lambda table: metrics.mean(table.right),
    "ECE": lambda table: metrics.ece(table.chance, table.right),
}
