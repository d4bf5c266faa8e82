"""Factors: requests and models as vectors whose product is the log odds of a good answer.

Matrix factorisation as in RouteLLM (Ong et al. 2024, arXiv:2406.18665): the request's vector is a linear map of its embedding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.quality.adam import Schedule, descend, slopes
from router_extproc.quality.outcomes import logit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from router_extproc.quality.adam import Parameters
    from router_extproc.quality.method import Arrays
    from router_extproc.quality.outcomes import Doubles, Outcomes, Singles

_RANK = 24
_SCALE = 8.0
"""Embeddings have small entries; this brings them near 1."""
_SCHEDULE = Schedule(epochs=25, rate=5e-3, decay={"map": 0.2, "models": 0.2})


@dataclass(frozen=True, slots=True)
class Factors:
    """The two maps."""

    map: Singles
    """(d + 1 + facts, rank)."""
    models: Singles
    """(rank, known)."""
    levels: Singles
    """(known,)."""
    centre: Singles
    """(d + 1 + facts,): the mean input."""

    def logits(self, inputs: Singles, /) -> Doubles:
        """Products and levels."""
        found: Doubles = (((inputs - self.centre) * _SCALE @ self.map) @ self.models + self.levels).astype(np.float64)
        return found

    def arrays(self) -> Arrays:
        """All four."""
        return {"map": self.map, "models": self.models, "levels": self.levels, "centre": self.centre}


class FactorsMethod:
    """Fits Factors."""

    def fit(self, outcomes: Outcomes, /) -> Factors:
        """Cross-entropy, by Adam."""
        centre = outcomes.inputs.mean(0)
        inputs, scores = (outcomes.inputs - centre) * _SCALE, outcomes.scores.astype(np.float32)
        chance = np.random.default_rng(0)
        start: Parameters = {
            "map": chance.normal(0, 0.05, (inputs.shape[1], _RANK)).astype(np.float32),
            "models": chance.normal(0, 0.3, (_RANK, scores.shape[1])).astype(np.float32),
            "levels": logit(outcomes.means).astype(np.float32),
        }

        start["map"][inputs.shape[1] - outcomes.facts :] = 0  # as in `network`

        def gradient(now: Parameters, rows: NDArray[np.int64]) -> Mapping[str, Singles]:
            hidden = inputs[rows] @ now["map"]
            slope = slopes(hidden @ now["models"] + now["levels"], scores[rows])
            back = slope @ now["models"].T
            return {"map": inputs[rows].T @ back, "models": hidden.T @ slope, "levels": slope.sum(0)}

        return Factors(**descend(start, gradient, len(inputs), _SCHEDULE), centre=centre)

    def restore(self, arrays: Arrays, /) -> Factors:
        """The same again."""
        return Factors(**{name: np.asarray(arrays[name], np.float32) for name in ("map", "models", "levels", "centre")})
