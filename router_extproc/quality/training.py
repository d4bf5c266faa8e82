"""Training: from outcomes to a calibrated predictor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router_extproc.quality.calibration import platt
from router_extproc.quality.errors import QualityError
from router_extproc.quality.kinship import kinship
from router_extproc.quality.methods import METHODS
from router_extproc.quality.outcomes import chance
from router_extproc.quality.predictor import Predictor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router_extproc.quality.method import Fitted
    from router_extproc.quality.outcomes import Doubles, Outcomes

    Places = NDArray[np.int64]

MIN_ROWS = 50
"""Requests that a table must have at least."""
MAX_ROWS = 200_000
MAX_MODELS = 512
FEW_ROWS = 1000
"""Below so many none can be spared for calibration alone."""
_FOLDS = 5
_SAMPLE = 500
"""Requests on which models are compared with their kin."""


def train(method: str, outcomes: Outcomes, held: Outcomes) -> Predictor:
    """Fit a method by its name, and calibrate it on rows that it has not seen, of the same models.

    Raises UnknownPluginError or QualityError.
    """
    _check(outcomes)
    fitted = METHODS[method].build().fit(outcomes)
    return _made(method, fitted, outcomes, platt(fitted.logits(held.inputs), held.scores))


def cross_trained(method: str, outcomes: Outcomes, fold: Places | None = None) -> tuple[Predictor, Doubles]:
    """Fit a method on all rows, and calibrate it on what fits without them say of them: for tables of which no row can be spared.

    Gives the predictor and the calibrated chances (n, m) of rows left out. `fold`: (n,), from 0: rows that belong together share one.
    Raises UnknownPluginError or QualityError.
    """
    _check(outcomes)
    if fold is None:
        fold = np.random.default_rng(0).permutation(len(outcomes)) % _FOLDS
    said = np.zeros(outcomes.scores.shape)
    for number in range(fold.max() + 1):
        held = fold == number
        said[held] = METHODS[method].build().fit(outcomes.rows(~held)).logits(outcomes.inputs[held])
    scale, offset = platt(said, outcomes.scores)
    return _made(method, METHODS[method].build().fit(outcomes), outcomes, (scale, offset)), chance(scale * said + offset)


def _made(method: str, fitted: Fitted, outcomes: Outcomes, line: tuple[float, float]) -> Predictor:
    step = max(1, len(outcomes) // _SAMPLE)
    kin = kinship(outcomes.models, fitted.logits(outcomes.inputs[::step]))
    return Predictor(method, fitted, outcomes.models, kin, line, width=outcomes.width, facts=outcomes.facts)


def taught(predictor: Predictor, outcomes: Outcomes) -> Predictor:
    """The predictor after it has learned of all models of a table from their outcomes there, few as they may be.

    What it knew of a model of that name before is replaced. Raises QualityError for readings of another encoder.
    """
    if outcomes.width != predictor.width:
        raise QualityError(f"readings of {outcomes.width} numbers, where the quality model reads {predictor.width}")
    for column, model in enumerate(outcomes.models):
        tried = outcomes.known[:, column]
        predictor = predictor.with_examples(model, outcomes.inputs[tried], outcomes.scores[tried, column])
    return predictor


def cross_taught(predictor: Predictor, outcomes: Outcomes, folds: int = 5) -> Doubles:
    """(n, m): chances on each row, after learning from the rows of the other folds."""
    fold = np.random.default_rng(0).permutation(len(outcomes)) % folds
    found = np.zeros(outcomes.scores.shape)
    for number in range(folds):
        held = fold == number
        found[held] = taught(predictor, outcomes.rows(~held)).predict_all(outcomes.inputs[held], outcomes.models)
    return found


def held_out(outcomes: Outcomes, share: float = 0.1, seed: int = 0) -> tuple[Outcomes, Outcomes]:
    """The rows to fit on and the rows to calibrate on."""
    held = np.zeros(len(outcomes), bool)
    held[np.random.default_rng(seed).choice(len(outcomes), max(1, int(share * len(outcomes))), replace=False)] = True
    return outcomes.rows(~held), outcomes.rows(held)


def losses(said: Doubles, outcomes: Outcomes) -> dict[str, float]:
    """Mean squared error (Brier score) of chances (n, m), and that of always saying each model's mean."""
    known = outcomes.known
    level = np.broadcast_to(outcomes.means, outcomes.scores.shape)
    return {
        "brier": float(((said - outcomes.scores)[known] ** 2).mean()),
        "brier_of_means": float(((level - outcomes.scores)[known] ** 2).mean()),
    }


def _check(outcomes: Outcomes) -> None:
    if not MIN_ROWS <= len(outcomes) <= MAX_ROWS:
        raise QualityError(f"{len(outcomes)} requests with outcomes; {MIN_ROWS} to {MAX_ROWS} are needed")
    if not 1 < len(outcomes.models) <= MAX_MODELS:
        raise QualityError(f"outcomes of {len(outcomes.models)} models; 2 to {MAX_MODELS} are needed")
    counts = outcomes.known.sum(0)
    if not counts.all():
        name = outcomes.models[int(counts.argmin())].name
        raise QualityError(f"model {name!r} has no outcomes among the rows to fit on; leave it out")
