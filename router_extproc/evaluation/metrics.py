"""Metrics: figures of merit of scores against the truth, on numpy arrays. A figure that its rows do not define is NaN."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

BINS = 15
"""Of a reliability diagram and its expected calibration error; each holds about the same number of rows."""
RESAMPLES = 1000
"""Of the bootstrap."""
_TAILS = (2.5, 97.5)
_SLACK = 1e-9
"""What floating point may take from a product that is a whole number."""


def mean(values: Floats | Flags) -> float:
    """The mean, NaN of nothing."""
    return float(np.mean(values)) if len(values) else float("nan")


def confusion(truth: Ints, said: Ints, labels: int) -> Ints:
    """Counts, (labels, labels): row = the truth, column = what was said. A said label below 0 (no answer) is in no column."""
    answered = said >= 0
    cells = truth[answered] * labels + said[answered]
    return np.bincount(cells, minlength=labels * labels).reshape(labels, labels).astype(np.int64)


def macro_f1(truth: Ints, said: Ints, labels: int) -> float:
    """Mean F1 of the labels that occur in the truth."""
    hits = np.bincount(truth[truth == said], minlength=labels)
    wanted = np.bincount(truth, minlength=labels)
    given = np.bincount(said[said >= 0], minlength=labels)
    present = wanted > 0
    return mean((2 * hits[present] / (wanted[present] + given[present])).astype(np.float64))


def ranks(values: Floats) -> Floats:
    """Ranks from 1; equal values share the mean of their ranks."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    shared: Floats = (last - (counts - 1) / 2)[place]
    return shared


def auc(truth: Flags, score: Floats) -> float:
    """Chance that a positive scores above a negative; a tie counts half."""
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        return float("nan")
    return (float(ranks(score)[truth].sum()) - positives * (positives + 1) / 2) / (positives * negatives)


def recall_at(truth: Flags, score: Floats, rate: float) -> float:
    """Share of the positives above the lowest threshold that lets no more than that share of the negatives pass."""
    negatives = np.sort(score[~truth])[::-1]
    if not len(negatives) or not truth.any():
        return float("nan")
    allowed = int(rate * len(negatives) + _SLACK)
    if allowed >= len(negatives):
        return 1.0
    return mean(score[truth] > negatives[allowed])


def roc(truth: Flags, score: Floats) -> list[tuple[float, float]]:
    """The curve's corners, (false positive rate, recall), from (0, 0) to (1, 1)."""
    steps = np.unique(score)[::-1]
    above = np.searchsorted(np.sort(score[truth]), steps, "left"), np.searchsorted(np.sort(score[~truth]), steps, "left")
    hits, alarms = (1 - below / max(1, total) for below, total in zip(above, (truth.sum(), (~truth).sum()), strict=True))
    points = [(0.0, 0.0), *zip(alarms.tolist(), hits.tolist(), strict=True)]
    return [
        point
        for place, point in enumerate(points)
        if place in (0, len(points) - 1) or not _between(points[place - 1], point, points[place + 1])
    ]


def _between(before: tuple[float, float], point: tuple[float, float], after: tuple[float, float]) -> bool:
    return before[0] == point[0] == after[0] or before[1] == point[1] == after[1]


def reliability(chance: Floats, truth: Flags | Floats) -> list[tuple[float, float, int]]:
    """Bins of equal mass: (mean chance, share that is true or mean of the truth, rows). Equal chances are never parted."""
    bins = np.searchsorted(np.sort(chance), chance, "left") * BINS // max(1, len(chance))
    parts = [bins == number for number in np.unique(bins)]
    return [(mean(chance[part]), mean(truth[part]), int(part.sum())) for part in parts]


def ece(chance: Floats, truth: Flags | Floats) -> float:
    """Expected calibration error: how far chances are from frequencies, in [0, 1]."""
    bins = reliability(chance, truth)
    return sum(abs(said - seen) * rows for said, seen, rows in bins) / len(chance) if bins else float("nan")


def brier(chance: Floats, truth: Flags) -> float:
    """Mean squared error of chances; (rows, labels) arrays are summed over the labels."""
    errors = (chance - truth) ** 2
    return mean(errors.sum(1) if errors.ndim > 1 else errors)


def spearman(left: Floats, right: Floats) -> float:
    """Rank correlation, ties sharing ranks; NaN where one side is constant."""
    if len(left) < 2 or np.ptp(left) == 0 or np.ptp(right) == 0:  # noqa: PLR2004 - one point has no slope
        return float("nan")
    return float(np.corrcoef(ranks(left), ranks(right))[0, 1])


def f1(hits: float, given: float, wanted: float) -> float:
    """From counts: found and right, found, and there."""
    return 2 * hits / (given + wanted) if given + wanted else float("nan")


def bootstrap(rows: int, figure: Callable[[Ints], float], *, seed: int = 0, resamples: int = RESAMPLES) -> tuple[float, float]:
    """The 95 % interval of a figure under resampling of the rows; `figure` gets indexes. NaN where most resamples give none."""
    chance = np.random.default_rng(seed)
    found = np.array([figure(chance.integers(0, rows, rows)) for _ in range(resamples)]) if rows else np.array([])
    known = found[~np.isnan(found)]
    if 2 * len(known) <= len(found):
        return float("nan"), float("nan")
    low, high = np.percentile(known, _TAILS)
    return float(low), float(high)
