"""Profile: what is known beforehand of a model, and of a request."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

_NONE: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ModelProfile:
    """What is known of a model beforehand. All but the name may be missing. Told apart by identity in caches: keep the object."""

    name: str
    """As outcomes call it: a quality model that has seen outcomes of that name uses them."""
    price_input: float | None = None
    """US dollars per million tokens."""
    price_output: float | None = None
    parameters_b: float | None = None
    """Billions of parameters, all of them where only some are active."""
    context_window: int | None = None
    """Tokens."""
    tags: frozenset[str] = frozenset()
    scores: Mapping[str, float] = field(default_factory=lambda: _NONE, hash=False)
    """By benchmark, in [0, 1]."""


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """What is known of one request."""

    embedding: NDArray[np.float32]
    """(d,), of length 1: Reading.embedding."""
    difficulty: float
    """In [0, 1]: the chance that a small model fails, as the encoder's head says."""
    facts: tuple[float, ...] = ()
    """What the shape of the request tells; none for a quality model that reads none."""


@runtime_checkable
class QualityModel(Protocol):
    """Says how likely models are to answer a request well. Called concurrently; does not block; keeps nothing of the request."""

    @property
    def method(self) -> str:
        """The name of the method that made it."""
        ...

    @property
    def facts(self) -> int:
        """How many facts of a query it reads: 0 or all."""
        ...

    def predict(self, query: Query, models: Sequence[ModelProfile], /) -> NDArray[np.float64]:
        """(len(models),): calibrated chances in [0, 1], in order. Pass the same tuple each time: what depends on it is kept."""
        ...
