"""Meter: asks a classifier and an embedder, and keeps what it took."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router_extproc.evaluation.errors import ClassifierError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from router_extproc.encoders.scores import Classifier, Embedder, Scores
    from router_extproc.evaluation.datasets import Row
    from router_extproc.evaluation.intents import Vectors

    Tick = Callable[[str, int], None]
    """Hears of each head's texts that are done."""

_BATCH = 32
"""Texts that are asked about at once."""


class Meter:
    """One run's own."""

    def __init__(self, classifier: Classifier, embedder: Embedder | None, tick: Tick) -> None:
        self.classifier = classifier
        self._embedder = embedder
        self._tick = tick
        self.texts = 0
        self.ms: list[float] = []
        self.coverage: list[float] = []

    def scores(self, head: str, rows: Sequence[Row]) -> list[Scores]:
        """In the order of the rows."""
        found = [score for batch in self._batches(head, rows) for score in self.classifier.classify([row.item for row in batch])]
        self.ms += [score.ms for score in found]
        self.coverage += [score.coverage for score in found]
        return found

    def vectors(self, head: str, rows: Sequence[Row]) -> Vectors:
        """In the order of the rows. Raises ClassifierError without an embedder."""
        if self._embedder is None:
            raise ClassifierError("the classifier gives no embeddings")
        embed = self._embedder.embed
        return np.concatenate([embed([row.item.text for row in batch]) for batch in self._batches(head, rows)])

    def _batches(self, head: str, rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
        """Ticks when the caller comes back for the next one."""
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            yield batch
            self.texts += len(batch)
            self._tick(head, len(batch))
