"""Calibration: a line through log odds that makes them chances (Platt 1999), and how far from chances they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router_extproc.quality.outcomes import chance

if TYPE_CHECKING:
    from router_extproc.quality.outcomes import Doubles

_ROUNDS = 30
_TRUST = 4.0
"""Rows' worth of belief that the logits are right as they are: with few rows the line stays near."""
_BINS = 15


def platt(logits: Doubles, scores: Doubles) -> tuple[float, float]:
    """Scale and offset for logits of any shape; scores of the same, NaN where not told. Newton's method."""
    known = ~np.isnan(scores)
    x, y = logits[known], scores[known]
    line = np.array([1.0, 0.0])
    trust = _TRUST * np.eye(2) / 4
    for _ in range(_ROUNDS):
        said = chance(line[0] * x + line[1])
        spread = said * (1 - said) + 1e-6
        slope = np.array([((said - y) * x).sum(), (said - y).sum()]) + trust @ (line - (1.0, 0.0))
        curve = np.array([[(spread * x * x).sum(), (spread * x).sum()], [(spread * x).sum(), spread.sum()]]) + trust
        step = np.clip(np.linalg.solve(curve, slope), -1.0, 1.0)
        line = line - step
        if float(np.abs(step).max()) < 1e-8:  # noqa: PLR2004 - no change any more
            break
    return max(float(line[0]), 1e-3), float(line[1])


def lines(logits: Doubles, scores: Doubles) -> tuple[Doubles, Doubles]:
    """Scales and offsets, (m,) each: `platt` for every column."""
    found = [platt(logits[:, column], scores[:, column]) for column in range(logits.shape[1])]
    return np.array([scale for scale, _ in found]), np.array([offset for _, offset in found])


def calibration_error(chances: Doubles, scores: Doubles) -> float:
    """Expected calibration error over bins of equal mass (Guo et al. 2017); NaN scores are left out. NaN of nothing."""
    known = ~np.isnan(scores)
    said, seen = chances[known], scores[known]
    if not len(said):
        return float("nan")
    order = np.argsort(said, kind="stable")
    parts = np.array_split(order, min(_BINS, len(order)))
    return float(sum(abs(said[part].mean() - seen[part].mean()) * len(part) for part in parts) / len(order))
