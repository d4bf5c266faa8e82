"""Network: one hidden layer from inputs to log odds, trained by Adam."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router_extproc.quality.adam import Schedule, descend, slopes
from router_extproc.quality.outcomes import logit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from router_extproc.quality.adam import Parameters
    from router_extproc.quality.outcomes import Doubles, Outcomes, Singles

_HIDDEN = 96
_SCALE = 8.0
"""Embeddings have small entries; this brings them near 1."""
_SCHEDULE = Schedule(epochs=12, rate=2e-3, decay={"first": 0.5, "second": 0.5})
"""Chosen on dev: more epochs learn the table by heart."""


def layers(outcomes: Outcomes) -> Parameters:
    """`first` (d + 1 + facts, hidden), `bias`, `second` (hidden, m) and `levels`: cross-entropy, scores that are not told left out."""
    centre = outcomes.inputs.mean(0)
    inputs, scores = (outcomes.inputs - centre) * _SCALE, outcomes.scores.astype(np.float32)

    def gradient(now: Parameters, rows: NDArray[np.int64]) -> Mapping[str, Singles]:
        hidden = np.maximum(inputs[rows] @ now["first"] + now["bias"], 0)
        slope = slopes(hidden @ now["second"] + now["levels"], scores[rows])
        back = (slope @ now["second"].T) * (hidden > 0)
        return {"first": inputs[rows].T @ back, "bias": back.sum(0), "second": hidden.T @ slope, "levels": slope.sum(0)}

    found = descend(_start(inputs.shape[1], outcomes), gradient, len(inputs), _SCHEDULE)
    found["first"] = _SCALE * found["first"]
    found["bias"] = found["bias"] - centre @ found["first"]
    return found


def forward(weights: Parameters, inputs: Singles) -> Doubles:
    """(n, m): log odds."""
    hidden = np.maximum(inputs @ weights["first"] + weights["bias"], 0)
    found: Doubles = (hidden @ weights["second"] + weights["levels"]).astype(np.float64)
    return found


def _start(width: int, outcomes: Outcomes) -> Parameters:
    chance = np.random.default_rng(0)
    first = chance.normal(0, (2 / width) ** 0.5 / 4, (width, _HIDDEN)).astype(np.float32)
    # What a fact means is learned, or nothing: where it is the same in all rows no slope would undo a start by chance.
    first[width - outcomes.facts :] = 0
    return {
        "first": first,
        "bias": np.zeros(_HIDDEN, np.float32),
        "second": chance.normal(0, 0.1, (_HIDDEN, outcomes.scores.shape[1])).astype(np.float32),
        "levels": logit(outcomes.means).astype(np.float32),
    }
