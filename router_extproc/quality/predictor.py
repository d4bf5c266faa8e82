"""Predictor: a fitted method, calibrated, for any set of models, seen in training or not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.quality.errors import QualityError
from router_extproc.quality.kinship import Share, learned
from router_extproc.quality.outcomes import chance, inputs_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router_extproc.quality.kinship import Kinship
    from router_extproc.quality.method import Fitted
    from router_extproc.quality.outcomes import Doubles, Singles
    from router_extproc.quality.profile import ModelProfile, Query

_SETS = 64
"""Sets of models whose weights are kept; a policy has one a route."""


@dataclass(frozen=True, slots=True)
class Mix:
    """How a set of models is made of the known ones, calibration included."""

    weights: Doubles
    """(known, m)."""
    levels: Doubles
    """(m,)."""


class Predictor:
    """A quality model. Safe from several threads: what is kept of sets of models is replaced, never changed."""

    def __init__(
        self,
        method: str,
        fitted: Fitted,
        known: Sequence[ModelProfile],
        kin: Kinship,
        line: tuple[float, float],
        *,
        width: int,
        facts: int = 0,
        extra: Mapping[str, Share] | None = None,
    ) -> None:
        """`line`: scale and offset of the calibration; `width`: of embeddings; `facts`: how many it reads.

        `extra`: models learned of after training, by name.
        """
        self.known = tuple(known)
        """Models of the training table, in the order of its columns."""
        self.fitted = fitted
        self.kin = kin
        self.line = line
        self.width = width
        self.facts = facts
        self.extra = dict(extra or {})
        self._method = method
        self._places = {model.name: place for place, model in enumerate(self.known)}
        self._mixes: dict[tuple[int, ...], tuple[tuple[ModelProfile, ...], Mix]] = {}

    @property
    def method(self) -> str:
        """The name of the method that made it."""
        return self._method

    def predict(self, query: Query, models: Sequence[ModelProfile], /) -> Doubles:
        """(len(models),): calibrated chances in [0, 1]. Raises QualityError for an embedding of another width."""
        if len(query.embedding) != self.width:
            raise QualityError(f"the quality model reads embeddings of {self.width} numbers, not {len(query.embedding)}")
        if len(query.facts) != self.facts:
            raise QualityError(f"the quality model reads {self.facts} facts, not {len(query.facts)}")
        found: Doubles = self.predict_all(inputs_of(query), models)[0]
        return found

    def predict_all(self, inputs: Singles, models: Sequence[ModelProfile], /) -> Doubles:
        """(n, len(models)): the same for many requests, inputs (n, d + 1 + facts) as Outcomes holds them.

        Facts that it does not read are left aside.
        """
        mix = self._mix(models)
        return chance(self.fitted.logits(self._read(inputs)) @ mix.weights + mix.levels)

    def knows(self, model: ModelProfile) -> bool:
        """Whether there are outcomes of that model: otherwise its profile is all that counts."""
        return model.name in self._places or model.name in self.extra

    def with_examples(self, model: ModelProfile, inputs: Singles, scores: Doubles) -> Predictor:
        """Another predictor that has learned of a model from its outcomes on k requests: inputs (k, d + 1 + facts), scores (k,) in [0, 1].

        What was learned of it before is forgotten; give all outcomes each time.
        """
        scale, offset = self.line
        prior = self.kin.share(model)
        found = learned(replace(prior, level=0.0), scale * self.fitted.logits(self._read(inputs)) + offset, scores)
        extra = {**self.extra, model.name: found}
        return Predictor(
            self._method, self.fitted, self.known, self.kin, self.line, width=self.width, facts=self.facts, extra=extra
        )

    def _read(self, inputs: Singles) -> Singles:
        size = self.width + 1 + self.facts
        if inputs.shape[1] < size:
            raise QualityError(f"inputs of {inputs.shape[1]} numbers, where the quality model reads {size}")
        return inputs if inputs.shape[1] == size else np.ascontiguousarray(inputs[:, :size])

    def _mix(self, models: Sequence[ModelProfile]) -> Mix:
        """Kept by identity: profiles hold mappings, and hashing those would cost more than the prediction."""
        key = tuple(map(id, models))
        kept = self._mixes.get(key)
        if kept is not None:
            return kept[1]
        made = self._made(models)
        held = dict(list(self._mixes.items())[-_SETS + 1 :])
        # The profiles are kept with it, so that no other object gets their ids.
        self._mixes = {**held, key: (tuple(models), made)}
        return made

    def _made(self, models: Sequence[ModelProfile]) -> Mix:
        scale, offset = self.line
        weights = np.zeros((len(self.known), len(models)))
        levels = np.full(len(models), offset)
        for column, model in enumerate(models):
            if model.name in self.extra:
                share = self.extra[model.name]
                weights[:, column] = share.weights * scale
                levels[column] = share.weights.sum() * offset + share.level
            elif model.name in self._places:
                weights[self._places[model.name], column] = scale
            else:
                weights[:, column] = self.kin.share(model).weights * scale
        return Mix(weights, levels)
