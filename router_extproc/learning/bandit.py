"""Bandit: how an algorithm says which arm it would take, as shares, so that the chance of each choice is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class Bandit(Protocol):
    """Which arm to take. Pure and quick; called concurrently."""

    def shares(self, means: Floats, widths: Floats, /) -> Floats:
        """The chance with which it takes each arm: none below 0, 1 in all. Means are rewards, widths as in Estimates; at least one arm."""
        ...
