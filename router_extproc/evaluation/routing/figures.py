"""Figures: what is told of one method on one set."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

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

    def as_json(self) -> dict[str, Any]:
        """All figures; NaN as null."""
        return {name: _plain(value) for name, value in asdict(self).items()}


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and np.isnan(value) else value


def frame(train: Priced, tuning: Priced) -> Frame:
    """The best model by its mean on train, and its cost."""
    best = int(train.outcomes.scores.mean(0).argmax())
    return Frame(best, float(tuning.costs[:, best].mean()))


def frozen(chances: Doubles, tuning: Priced, frame: Frame) -> float:
    """The worth of a dollar that is most accurate on the tuning rows without costing more than the best model; of equals the cheapest."""
    best, found = (-1.0, 0.0), 0.0
    for worth in exchange(tuning.costs):
        cost, height = point(tuning, chosen(chances, tuning.costs, worth))
        if cost <= frame.best_cost * (1 + 1e-9) and (height, -cost) > best:
            best, found = (height, -cost), float(worth)
    return found


def measured(method: str, chances: Doubles, priced: Priced, frame: Frame, worth: float) -> MethodResult:
    """All figures on the eval rows."""
    choice = chosen(chances, priced.costs, worth)
    cost, height = point(priced, choice)
    base_cost, base = singles(priced)[frame.best]
    gains = _gains(priced, choice, frame.best)
    low, high = bootstrap(len(gains), lambda rows: float(gains[rows].mean()))
    curve = sweep(chances, priced)
    scores = priced.outcomes.scores
    return MethodResult(
        method=method,
        accuracy=height,
        cost=cost / base_cost,
        gain=height - base,
        gain_low=low,
        gain_high=high,
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


def _gains(priced: Priced, choice: NDArray[np.int64], best: int) -> Doubles:
    scores = priced.outcomes.scores
    found: Doubles = scores[np.arange(len(choice)), choice] - scores[:, best]
    return found


def mean_auc(chances: Doubles, scores: Doubles) -> float:
    """Over models, of score > 0.5 where there is one; models that are always right or always wrong are left out."""
    known = [~np.isnan(column) for column in scores.T]
    found = [auc(column[rows] > 0.5, said[rows]) for column, said, rows in zip(scores.T, chances.T, known, strict=True)]  # noqa: PLR2004 - half right
    told = [value for value in found if not np.isnan(value)]
    return float(np.mean(told)) if told else float("nan")
