"""Calibrate: makes scores probabilities, and chooses thresholds, on the dev set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router_extproc.encoders.manifest import Calibration

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_TEMPERATURES = np.geomspace(0.25, 8.0, 141)
_TINY = 1e-9


def class_calibration(logits: Floats, targets: NDArray[np.int64]) -> Calibration:
    """The temperature with the least cross-entropy (Guo et al. 2017). Logits are (rows, labels)."""

    def loss(temperature: float) -> float:
        scaled = logits / temperature
        scaled = scaled - scaled.max(1, keepdims=True)
        log_chances = scaled - np.log(np.exp(scaled).sum(1, keepdims=True))
        return float(-log_chances[np.arange(len(targets)), targets].mean())

    return Calibration(temperature=_least(loss))


def chance_calibration(logits: Floats, targets: Floats) -> Calibration:
    """Temperature and bias with the least cross-entropy (Platt 1999); targets are in [0, 1]. Newton's method on slope and offset."""
    slope, offset = 1.0, 0.0
    for _ in range(50):
        chances = 1 / (1 + np.exp(-(slope * logits + offset)))
        wrong = chances - targets
        weight = chances * (1 - chances) + _TINY
        gradient = np.array([(wrong * logits).mean() + 1e-3 * (slope - 1), wrong.mean()])
        curve = np.array(
            [
                [(weight * logits * logits).mean() + 1e-3, (weight * logits).mean()],
                [(weight * logits).mean(), weight.mean()],
            ]
        )
        move = np.linalg.solve(curve, gradient)
        slope, offset = max(slope - float(move[0]), 0.05), offset - float(move[1])
        if float(np.abs(move).max()) < 1e-7:
            break
    return Calibration(temperature=round(1 / slope, 5), bias=round(offset / slope, 5))


def _least(loss: Callable[[float], float]) -> float:
    return round(float(min(_TEMPERATURES, key=loss)), 4)


def threshold_at(chances: Floats, false_positives: float) -> float:
    """The lowest threshold at which no more than that share of these negatives reaches it."""
    ordered = np.sort(chances)[::-1]
    allowed = int(false_positives * len(ordered))
    return float(min(0.999, np.nextafter(ordered[allowed], 2.0)))


def best_threshold(chances: Floats, targets: Floats) -> float:
    """The threshold with the best macro-F1."""
    return float(max(np.linspace(0.05, 0.95, 91), key=lambda cut: _macro_f1(chances >= cut, targets >= 0.5)))


def _macro_f1(said: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    figures = []
    for side in (True, False):
        hits = int(((said == side) & (true == side)).sum())
        figures.append(2 * hits / max(int((said == side).sum() + (true == side).sum()), 1))
    return sum(figures) / 2
