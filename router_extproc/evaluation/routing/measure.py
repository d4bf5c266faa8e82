"""Measure: every method on one set."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.evaluation.metrics import auc, spearman
from router_extproc.evaluation.routing.curves import apgr, area, height_at, singles
from router_extproc.evaluation.routing.figures import frame, frozen, measured
from router_extproc.evaluation.routing.table import Priced
from router_extproc.quality.outcomes import Outcomes
from router_extproc.quality.profile import Query
from router_extproc.quality.training import train

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.evaluation.routing.curves import Point
    from router_extproc.evaluation.routing.figures import Frame, MethodResult
    from router_extproc.evaluation.routing.sets import RoutingSet
    from router_extproc.quality.outcomes import Doubles, Singles
    from router_extproc.quality.predictor import Predictor

FOLDS = 3
"""The operating point is chosen on training rows that a like model has not seen, and on dev."""
SIZES = (2, 8, 32)
"""Candidates for which a decision's time is told."""
_TIMED = 200


@dataclass(frozen=True, slots=True)
class Baselines:
    """Choices that read no request."""

    best: str
    """The single model that is best on train."""
    best_accuracy: float
    best_cost: float
    """US dollars a thousand requests."""
    cheapest: str
    cheapest_accuracy: float
    random_accuracy: float
    random_cost: float
    """Of a model drawn evenly; share of the best one's."""
    mixture_area: float
    """Of chance mixtures of single models."""
    mixture_at_equal_cost: float
    oracle_accuracy: float
    oracle_cost: float
    """Share of the best one's: the cheapest of those that answer best."""


@dataclass(frozen=True, slots=True)
class SetResult:
    """All that is told of one set."""

    name: str
    rows: int
    dropped: int
    train_rows: int
    models: int
    estimated: bool
    """Whether costs are from a price list."""
    baselines: Baselines
    singles: dict[str, Point]
    methods: list[MethodResult] = field(default_factory=list)
    micros: dict[str, dict[int, float]] = field(default_factory=dict)
    """By method and number of candidates: median microseconds of a decision."""
    seconds: dict[str, float] = field(default_factory=dict)
    """By method: of one fit."""
    extras: dict[str, dict[str, float]] = field(default_factory=dict)
    """By method: figures that published ones can be put beside."""


def joined(first: Priced, second: Priced) -> Priced:
    """The rows of both."""
    mine, other = first.outcomes, second.outcomes
    rows = Outcomes(
        np.concatenate((mine.inputs, other.inputs)), np.concatenate((mine.scores, other.scores)), mine.models, mine.facts
    )
    return Priced(rows, np.concatenate((first.costs, second.costs)), first.estimated or second.estimated)


def baselines(priced: Priced, frame: Frame) -> Baselines:
    """On the eval rows."""
    points, scores, names = singles(priced), priced.outcomes.scores, [model.name for model in priced.outcomes.models]
    cost, height = points[frame.best]
    cheapest = min(range(len(points)), key=lambda place: points[place][0])
    best = scores.max(1, keepdims=True)
    low = points[cheapest][0]
    return Baselines(
        best=names[frame.best],
        best_accuracy=height,
        best_cost=1000 * cost,
        cheapest=names[cheapest],
        cheapest_accuracy=points[cheapest][1],
        random_accuracy=float(scores.mean()),
        random_cost=float(priced.costs.mean()) / cost,
        mixture_area=area(points, low, cost),
        mixture_at_equal_cost=height_at(points, cost),
        oracle_accuracy=float(best.mean()),
        oracle_cost=float(np.where(scores >= best, priced.costs, np.inf).min(1).mean()) / cost,
    )


def measure(found: RoutingSet, methods: tuple[str, ...], tick: Callable[[], None]) -> SetResult:
    """Fit, tune and measure each method; `tick` is called after each."""
    tuning = joined(found.train_priced, found.dev_priced)
    against = frame(found.train_priced, tuning)
    priced = found.eval_priced
    names = [model.name for model in found.models]
    result = SetResult(
        found.name,
        len(priced.costs),
        found.dropped,
        len(found.train),
        len(found.models),
        priced.estimated,
        baselines(priced, against),
        dict(zip(names, singles(priced), strict=True)),
    )
    for method in methods:
        began = time.perf_counter()
        predictor = train(method, found.train, found.dev)
        result.seconds[method] = time.perf_counter() - began
        worth = frozen(tuning_chances(found, method, predictor), tuning, against)
        chances = predictor.predict_all(priced.outcomes.inputs, found.models)
        result.methods.append(measured(method, chances, priced, against, worth))
        result.micros[method] = timed(predictor, found)
        result.extras[method] = extras(found, chances)
        tick()
    return result


def tuning_chances(found: RoutingSet, method: str, predictor: Predictor) -> Doubles:
    """Chances on the tuning rows: of training rows, by models fitted without them."""
    fold = np.random.default_rng(0).permutation(len(found.train)) % FOLDS
    chances = np.zeros((len(found.train), len(found.models)))
    for number in range(FOLDS):
        fitted = train(method, found.train.rows(fold != number), found.dev)
        chances[fold == number] = fitted.predict_all(found.train.inputs[fold == number], found.models)
    whole = found.train.columns(found.candidates).known.all(1)
    return np.concatenate((chances[whole], predictor.predict_all(found.dev_priced.outcomes.inputs, found.models)))


def timed(predictor: Predictor, found: RoutingSet) -> dict[int, float]:
    """Median microseconds of one decision."""
    table = found.eval_priced.outcomes
    queries = [_query(row, table.width) for row in table.inputs[:_TIMED]]
    told: dict[int, float] = {}
    for size in SIZES:
        models = tuple(found.train.models[place % len(found.train.models)] for place in range(size))
        times = []
        for query in (*queries[:20], *queries):
            began = time.perf_counter_ns()
            predictor.predict(query, models)
            times.append(time.perf_counter_ns() - began)
        told[size] = float(np.median(times[20:])) / 1000
    return told


def _query(row: Singles, width: int) -> Query:
    return Query(row[:width].copy(), float(row[width]), tuple(row[width + 1 :].tolist()))


_PAIR = ("routellm/gpt-4-1106-preview", "routellm/mistralai/Mixtral-8x7B-Instruct-v0.1")
"""RouteLLM's strong and weak model."""
_SMALL = "Meta-Llama-3_1-8B-Instruct"


def extras(found: RoutingSet, chances: Doubles) -> dict[str, float]:
    """Where a published figure is about the same rows or like ones."""
    names = [model.name for model in found.models]
    scores = found.eval_priced.outcomes.scores
    told: dict[str, float] = {"spearman_of_mean_score": spearman(chances.mean(1), scores.mean(1))}
    if set(_PAIR) <= set(names):
        strong, weak = (names.index(name) for name in _PAIR)
        told["apgr"] = apgr(chances[:, strong] - chances[:, weak], scores[:, weak], scores[:, strong])
    if _SMALL in names:
        place = names.index(_SMALL)
        told["auc_of_8b"] = auc(scores[:, place] > 0.5, chances[:, place])  # noqa: PLR2004 - half right
    return told
