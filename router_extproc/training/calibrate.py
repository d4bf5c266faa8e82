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
_ROUNDS, _STILL = 100, 1e-7
_LEAST_SLOPE = 0.05
_NEARLY = 0.005
"""Difference of macro-F1 that a dev set of some hundred rows cannot tell from none."""
_HELD = 1e-3
"""How much the slope is held to 1, lest labels that are all alike make it endless."""


def class_calibration(logits: Floats, targets: NDArray[np.int64]) -> Calibration:
    """The temperature with the least cross-entropy (Guo et al. 2017). Logits are (rows, labels)."""

    def loss(temperature: float) -> float:
        scaled = logits / temperature
        scaled = scaled - scaled.max(1, keepdims=True)
        log_chances = scaled - np.log(np.exp(scaled).sum(1, keepdims=True))
        return float(-log_chances[np.arange(len(targets)), targets].mean())

    return Calibration(temperature=_least(loss))


def chance_calibration(logits: Floats, targets: Floats) -> Calibration:
    """Temperature and bias with the least cross-entropy (Platt 1999); targets are in [0, 1].

    Newton's method on slope and offset, each step halved until it helps.
    """
    at = np.array([1.0, 0.0])
    for _ in range(_ROUNDS):
        move = _newton(at, logits, targets)
        here, share = _chance_loss(at, logits, targets), 1.0
        while share > _TINY and _chance_loss(_bounded(at - share * move), logits, targets) > here:
            share /= 2
        at = _bounded(at - share * move)
        if float(np.abs(share * move).max()) < _STILL:
            break
    slope, offset = at.tolist()
    return Calibration(temperature=round(1 / slope, 5), bias=round(offset / slope, 5))


def _bounded(at: Floats) -> Floats:
    return np.array([max(float(at[0]), _LEAST_SLOPE), float(at[1])])


def _chance_loss(at: Floats, logits: Floats, targets: Floats) -> float:
    scaled = at[0] * logits + at[1]
    return float((np.logaddexp(0, scaled) - targets * scaled).mean() + _HELD / 2 * (at[0] - 1) ** 2)


def _newton(at: Floats, logits: Floats, targets: Floats) -> Floats:
    """The whole step, (slope, offset)."""
    chances = np.exp(-np.logaddexp(0, -(at[0] * logits + at[1])))
    wrong, weight = chances - targets, chances * (1 - chances) + _TINY
    gradient = np.array([(wrong * logits).mean() + _HELD * (at[0] - 1), wrong.mean()])
    mixed = (weight * logits).mean()
    curve = np.array([[(weight * logits * logits).mean() + _HELD, mixed], [mixed, weight.mean()]])
    move: Floats = np.linalg.solve(curve, gradient)
    return move


def _least(loss: Callable[[float], float]) -> float:
    return round(float(min(_TEMPERATURES, key=loss)), 4)


def threshold_at(chances: Floats, false_positives: float) -> float:
    """The lowest threshold at which no more than that share of these negatives reaches it; 1 if there is none below it.

    Raises ValueError without negatives.
    """
    if not len(chances):
        raise ValueError("no negatives to choose a threshold by")
    allowed = int(false_positives * len(chances))
    if allowed >= len(chances):
        return 0.0
    return float(min(1.0, np.nextafter(np.sort(chances)[::-1][allowed], 2.0)))


def best_threshold(chances: Floats, targets: Floats) -> float:
    """The lowest threshold whose macro-F1 is nearly the best: where the dev set leaves a choice, a yes that is missed costs more."""
    cuts = np.linspace(0.05, 0.95, 91)
    figures = np.array([_macro_f1(chances >= cut, targets >= 0.5) for cut in cuts])
    return float(cuts[np.argmax(figures >= figures.max() - _NEARLY)])


def _macro_f1(said: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    figures = []
    for side in (True, False):
        hits = int(((said == side) & (true == side)).sum())
        figures.append(2 * hits / max(int((said == side).sum() + (true == side).sum()), 1))
    return sum(figures) / 2
