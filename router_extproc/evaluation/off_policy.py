"""Off-policy: what another policy would have brought, from the decisions of the one that was in force, with a confidence interval.

IPS: Horvitz and Thompson, JASA 1952. SNIPS: Swaminathan and Joachims, The self-normalized estimator for counterfactual learning, NeurIPS
2015. Doubly robust: Dudik, Langford and Li, ICML 2011; its reward model is cross-fitted (Chernozhukov et al., The Econometrics Journal
2018), so that its interval holds however good the model is. Intervals are by the normal approximation: trust none with few effective rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

LEVEL = 0.95
_RIDGE = 1.0
FEW = 30
"""Rows, or effective rows, below which the normal approximation is not believed."""


@dataclass(frozen=True, slots=True)
class Logged:
    """Decisions whose reward is known. Row by row."""

    rewards: Floats
    """(rows,)"""
    taken: Whole
    """(rows,) Which arm was taken."""
    propensities: Floats
    """(rows,) The chance with which it was, in (0, 1]."""
    target: Floats
    """(rows, arms) The chance with which the other policy takes each arm; less than 1 in all where it takes one that is not here."""
    features: Floats
    """(rows, width) For the reward model of the doubly robust estimator; a constant column at least."""

    @property
    def weights(self) -> Floats:
        """How much more often the other policy would have taken what was taken."""
        found: Floats = self.target[np.arange(len(self.taken)), self.taken] / self.propensities
        return found

    @property
    def effective(self) -> float:
        """Rows that the estimate rests on (Kish): 0 where the other policy takes nothing that was taken."""
        weights = self.weights
        squares = float(weights @ weights)
        return float(weights.sum()) ** 2 / squares if squares else 0.0


@dataclass(frozen=True, slots=True)
class Estimated:
    """A mean and its interval."""

    value: float
    low: float
    high: float

    def holds(self, truth: float) -> bool:
        """Whether the interval has it."""
        return self.low <= truth <= self.high


def ips(logged: Logged) -> Estimated:
    """Inverse propensity scoring: without bias, and wide."""
    return mean(logged.weights * logged.rewards)


def snips(logged: Logged) -> Estimated:
    """Self-normalised: a little bias, and narrower. Its interval is by the delta method."""
    weights = logged.weights
    total = float(weights.sum())
    if total <= 0:
        return Estimated(float("nan"), float("-inf"), float("inf"))
    value = float(weights @ logged.rewards) / total
    influence = weights * (logged.rewards - value) * (len(weights) / total)
    return _interval(value, influence)


def doubly_robust(logged: Logged) -> Estimated:
    """What a reward model says, corrected by what was seen."""
    return mean(robust_scores(logged))


def robust_scores(logged: Logged) -> Floats:
    """Doubly robust figures row by row; their mean is the estimate."""
    expected = cross_fitted(logged)
    rows = np.arange(len(logged.taken))
    direct = (logged.target * expected).sum(axis=1)
    found: Floats = direct + logged.weights * (logged.rewards - expected[rows, logged.taken])
    return found


def gain(logged: Logged) -> Estimated:
    """By how much the other policy would have done better than the one in force, on the same rows (doubly robust, paired)."""
    return mean(robust_scores(logged) - logged.rewards)


def cross_fitted(logged: Logged) -> Floats:
    """(rows, arms) Expected rewards, each by a ridge regression of the arm on rows that are not in its half."""
    rows, arms = logged.target.shape
    half = np.arange(rows) % 2
    found = np.zeros((rows, arms))
    for side in (0, 1):
        mean_of_side = float(logged.rewards[half != side].mean()) if (half != side).any() else 0.0
        for arm in range(arms):
            chosen = (half != side) & (logged.taken == arm)
            found[half == side, arm] = _predicted(logged, chosen, logged.features[half == side], mean_of_side)
    return found


def _predicted(logged: Logged, chosen: NDArray[np.bool_], wanted: Floats, otherwise: float) -> Floats:
    known = logged.features[chosen]
    rewards = logged.rewards[chosen]
    centre = float(rewards.mean()) if len(rewards) else otherwise
    squares = known.T @ known + _RIDGE * np.eye(known.shape[1])
    found: Floats = centre + wanted @ np.linalg.solve(squares, known.T @ (rewards - centre))
    return found


def mean(figures: Floats) -> Estimated:
    """A mean with its interval."""
    return _interval(float(figures.mean()), figures - figures.mean())


def _interval(value: float, influence: Floats) -> Estimated:
    rows = len(influence)
    if rows < 2:  # noqa: PLR2004 - one row has no spread
        return Estimated(value, float("-inf"), float("inf"))
    spread = sqrt(float(influence @ influence) / (rows - 1) / rows) * NormalDist().inv_cdf((1 + LEVEL) / 2)
    return Estimated(value, value - spread, value + spread)
