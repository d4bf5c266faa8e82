"""Transfer: the shipped model's method on a source of which it has seen no outcome: other requests, other models, by profile alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.evaluation.metrics import spearman
from router_extproc.evaluation.routing.curves import chosen, point, singles
from router_extproc.evaluation.routing.figures import mean_auc
from router_extproc.evaluation.routing.sets import UNLICENSED
from router_extproc.quality.calibration import calibration_error
from router_extproc.quality.training import train

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router_extproc.evaluation.routing.sets import Data

METHOD = "inductive"


@dataclass(frozen=True, slots=True)
class Transferred:
    """One source, by a model made of the others."""

    name: str
    auc: float
    """Of good answers, mean over models."""
    order: float
    """Spearman between models' mean chances and mean scores: whether it knows which models are good."""
    ece: float
    accuracy: float
    """Of the likeliest model for each request."""
    cost: float
    """Share of the dearest model's."""
    dearest: str
    dearest_accuracy: float
    """What who knows nothing but prices would take."""
    random_accuracy: float


def transfer(data: Data, names: Sequence[str]) -> list[Transferred]:
    """Leave each source out in turn; sources without a licence are measured, and never learned from."""
    licensed = [name for name in names if name not in UNLICENSED]
    others = {name: [other for other in licensed if other != name] for name in names}
    return [_one(data, name, rest) for name, rest in others.items() if rest]


def _one(data: Data, name: str, others: Sequence[str]) -> Transferred:
    predictor = train(METHOD, data.joint(others, "train"), data.joint(others, "dev"))
    priced = data.set(name).eval_priced
    # Under another name, so that no outcome of a model of that name in another source counts.
    models = tuple(replace(model, name=f"{name}: {model.name}") for model in priced.outcomes.models)
    chances = predictor.predict_all(priced.outcomes.inputs, models)
    scores, points = priced.outcomes.scores, singles(priced)
    dearest = int(np.argmax([cost for cost, _ in points]))
    cost, height = point(priced, chosen(chances, priced.costs, 0.0))
    return Transferred(
        name=name,
        auc=mean_auc(chances, scores),
        order=spearman(chances.mean(0), scores.mean(0)),
        ece=calibration_error(chances, scores),
        accuracy=height,
        cost=cost / points[dearest][0],
        dearest=priced.outcomes.models[dearest].name,
        dearest_accuracy=points[dearest][1],
        random_accuracy=float(scores.mean()),
    )
