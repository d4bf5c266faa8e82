"""Figures: what is told of one method on one set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.evaluation.metrics import auc, bootstrap
from router_extproc.evaluation.routing.curves import area, chosen, cost_at, exchange, height_at, point, singles, sweep
from router_extproc.quality.calibration import calibration_error

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router_extproc.evaluation.routing.curves import Point
    from router_extproc.evaluation.routing.table import Priced
    from router_extproc.quality.outcomes import Doubles


@dataclass(frozen=True, slots=True)
class Frame:
    """What all methods of a set are measured against, decided without its eval rows."""

    best: int
    """The single model that is best on train."""
    best_cost: float
    """Its mean cost on the tuning rows."""


@dataclass(frozen=True, slots=True)
class MethodResult:
    """One method on one set. Costs are shares of the best single model's."""

    method: str
    accuracy: float
    """At the operating point frozen on train and dev."""
    cost: float
    gain: float
    """Accuracy over the best single model's, at the frozen point."""
    gain_low: float
    gain_high: float
    """95 % interval, by bootstrap over rows."""
    thrifty_accuracy: float
    """At the other frozen point: the cheapest that was as accurate as the best single model on train and dev."""
    thrifty_cost: float
    thrifty_gain_low: float
    thrifty_gain_high: float
    """95 % interval of that point's accuracy over the best single model's."""
    at_equal_cost: float
    """Accuracy at the best single model's cost, on the swept curve."""
    cost_at_best: float
    """For the best single model's accuracy, on the swept curve."""
    cost_at_95: float
    """For 95 % of it."""
    area: float
    regret: float
    """The oracle's accuracy minus that at the frozen point."""
    auc: float
    """Of good answers, mean over models."""
    brier: float
    ece: float
    curve: list[Point] = field(default_factory=list)
    """Of the sweep."""


def frame(train: Priced, tuning: Priced) -> Frame:
    """The best model by its mean on train, and its cost."""
    best = int(train.outcomes.scores.mean(0).argmax())
    return Frame(best, float(tuning.costs[:, best].mean()))


@dataclass(frozen=True, slots=True)
class Frozen:
    """What a dollar is worth in chances of a good answer, chosen on the tuning rows."""

    accurate: float
    """The most accurate choices that cost no more than the best single model; of equals the cheapest."""
    thrifty: float
    """The cheapest choices that are as accurate as the best single model; the most accurate if none is."""


def frozen(chances: Doubles, tuning: Priced, frame: Frame) -> Frozen:
    """Both operating points."""
    worths = exchange(tuning.costs).tolist()
    points = [point(tuning, chosen(chances, tuning.costs, worth)) for worth in worths]
    level = float(tuning.outcomes.scores[:, frame.best].mean())
    affordable = [place for place, (cost, _) in enumerate(points) if cost <= frame.best_cost * (1 + 1e-9)]
    accurate = max(affordable or range(len(points)), key=lambda place: (points[place][1], -points[place][0]))
    level_with = [place for place, (_, height) in enumerate(points) if height >= level - 1e-9]
    thrifty = min(level_with, key=lambda place: points[place][0]) if level_with else accurate
    return Frozen(worths[accurate], worths[thrifty])


def measured(method: str, chances: Doubles, priced: Priced, frame: Frame, worth: Frozen) -> MethodResult:
    """All figures on the eval rows."""
    choice, thrifty = (chosen(chances, priced.costs, each) for each in (worth.accurate, worth.thrifty))
    (cost, height), (thrifty_cost, thrifty_height) = point(priced, choice), point(priced, thrifty)
    base_cost, base = singles(priced)[frame.best]
    low, high = _interval(priced, choice, frame.best)
    thrifty_low, thrifty_high = _interval(priced, thrifty, frame.best)
    curve = sweep(chances, priced)
    scores = priced.outcomes.scores
    return MethodResult(
        method=method,
        accuracy=height,
        cost=cost / base_cost,
        gain=height - base,
        gain_low=low,
        gain_high=high,
        thrifty_accuracy=thrifty_height,
        thrifty_cost=thrifty_cost / base_cost,
        thrifty_gain_low=thrifty_low,
        thrifty_gain_high=thrifty_high,
        at_equal_cost=height_at(curve, base_cost),
        cost_at_best=cost_at(curve, base) / base_cost,
        cost_at_95=cost_at(curve, 0.95 * base) / base_cost,
        area=area(curve, float(priced.costs.mean(0).min()), base_cost),
        regret=float(scores.max(1).mean()) - height,
        auc=mean_auc(chances, scores),
        brier=float(((chances - scores) ** 2).mean()),
        ece=calibration_error(chances, scores),
        curve=curve,
    )


def _interval(priced: Priced, choice: NDArray[np.int64], best: int) -> tuple[float, float]:
    """Of the accuracy of choices over that of one model, 95 %."""
    scores = priced.outcomes.scores
    gains = scores[np.arange(len(choice)), choice] - scores[:, best]
    return bootstrap(len(gains), lambda rows: float(gains[rows].mean()))


def mean_auc(chances: Doubles, scores: Doubles) -> float:
    """Over models, of score > 0.5 where there is one; models that are always right or always wrong are left out."""
    known = [~np.isnan(column) for column in scores.T]
    found = [auc(column[rows] > 0.5, said[rows]) for column, said, rows in zip(scores.T, chances.T, known, strict=True)]  # noqa: PLR2004 - half right
    told = [value for value in found if not np.isnan(value)]
    return float(np.mean(told)) if told else float("nan")
