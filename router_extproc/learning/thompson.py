"""Thompson sampling: each arm as often as it is likely to be the best.

Agrawal and Goyal: Thompson sampling for contextual bandits with linear payoffs, ICML 2013.

The arms' posteriors are independent normal distributions. Instead of drawing a reward from each and taking the highest, the chance of
each to be the highest is computed, and the arm is drawn by it: the same distribution, and the propensity is known without sampling.
"""

from __future__ import annotations

from math import erf, sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_CELLS = 96
"""Of the quadrature."""
_DEVIATIONS = 6.0
"""What is farther away from a mean does not count."""
_REACH = 8.0
_GRID = np.linspace(-_REACH, _REACH, 4001)
_NORMAL = np.array([0.5 * (1 + erf(value / sqrt(2))) for value in _GRID])
"""numpy has no normal distribution function; between these points a line is off by 2e-6 at most."""


def below(values: Floats) -> Floats:
    """The standard normal distribution function."""
    found: Floats = np.interp(values, _GRID, _NORMAL)
    return found


def chances_of_best(means: Floats, deviations: Floats) -> Floats:
    """How likely each of some independent normal variables is to be the highest.

    For two that is a closed form, for more a sum over 96 cells of the range in which the highest lies: the mass of one variable in a cell
    times the chance that all others are lower. Its error is part of the distribution that is drawn from, and so of the propensity.
    """
    spread = np.maximum(deviations, 1e-9)
    if len(means) == 2:  # noqa: PLR2004 - the closed form
        first = float(below(np.array((means[0] - means[1]) / np.hypot(spread[0], spread[1]))))
        return np.array([first, 1.0 - first])
    edges = np.linspace((means - _DEVIATIONS * spread).max(), (means + _DEVIATIONS * spread).max(), _CELLS + 1)
    lower = below((edges - means[:, None]) / spread[:, None])  # (arms, edges)
    mass = np.diff(lower, axis=1)
    found = (mass * _product_of_others((lower[:, 1:] + lower[:, :-1]) / 2)).sum(axis=1)
    total: Floats = found / found.sum()
    return total


def _product_of_others(values: Floats) -> Floats:
    """For each row the product of all other rows, column by column. No division: there are zeros."""
    before, after = np.ones_like(values), np.ones_like(values)
    np.cumprod(values[:-1], axis=0, out=before[1:])
    np.cumprod(values[:0:-1], axis=0, out=after[-2::-1])
    product: Floats = before * after
    return product


class Thompson:
    """Takes each arm with its chance to be the best."""

    def __init__(self, scale: float) -> None:
        self._scale = scale
        """Standard deviation of a reward's noise."""

    def shares(self, means: Floats, widths: Floats, /) -> Floats:
        """The chance of each arm to be the best."""
        return chances_of_best(means, self._scale * widths)
