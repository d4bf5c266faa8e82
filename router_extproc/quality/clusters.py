"""Clusters: tables of how well each model does in each region of the embedding space.

After Avengers (Zhang et al. 2025, arXiv:2505.19797) and UniRoute (Jitkrittum et al. 2025, arXiv:2502.08773): k-means, then mean scores a
cluster. Scores are drawn to the model's mean where a cluster has few rows, and a request counts to all near clusters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.quality.landmarks import landmarks
from router_extproc.quality.outcomes import logit

if TYPE_CHECKING:
    from router_extproc.quality.method import Arrays
    from router_extproc.quality.outcomes import Doubles, Outcomes, Singles

_CLUSTERS = 64
_SHARPNESS = 12.0
"""Of the share a cluster has in a request: softmax of this times the cosine."""
_PRIOR = 10.0
"""Rows that the model's mean counts for in each cluster."""


@dataclass(frozen=True, slots=True)
class Clusters:
    """Centres and their tables."""

    centres: Singles
    table: Singles
    """(clusters, known): mean scores."""

    def logits(self, inputs: Singles, /) -> Doubles:
        """Of the mean over clusters, each by its share."""
        return logit((shares(inputs[:, : self.centres.shape[1]], self.centres, _SHARPNESS) @ self.table).astype(np.float64))

    def arrays(self) -> Arrays:
        """Centres and table."""
        return {"centres": self.centres, "table": self.table}


class ClustersMethod:
    """Makes Clusters."""

    def fit(self, outcomes: Outcomes, /) -> Clusters:
        """Cluster, then count."""
        centres = landmarks(outcomes.embeddings, _CLUSTERS)
        return Clusters(centres, table(outcomes, shares(outcomes.embeddings, centres, _SHARPNESS), _PRIOR))

    def restore(self, arrays: Arrays, /) -> Clusters:
        """The same again."""
        return Clusters(np.asarray(arrays["centres"], np.float32), np.asarray(arrays["table"], np.float32))


def shares(embeddings: Singles, centres: Singles, sharpness: float) -> Singles:
    """(n, clusters): each request's, which sum to 1."""
    power = sharpness * (embeddings @ centres.T)
    power = np.exp(power - power.max(1, keepdims=True))
    found: Singles = power / power.sum(1, keepdims=True)
    return found


def table(outcomes: Outcomes, weights: Singles, prior: float) -> Singles:
    """(clusters, m): weighted mean scores, with so many rows' worth of the model's mean added."""
    known = outcomes.known
    total = weights.T @ np.where(known, outcomes.scores, 0.0) + prior * outcomes.means
    found: Singles = (total / (weights.T @ known + prior)).astype(np.float32)
    return found
