"""Estimates: what a Bayesian linear regression expects of each arm for one request, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.learning.sums import CENTRE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router_extproc.learning.sums import Regression

    Floats = NDArray[np.float64]

RIDGE = 1.0
"""How strongly coefficients are held at 0: as that many observations of each feature alone."""


@dataclass(frozen=True, slots=True)
class Estimates:
    """One figure an arm. A mean is a reward in [0, 1], give or take; a width is the standard deviation of the mean for noise of 1."""

    means: Floats
    widths: Floats

    def with_prior(self, chances: Floats, weight: float) -> Estimates:
        """The same after `weight` pseudo-observations of this very request that came to `chances`, for each arm.

        The Sherman-Morrison formula of that one row. Nothing of it is stored: it fades as real feedback on such requests comes in.
        """
        pull = weight * self.widths**2
        return Estimates((self.means + pull * chances) / (1 + pull), self.widths / np.sqrt(1 + pull))


@dataclass(frozen=True, slots=True)
class Posterior:
    """Of several arms at once: what depends on no request."""

    coefficients: Floats
    """Shape (arms, width)."""
    inverses: Floats
    """Shape (arms, width, width)."""

    def of(self, features: Floats) -> Estimates:
        """What is expected for a request with these features."""
        variances = (self.inverses @ features) @ features
        return Estimates(CENTRE + self.coefficients @ features, np.sqrt(np.maximum(variances, 0.0)))


def posterior(arms: Sequence[Regression]) -> Posterior:
    """Ridge regression of each arm by itself."""
    squares = np.stack([arm.squares for arm in arms])
    inverses = np.linalg.inv(squares + RIDGE * np.eye(squares.shape[-1])).astype(np.float64, copy=False)
    moments = np.stack([arm.moments for arm in arms])
    return Posterior((inverses @ moments[:, :, None])[:, :, 0], inverses)
