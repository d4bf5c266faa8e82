"""Ridge: a level for each model, how hard the request is for all, and how each model departs from that; each is shrunk on its own.

Ridge regression of scores on the embedding and on Gaussian features around landmarks (Nystroem-like, Williams and Seeger 2001), with one
penalty for what all models share and a heavier one for what sets a model apart, as multi-task learning does (Evgeniou and Pontil 2004).
A model that is rarely better than the best on average stays below it where the data do not say more: the noise of many models would
otherwise choose. Both penalties are found by cross-validation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.quality.landmarks import landmarks
from router_extproc.quality.outcomes import logit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router_extproc.quality.method import Arrays
    from router_extproc.quality.outcomes import Doubles, Outcomes, Singles

_LANDMARKS = 256
_WIDTH = 4.0
"""Of a landmark's feature: exp(width * (cosine - 1))."""
_SHARED = (1.0, 3.0, 10.0, 30.0)
_APART = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""Penalties tried, for features of unit mean square length."""
_FOLDS = 4
_TINY = 1e-10
"""An eigenvalue of that share of the largest is nothing."""
_EVEN = 0.02
"""Spread below which a fact is taken to be the same in all requests: what it means elsewhere was not learned."""


@dataclass(frozen=True, slots=True)
class Features:
    """From inputs to what the regression reads: themselves and landmark features; centred, each part of like size."""

    centres: Singles
    means: Singles
    scales: Singles

    def of(self, inputs: Singles) -> Singles:
        """(n, d + 1 + facts + k)."""
        near = np.exp(_WIDTH * (inputs[:, : self.centres.shape[1]] @ self.centres.T - 1), dtype=np.float32)
        found: Singles = (np.concatenate((inputs, near), 1) - self.means) * self.scales
        return found


def features(outcomes: Outcomes, most: int = _LANDMARKS) -> Features:
    """Features for the inputs of this table. Facts are one part, and each is as large as another."""
    inputs, facts = outcomes.inputs, outcomes.facts
    width = inputs.shape[1]
    centres = landmarks(outcomes.embeddings, most)
    plain = Features(centres, np.zeros(width + len(centres), np.float32), np.ones(width + len(centres), np.float32))
    raw = plain.of(inputs)
    means = raw.mean(0)
    off = raw - means
    scales = np.ones(raw.shape[1], np.float32)
    for part in (slice(0, outcomes.width), slice(outcomes.width, outcomes.width + 1), slice(width, None)):
        scales[part] = 1 / max(1e-6, float(np.sqrt((off[:, part] ** 2).sum(1).mean())))
    told = slice(width - facts, width)
    scales[told] = 1 / np.maximum(_EVEN, np.sqrt((off[:, told] ** 2).mean(0))) / max(1, facts) ** 0.5
    return Features(centres, means, scales)


@dataclass(frozen=True, slots=True)
class Regression:
    """A linear function of features, folded so that a request costs two products of matrices."""

    joint: Singles
    """(d + 1 + facts, k + m): what landmarks see of inputs, and the weights of inputs themselves."""
    near: Singles
    """(k, m): weights of landmark features."""
    levels: Singles
    """(m,)."""

    def values(self, inputs: Singles) -> Doubles:
        """(n, m)."""
        count = len(self.near)
        both = inputs @ self.joint
        found: Doubles = (both[:, count:] + np.exp(both[:, :count] - _WIDTH) @ self.near + self.levels).astype(np.float64)
        return found

    def arrays(self) -> Arrays:
        """All three."""
        return {"joint": self.joint, "near": self.near, "levels": self.levels}


def folded(made: Features, weights: Doubles, levels: Doubles) -> Regression:
    """The function that multiplies features with weights (features, m) and adds levels (m,)."""
    count = len(made.centres)
    width = len(made.scales) - count
    scaled = made.scales[:, None] * weights
    sight = np.concatenate((_WIDTH * made.centres.T, np.zeros((width - made.centres.shape[1], count))))
    joint = np.concatenate((sight, scaled[:width]), 1)
    return Regression(
        joint.astype(np.float32), scaled[width:].astype(np.float32), (levels - made.means @ scaled).astype(np.float32)
    )


def unfolded(arrays: Arrays) -> Regression:
    """What `arrays` gave. Raises KeyError or ValueError."""
    joint, near, levels = (np.asarray(arrays[name], np.float32) for name in ("joint", "near", "levels"))
    if joint.shape[1] != sum(near.shape) or levels.shape != near.shape[1:]:
        raise ValueError("weights of other sizes")
    return Regression(joint, near, levels)


@dataclass(frozen=True, slots=True)
class Ridge:
    """A regression of scores."""

    regression: Regression

    def logits(self, inputs: Singles, /) -> Doubles:
        """Of the regression's chances."""
        return logit(self.regression.values(inputs))

    def arrays(self) -> Arrays:
        """The regression's."""
        return self.regression.arrays()


