"""Nearest neighbours: what models did on the most similar requests of the table.

kNN over sentence embeddings is a strong baseline of predictive routing (Li 2025, arXiv:2505.12601; RouterBench, Hu et al. 2024,
arXiv:2403.12031). It reads the whole table for each request, so its cost grows with it: milliseconds for 10,000 rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.quality.outcomes import logit

if TYPE_CHECKING:
    from router_extproc.quality.method import Arrays
    from router_extproc.quality.outcomes import Doubles, Outcomes, Singles

_NEIGHBOURS = 100
_POWER = 4
"""A neighbour counts by its cosine to this power."""
_PRIOR = 2.0
"""Neighbours that the model's mean counts for."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The table itself."""

    embeddings: Singles
    scores: Singles
    """(n, known), NaN where not tried."""
    means: Singles

    def logits(self, inputs: Singles, /) -> Doubles:
        """Of the weighted mean over neighbours."""
        return logit(np.concatenate([self._some(part) for part in np.array_split(inputs, len(inputs) // 256 + 1)]))

    def _some(self, inputs: Singles) -> Doubles:
        cosines = inputs[:, : self.embeddings.shape[1]] @ self.embeddings.T
        count = min(_NEIGHBOURS, cosines.shape[1])
        near = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        weights = np.maximum(np.take_along_axis(cosines, near, 1), 1e-3) ** _POWER
        scores = self.scores[near]
        shares = weights[:, :, None] * ~np.isnan(scores)
        prior = _PRIOR * weights.mean(1)[:, None]
        found: Doubles = ((shares * np.nan_to_num(scores)).sum(1) + prior * self.means) / (shares.sum(1) + prior)
        return found.astype(np.float64)

    def arrays(self) -> Arrays:
        """Embeddings in half precision: neighbours stay the same."""
        return {"embeddings": self.embeddings.astype(np.float16), "scores": self.scores.astype(np.float16), "means": self.means}


class NeighboursMethod:
    """Keeps the table."""

    def fit(self, outcomes: Outcomes, /) -> Neighbours:
        """Nothing is learned beforehand."""
        return Neighbours(
            np.ascontiguousarray(outcomes.embeddings),
            outcomes.scores.astype(np.float32),
            outcomes.means.astype(np.float32),
        )

    def restore(self, arrays: Arrays, /) -> Neighbours:
        """The same again."""
        return Neighbours(*(np.asarray(arrays[name], np.float32) for name in ("embeddings", "scores", "means")))
