"""Newcomers: how well a model is predicted that was left out of training: by its profile, and after some of its outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.evaluation.metrics import auc
from router_extproc.quality.training import train

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from router_extproc.evaluation.routing.sets import RoutingSet
    from router_extproc.quality.outcomes import Doubles
    from router_extproc.quality.predictor import Predictor

EXAMPLES = (0, 20, 100)
"""Outcomes of the new model that are shown."""
MODELS = 5
"""Left out in turn, of each set: evenly spread from the best to the worst."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Means over the models left out of one set."""

    name: str
    models: int
    auc: dict[int, float]
    """By number of examples; of the model's good answers."""
    brier: dict[int, float]
    bias: dict[int, float]
    """Mean distance of the mean chance from the mean score."""
    known_auc: float
    """With the model in training."""
    known_brier: float


def newcomers(found: RoutingSet, method: str, tick: Callable[[], None] = lambda: None) -> Newcomer:
    """Leave models out one at a time."""
    means = found.eval_priced.outcomes.scores.mean(0)
    ranked = np.argsort(means)
    places = sorted({int(ranked[round(step)]) for step in np.linspace(0, len(ranked) - 1, min(MODELS, len(ranked)))})
    known = train(method, found.train, found.dev)
    told = [_one(found, method, place, tick) for place in places]
    seen = [_told(known, found, place) for place in places]
    return Newcomer(
        name=found.name,
        models=len(places),
        auc={count: _mean([each[count][0] for each in told]) for count in EXAMPLES},
        brier={count: _mean([each[count][1] for each in told]) for count in EXAMPLES},
        bias={count: _mean([each[count][2] for each in told]) for count in EXAMPLES},
        known_auc=_mean([each[0] for each in seen]),
        known_brier=_mean([each[1] for each in seen]),
    )


def _one(found: RoutingSet, method: str, place: int, tick: Callable[[], None]) -> dict[int, tuple[float, float, float]]:
    column = found.candidates[place]
    others = [number for number in range(len(found.train.models)) if number != column]
    fitted = train(method, found.train.columns(others), found.dev.columns(others))
    told = {}
    tried = np.flatnonzero(found.train.known[:, column])
    for count in EXAMPLES:
        shown = np.random.default_rng(place).permutation(tried)[:count]
        learned = fitted
        if count:
            learned = fitted.with_examples(found.models[place], found.train.inputs[shown], found.train.scores[shown, column])
        told[count] = _told(learned, found, place)
    tick()
    return told


def _told(predictor: Predictor, found: RoutingSet, place: int) -> tuple[float, float, float]:
    """AUC, Brier score, and distance of means."""
    table = found.eval_priced.outcomes
    said: Doubles = predictor.predict_all(table.inputs, (found.models[place],))[:, 0]
    scores = table.scores[:, place]
    return auc(scores > 0.5, said), float(((said - scores) ** 2).mean()), abs(float(said.mean() - scores.mean()))  # noqa: PLR2004 - half right


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