class RidgeMethod:
    """Makes a Ridge."""

    def fit(self, outcomes: Outcomes, /) -> Ridge:
        """Closed form, for the best pair of penalties."""
        return self._fitted(outcomes)[0]

    def fit_and_leave_out(self, outcomes: Outcomes, fold: NDArray[np.int64]) -> tuple[Ridge, Doubles]:
        """And (n, m): log odds of each row by a fit of the same penalties on the rows of the other folds."""
        fitted, rows, best = self._fitted(outcomes)
        found = np.zeros(outcomes.scores.shape)
        for number in range(fold.max() + 1):
            kept = outcomes.rows(fold != number)
            found[fold == number] = rows[fold == number] @ Normal(rows[fold != number], kept).weights(*best) + kept.means
        return fitted, logit(found)

    def restore(self, arrays: Arrays, /) -> Ridge:
        """The same again."""
        return Ridge(unfolded(arrays))

    @staticmethod
    def _fitted(outcomes: Outcomes) -> tuple[Ridge, Doubles, tuple[float, float]]:
        """And the rows as the regression reads them, and the penalties."""
        made = features(outcomes)
        rows = made.of(outcomes.inputs).astype(np.float64)
        best = _penalties(rows, outcomes)
        return Ridge(folded(made, Normal(rows, outcomes).weights(*best), outcomes.means)), rows, best


class Normal:
    """The normal equations of some rows, ready for any penalty: the eigenvectors of the Gram matrix are found once."""

    def __init__(self, rows: Doubles, outcomes: Outcomes) -> None:
        known = outcomes.known
        off = np.where(known, outcomes.scores - outcomes.means, 0.0)
        common = off.sum(1, keepdims=True) / np.maximum(1, known.sum(1, keepdims=True))
        values, self._vectors = _spectrum(rows)
        self._values = np.maximum(values, 0.0)[:, None]
        self._common = self._vectors.T @ (rows.T @ common)
        self._rest = self._vectors.T @ (rows.T @ np.where(known, off - common, 0.0))

    def weights(self, shared: float, apart: float) -> Doubles:
        """(features, m): for all that a model's score departs from its mean."""
        found: Doubles = self._vectors @ (self._common / (self._values + shared) + self._rest / (self._values + apart))
        return found


def _spectrum(rows: Doubles) -> tuple[Doubles, Doubles]:
    """Eigenvalues (r,) and eigenvectors (features, r) of the features' Gram matrix; of the rows' own where rows are fewer."""
    if len(rows) >= rows.shape[1]:
        values, vectors = np.linalg.eigh(rows.T @ rows)
        return values, vectors
    values, sides = np.linalg.eigh(rows @ rows.T)
    large = values > _TINY * values[-1]
    return values[large], rows.T @ (sides[:, large] / np.sqrt(values[large]))


def _penalties(rows: Doubles, outcomes: Outcomes) -> tuple[float, float]:
    """The pair with the least squared error on held-out rows."""
    fold = np.random.default_rng(0).permutation(len(rows)) % _FOLDS
    losses = dict.fromkeys(((shared, apart) for shared in _SHARED for apart in _APART), 0.0)
    for number in range(_FOLDS):
        kept, held = outcomes.rows(fold != number), outcomes.rows(fold == number)
        normal = Normal(rows[fold != number], kept)
        for pair in losses:
            said = rows[fold == number] @ normal.weights(*pair) + kept.means
            losses[pair] += float(np.nansum((said - held.scores) ** 2))
    return min(losses, key=lambda pair: losses[pair])
