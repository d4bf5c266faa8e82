"""Dual contrastive: requests near the models that answer them well, and near requests like them.

RouterDC (Chen et al. 2024, arXiv:2409.19886): model embeddings and a map of the request's embedding are learned by a sample-model loss
(good models above bad ones) and a sample-sample loss (requests of one cluster together). RouterDC trains the encoder too; here it is
shared, and only a linear map of its embedding is learned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.quality.adam import Schedule, descend
from router_extproc.quality.calibration import lines
from router_extproc.quality.landmarks import landmarks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from router_extproc.quality.adam import Parameters
    from router_extproc.quality.method import Arrays
    from router_extproc.quality.outcomes import Doubles, Outcomes, Singles

_SIZE = 64
_HEAT = 8.0
"""What cosines are multiplied with in the losses."""
_CLUSTERS = 12
_TOGETHER = 0.2
"""Weight of the sample-sample loss."""
_RIGHT = 0.5
"""Models above it are good for a request, those below are bad."""
_SCHEDULE = Schedule(epochs=25, rate=3e-3, decay={"map": 0.1})


@dataclass(frozen=True, slots=True)
class Contrast:
    """Maps, and a line through each model's cosines."""

    map: Singles
    """(d, size)."""
    models: Singles
    """(size, known), columns of length 1."""
    scales: Singles
    offsets: Singles

    def cosines(self, embeddings: Singles) -> Singles:
        """(n, known): times the heat."""
        mapped = embeddings @ self.map
        lengths = np.linalg.norm(mapped, axis=1, keepdims=True) + 1e-6
        found: Singles = (_HEAT * (mapped @ self.models) / lengths).astype(np.float32)
        return found

    def logits(self, inputs: Singles, /) -> Doubles:
        """Each model's line at its cosine."""
        found: Doubles = (self.cosines(inputs[:, : len(self.map)]) * self.scales + self.offsets).astype(np.float64)
        return found

    def arrays(self) -> Arrays:
        """Maps and lines."""
        return {"map": self.map, "models": self.models, "scales": self.scales, "offsets": self.offsets}


class ContrastMethod:
    """Fits Contrast."""

    def fit(self, outcomes: Outcomes, /) -> Contrast:
        """Both losses, by Adam; then the lines."""
        embeddings = np.ascontiguousarray(outcomes.embeddings)
        centres = landmarks(embeddings, _CLUSTERS)
        groups = (embeddings @ centres.T).argmax(1)
        good = np.nan_to_num(outcomes.scores, nan=-1.0) > _RIGHT
        bad = np.nan_to_num(outcomes.scores, nan=2.0) < _RIGHT
        chance = np.random.default_rng(0)
        start: Parameters = {
            "map": chance.normal(0, 1 / _SIZE**0.5, (embeddings.shape[1], _SIZE)).astype(np.float32),
            "models": chance.normal(0, 1, (_SIZE, outcomes.scores.shape[1])).astype(np.float32),
        }

        def gradient(now: Parameters, rows: NDArray[np.int64]) -> Mapping[str, Singles]:
            return _gradient(now, embeddings[rows], (good[rows], bad[rows]), groups[rows])

        found = descend(start, gradient, len(embeddings), _SCHEDULE)
        models = found["models"] / np.linalg.norm(found["models"], axis=0)
        plain = Contrast(found["map"], models, np.ones(models.shape[1], np.float32), np.zeros(models.shape[1], np.float32))
        scales, offsets = lines(plain.cosines(embeddings).astype(np.float64), outcomes.scores)
        return Contrast(found["map"], models, scales.astype(np.float32), offsets.astype(np.float32))

    def restore(self, arrays: Arrays, /) -> Contrast:
        """The same again."""
        return Contrast(*(np.asarray(arrays[name], np.float32) for name in ("map", "models", "scales", "offsets")))


def _gradient(
    now: Parameters, embeddings: Singles, told: tuple[NDArray[np.bool_], NDArray[np.bool_]], groups: NDArray[np.int64]
) -> Mapping[str, Singles]:
    mapped, back = _unit(embeddings @ now["map"])
    columns, model_back = _unit(now["models"].T)
    slope = _models_slope(_HEAT * mapped @ columns.T, *told) * _HEAT
    other = _TOGETHER * _HEAT * _requests_slope(_HEAT * mapped @ mapped.T, groups)
    by_mapped = slope @ columns + (other + other.T) @ mapped
    return {"map": embeddings.T @ back(by_mapped), "models": model_back(slope.T @ mapped).T}


def _unit(rows: Singles):  # type: ignore[no-untyped-def]  # noqa: ANN202 - an array, and a function on arrays
    """Rows at length 1, and how a gradient goes back through that."""
    length = np.linalg.norm(rows, axis=1, keepdims=True) + 1e-6
    unit = rows / length
    return unit, lambda slope: ((slope - unit * (slope * unit).sum(1, keepdims=True)) / length).astype(np.float32)


def _models_slope(logits: Singles, good: NDArray[np.bool_], bad: NDArray[np.bool_]) -> Singles:
    """Of the mean over rows and good models of -log softmax(the good one among itself and the bad ones)."""
    power = np.exp(logits - logits.max(1, keepdims=True))
    against = (power * bad).sum(1, keepdims=True)
    useful = good & bad.any(1, keepdims=True)
    share = np.where(useful, against / (power + against + 1e-12), 0.0)
    spill = np.where(useful, 1 / (power + against + 1e-12), 0.0).sum(1, keepdims=True)
    count = max(1, int(useful.sum()))
    found: Singles = ((power * bad * spill - share) / count).astype(np.float32)
    return found


def _requests_slope(logits: Singles, groups: NDArray[np.int64]) -> Singles:
    """Of the mean over rows of -log softmax at the others of the same group, among all others."""
    apart = ~np.eye(len(logits), dtype=bool)
    same = (groups[:, None] == groups[None, :]) & apart
    power = np.exp(logits - logits.max(1, keepdims=True)) * apart
    shares = power / (power.sum(1, keepdims=True) + 1e-12)
    counts = same.sum(1, keepdims=True)
    found: Singles = (np.where(counts > 0, shares - same / np.maximum(1, counts), 0.0) / len(logits)).astype(np.float32)
    return found
