"""Outcomes: how well models answered requests: what quality models are made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router_extproc.quality.profile import ModelProfile, Query

Singles = NDArray[np.float32]
Doubles = NDArray[np.float64]

_ROOM = 1e-3
"""Chances are kept this far from 0 and 1, so that their logits are finite."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """A table of outcomes: a row a request, a column a model."""

    inputs: Singles
    """(n, d + 1 + facts): each request's embedding, its difficulty, then its facts, if any; see `inputs_of`."""
    scores: Doubles
    """(n, m): in [0, 1], 1 is a right answer; NaN where a model was not tried."""
    models: tuple[ModelProfile, ...]
    """Of each column."""
    facts: int = 0
    """Columns of `inputs` after the difficulty: what the shape of a request tells; see `facts`."""

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def embeddings(self) -> Singles:
        """(n, d)."""
        return self.inputs[:, : self.width]

    @property
    def width(self) -> int:
        """D."""
        return int(self.inputs.shape[1]) - 1 - self.facts

    @property
    def known(self) -> NDArray[np.bool_]:
        """(n, m): where a score is told."""
        return ~np.isnan(self.scores)

    @property
    def means(self) -> Doubles:
        """(m,): each model's mean score, drawn to the mean of all by two rows' worth."""
        known = self.known
        total = np.where(known, self.scores, 0.0)
        overall = total.sum() / max(1, known.sum())
        found: Doubles = (total.sum(0) + 2 * overall) / (known.sum(0) + 2)
        return found

    def rows(self, kept: NDArray[np.bool_] | NDArray[np.int64]) -> Outcomes:
        """Some of the rows."""
        return replace(self, inputs=self.inputs[kept], scores=self.scores[kept])

    def columns(self, kept: Sequence[int]) -> Outcomes:
        """Some of the models."""
        places = list(kept)
        return replace(self, scores=self.scores[:, places], models=tuple(self.models[place] for place in places))


def inputs_of(query: Query) -> Singles:
    """(1, d + 1 + facts): a request as methods read it."""
    width = len(query.embedding)
    found = np.empty((1, width + 1 + len(query.facts)), np.float32)
    found[0, :width] = query.embedding
    found[0, width] = query.difficulty
    found[0, width + 1 :] = query.facts
    return found


def logit(chances: Doubles) -> Doubles:
    """Log odds of chances, which are kept a little from 0 and 1."""
    kept = np.minimum(np.maximum(chances, _ROOM), 1 - _ROOM)  # half the time of np.clip on a few numbers
    found: Doubles = np.log(kept / (1 - kept))
    return found


def chance(logits: Doubles) -> Doubles:
    """Chances of log odds."""
    found: Doubles = 1 / (1 + np.exp(-np.minimum(np.maximum(logits, -30), 30)))
    return found
