"""Exploration: bounds on how much a bandit tries out, whatever its algorithm would like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Exploration:
    """The least and the most that goes elsewhere than to the arm that is expected to be the best. In [0, 1], least <= most."""

    least: float = 0.02
    """Share of requests that is spread evenly over all arms, so that none is forgotten: each arm's chance is at least this / arms."""
    most: float = 0.5
    """Share of requests that goes to other arms than the one expected to be the best."""

    def bounded(self, shares: Floats, means: Floats) -> Floats:
        """The shares within the bounds. Both hold exactly."""
        arms = len(shares)
        if arms == 1:
            return np.ones(1)
        best = int(np.argmax(means))
        others = 1.0 - shares[best]
        even = self.least * (arms - 1) / arms
        room = (self.most - even) / (1.0 - self.least) if self.least < 1 else 0.0
        room = max(room, 0.0)
        if others > room:
            shares = shares * (room / others)
            shares[best] = 1.0 - room
        bounded: Floats = (1.0 - self.least) * shares + self.least / arms
        return bounded
