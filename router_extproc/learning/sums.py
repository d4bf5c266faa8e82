"""Sums: the sufficient statistics of linear regression, that add up over requests, processes and restarts.

Older feedback counts less by forward decay (Cormode, Shkapenyuk, Srivastava, Xu: Forward Decay, ICDE 2009): a value's weight is fixed when
it comes, 2^((its time - the epoch's start) / half-life), and what was added is never touched again. So replicas can add in any order.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.learning.features import BESIDE, VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

HALF_LIVES = 32
"""Of an epoch. What is two epochs old weighs less than 2^-32, and is dropped."""
FIGURES = 3
"""At the head of the sums: total weight, weighted rewards, weighted squares of them."""
CENTRE = 0.5
"""Rewards are learned as their distance from it, so that a model of which nothing is known is taken for middling."""


@dataclass(frozen=True, slots=True)
class Space:
    """What belongs together in one learned state: routes with the same one learn from each other."""

    name: str
    """The learner's, as the policy gives it."""
    dimension: int
    """Of the projected embedding."""
    half_life_s: float = 0.0
    """0: nothing is forgotten."""

    @property
    def key(self) -> str:
        """Names the state: its meaning changes with the way in which features are made and weighted."""
        told = f"{VERSION}\0{self.dimension}\0{self.half_life_s!r}".encode()
        return f"{self.name}-{blake2b(told, digest_size=4).hexdigest()}"

    @property
    def width(self) -> int:
        """Numbers of a request."""
        return self.dimension + BESIDE

    def epoch(self, at: float) -> int:
        """The epoch of a moment (Unix seconds)."""
        return int(at // (HALF_LIVES * self.half_life_s)) if self.half_life_s else 0

    def gain(self, at: float, epoch: int) -> float:
        """What something of that moment weighs in that epoch's sums."""
        if not self.half_life_s:
            return 1.0
        return float(np.exp2((at - epoch * HALF_LIVES * self.half_life_s) / self.half_life_s))


def size(width: int) -> int:
    """How many sums there are for so many features."""
    return FIGURES + width + width * (width + 1) // 2


def observed(features: Floats, reward: float, weight: float) -> Floats:
    """The sums of one observation: a reward in [0, 1] that counts as `weight` of them."""
    rows, columns = _triangle(len(features))
    away = reward - CENTRE
    return weight * np.concatenate(
        ([1.0, away, away * away], away * features, features[rows] * features[columns]),
    )


@dataclass(frozen=True, slots=True)
class Regression:
    """The sums, unpacked."""

    weight: float
    """Observations, each weighing less as it ages."""
    moments: Floats
    """Rewards times features, shape (width,)."""
    squares: Floats
    """Features times features, shape (width, width)."""


def unpacked(sums: Floats, width: int) -> Regression:
    """Sums as vector and matrix."""
    rows, columns = _triangle(width)
    squares = np.zeros((width, width))
    squares[rows, columns] = sums[FIGURES + width :]
    squares[columns, rows] = sums[FIGURES + width :]
    return Regression(float(sums[0]), sums[FIGURES : FIGURES + width], squares)


def at(space: Space, now: float, stored: Callable[[int], Floats | None]) -> Floats:
    """The sums as they count now, of what is stored by epoch. What cannot be sums of this space, whoever stored it, counts as nothing."""
    total = np.zeros(size(space.width))
    current = space.epoch(now)
    for epoch in (current,) if not space.half_life_s else (current, current - 1):
        found = stored(epoch)
        if found is not None and len(found) == len(total) and np.isfinite(found).all():
            total += found / space.gain(now, epoch)
    return total


_TRIANGLES: dict[int, tuple[NDArray[np.intp], NDArray[np.intp]]] = {}


def _triangle(width: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    if width not in _TRIANGLES:
        _TRIANGLES[width] = np.triu_indices(width)
    return _TRIANGLES[width]
