"""LinUCB: optimism in the face of uncertainty. Takes the arm whose reward could be the highest.

Li, Chu, Langford, Schapire: A contextual-bandit approach to personalized news article recommendation, WWW 2010, algorithm 1 (disjoint
linear models).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class LinUcb:
    """Takes the highest upper confidence bound; of equal ones the first."""

    def __init__(self, alpha: float) -> None:
        self._alpha = alpha
        """How many widths the bound is above the mean."""

    def shares(self, means: Floats, widths: Floats, /) -> Floats:
        """1 for that arm, 0 for the others."""
        taken = np.zeros(len(means))
        taken[int(np.argmax(means + self._alpha * widths))] = 1.0
        return taken
