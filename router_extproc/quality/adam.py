"""Adam: gradient descent on a few numpy arrays (Kingma and Ba 2015), with decoupled decay (Loshchilov and Hutter 2019)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from router_extproc.quality.outcomes import Singles

    Parameters = dict[str, Singles]
    Gradient = Callable[[Parameters, NDArray[np.int64]], Mapping[str, Singles]]

_FIRST, _SECOND, _TINY = 0.9, 0.999, 1e-8


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long, how fast, and how much weights are drawn to 0."""

    epochs: int = 30
    batch: int = 256
    rate: float = 3e-3
    """At the start; it falls to 0 along half a cosine."""
    decay: Mapping[str, float] | None = None
    """By parameter: the share of it that goes each step at full rate, over the rate."""
    seed: int = 0


def descend(parameters: Parameters, gradient: Gradient, rows: int, schedule: Schedule) -> Parameters:
    """The parameters after descent; `gradient` gives the mean loss's gradients for some rows. The same input gives the same result."""
    found = {name: values.copy() for name, values in parameters.items()}
    means = {name: np.zeros_like(values) for name, values in found.items()}
    squares = {name: np.zeros_like(values) for name, values in found.items()}
    chance = np.random.default_rng(schedule.seed)
    total = schedule.epochs * -(-rows // schedule.batch)
    step = 0
    for _ in range(schedule.epochs):
        order = chance.permutation(rows)
        for start in range(0, rows, schedule.batch):
            rate = schedule.rate * 0.5 * (1 + np.cos(np.pi * step / total))
            step += 1
            for name, slope in gradient(found, order[start : start + schedule.batch]).items():
                means[name] += (1 - _FIRST) * (slope - means[name])
                squares[name] += (1 - _SECOND) * (slope**2 - squares[name])
                change = means[name] / (1 - _FIRST**step) / (np.sqrt(squares[name] / (1 - _SECOND**step)) + _TINY)
                decay = (schedule.decay or {}).get(name, 0.0)
                found[name] -= (rate * (change + decay * found[name])).astype(np.float32)
    return found


def slopes(logits: Singles, scores: Singles) -> Singles:
    """The gradient of the mean cross-entropy by logits (n, m), where scores (n, m) are told and not NaN."""
    known = ~np.isnan(scores)
    off = np.where(known, 1 / (1 + np.exp(-np.clip(logits, -30, 30))) - np.nan_to_num(scores), 0.0)
    found: Singles = (off / max(1, int(known.sum()))).astype(np.float32)
    return found
