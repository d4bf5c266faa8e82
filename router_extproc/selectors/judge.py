"""Judge: how likely each of a route's candidates is to answer a request well, by a quality model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.encoders.bundle import embedder
from router_extproc.errors import SpecError
from router_extproc.quality.errors import QualityError
from router_extproc.quality.facts import facts_of
from router_extproc.quality.model import load
from router_extproc.quality.profile import ModelProfile, Query
from router_extproc.quality.shipped import NAME, shipped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router_extproc.quality.profile import QualityModel
    from router_extproc.routing import Candidate, ModelPool
    from router_extproc.selectors.selector import Choice
    from router_extproc.selectors.services import SelectorServices

_MIDDLING = 0.5
"""The difficulty of a request of which nothing is known."""


class Judge:
    """Asks the quality model about all candidates at once. Microseconds; safe from several threads."""

    def __init__(self, model: QualityModel, candidates: tuple[Candidate, ...], size: int) -> None:
        self._model = model
        self._names = tuple(candidate.pool.name for candidate in candidates)
        # One tuple for good: the model keeps what depends on it.
        self._profiles = tuple(profile(candidate.pool) for candidate in candidates)
        self._known = frozenset(self._names)
        self._nothing = Query(np.zeros(size, np.float32), _MIDDLING)

    def judged(self, choice: Choice, candidates: Sequence[Candidate]) -> Choice:
        """The same with `quality`. A request that could not be read is judged as one of middling difficulty about nothing in particular.

        `candidates` may hold pools that are not the route's: private data can send a request to any that is trusted.
        """
        reading = choice.reading
        query = self._nothing if reading is None else Query(reading.embedding, reading.chances["difficulty"])
        if self._model.facts:
            # Known also of a request that could not be read.
            query = Query(query.embedding, query.difficulty, facts_of(choice.request))
        quality = self._chances(query, self._names, self._profiles)
        others = tuple(each.pool for each in candidates if each.pool.name not in self._known)
        if others:
            quality |= self._chances(query, tuple(pool.name for pool in others), tuple(map(profile, others)))
        return replace(choice, quality=quality)

    def _chances(self, query: Query, names: tuple[str, ...], profiles: tuple[ModelProfile, ...]) -> dict[str, float]:
        chances = np.clip(np.nan_to_num(self._model.predict(query, profiles), nan=0.0), 0.0, 1.0)
        return dict(zip(names, chances.tolist(), strict=True))


def profile(pool: ModelPool) -> ModelProfile:
    """What the policy tells of a pool's model."""
    facts = pool.facts
    return ModelProfile(
        name=facts.known_as or pool.model or pool.name,
        price_input=pool.price.input if pool.price else None,
        price_output=pool.price.output if pool.price else None,
        parameters_b=facts.parameters_b,
        context_window=pool.context_window,
        tags=pool.tags,
        scores=facts.scores,
    )


def judge(name: str, candidates: tuple[Candidate, ...], services: SelectorServices) -> Judge:
    """A judge by the quality model in that file, or by the one that comes with the program. Raises SpecError."""
    share = services.share()
    bundle = share.encoder.bundle
    try:
        path = shipped() if name == NAME else services.signals.file(name)
        model = load(path, encoder=embedder(bundle.manifest))
    except QualityError as error:
        raise SpecError(
            ("quality",), str(error), cure="train it with `router-extproc train-quality`, or correct the path"
        ) from error
    return Judge(model, candidates, bundle.background.shape[1])
