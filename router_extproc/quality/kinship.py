"""Kinship: what a model without outcomes takes from those with outcomes, by how alike their profiles are.

The log odds of known models are regressed on their traits (ridge). That is linear in the known models' log odds, so an unseen model is a
fixed weighted sum of known ones: it costs nothing per request, whatever the method. GraphRouter (Feng et al. 2024, arXiv:2410.03834) and
UniRoute (Jitkrittum et al. 2025, arXiv:2502.08773) have the same aim: routing to new models without retraining.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.quality.outcomes import chance
from router_extproc.quality.traits import traits_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router_extproc.quality.outcomes import Doubles
    from router_extproc.quality.profile import ModelProfile
    from router_extproc.quality.traits import Traits

_PENALTIES = (1e-4, 0.03, 0.3, 1.0, 3.0, 10.0, 30.0)
_ROUNDS = 12
_LIKE = 0.05
"""Variance of a known model's weight around what the profile says, once outcomes of the new model are there."""
_LEVEL = 1.0
"""Variance of a new model's own level, in log odds."""


@dataclass(frozen=True, slots=True)
class Share:
    """A new model as a sum of known ones."""

    weights: Doubles
    """(known,)."""
    level: float = 0.0
    """Added to the log odds."""


@dataclass(frozen=True, slots=True)
class Kinship:
    """Known models' traits, and the penalty under which they tell most of each other."""

    traits: Traits
    rows: Doubles
    """(known, t): the known models' traits."""
    penalty: float

    def share(self, model: ModelProfile) -> Share:
        """What a model of that profile takes from the known ones."""
        return Share(_weights(self.rows, self.traits.of([model])[0], self.penalty))


def kinship(models: Sequence[ModelProfile], logits: Doubles) -> Kinship:
    """For these known models; logits (n, known) of some requests choose the penalty: each model is left out in turn."""
    traits = traits_of(models)
    rows = traits.of(models)
    return Kinship(traits, rows, min(_PENALTIES, key=lambda penalty: _left_out(rows, logits, penalty)))


def _left_out(rows: Doubles, logits: Doubles, penalty: float) -> float:
    """Squared error on each model from the others."""
    loss = 0.0
    for place in range(len(rows)):
        others = np.arange(len(rows)) != place
        said = logits[:, others] @ _weights(rows[others], rows[place], penalty)
        loss += float(((said - logits[:, place]) ** 2).mean())
    return loss


def _weights(rows: Doubles, row: Doubles, penalty: float) -> Doubles:
    """(known,): ridge regression's weights; the level is free, and what no trait tells is the mean of all."""
    size = rows.shape[1]
    ridge = penalty * np.eye(size)
    ridge[0, 0] = 1e-6
    found: Doubles = rows @ np.linalg.solve(rows.T @ rows + ridge, row)
    return found


def learned(share: Share, logits: Doubles, scores: Doubles) -> Share:
    """A share corrected by the new model's own outcomes: logits (k, known) on k requests, scores (k,) in [0, 1].

    The most likely weights and level under a Gaussian around the profile's, by Newton's method. Few outcomes change little.
    """
    rows = np.concatenate((logits, np.ones((len(logits), 1))), 1)
    start = np.concatenate((share.weights, [share.level]))
    trust = np.diag([1 / _LIKE * max(1, logits.shape[1])] * logits.shape[1] + [1 / _LEVEL])
    found = start.copy()
    for _ in range(_ROUNDS):
        said = chance(rows @ found)
        spread = np.maximum(said * (1 - said), 1e-4)
        slope = rows.T @ (said - scores) + trust @ (found - start)
        found = found - np.linalg.solve((rows * spread[:, None]).T @ rows + trust, slope)
    return Share(found[:-1], float(found[-1]))
