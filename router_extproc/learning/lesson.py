"""Lesson: what must be remembered of a decision so that feedback can teach something later. Holds numbers and names, no text of anyone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from router_extproc.learning.sums import Space

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class Weights(msgspec.Struct, frozen=True, array_like=True):
    """How many observations each implicit signal counts as, in [0, 1]; 0 leaves it out."""

    reask: float = 0.0
    """The user's next turn asks the same again: reward 0."""
    feedback: float = 0.0
    """What the feedback head reads in the user's next turn: satisfied is 1, wrong_answer and want_different are 0."""
    error: float = 0.0
    """The response was an error, or broke off: reward 0."""
    truncation: float = 0.0
    """The answer ended at its length limit: reward 0."""

    @property
    def turns(self) -> bool:
        """Whether the user's next turn is looked at."""
        return bool(self.reask or self.feedback)

    @property
    def responses(self) -> bool:
        """Whether the response is looked at."""
        return bool(self.error or self.truncation)


class Lesson(msgspec.Struct, frozen=True, array_like=True):
    """One decision of a learning route."""

    name: str
    """The learner's."""
    dimension: int
    half_life_s: float
    arm: str
    """What was chosen; see arm()."""
    numbers: bytes
    """The request's features: float32, little-endian."""
    propensity: float
    """With which it was chosen."""
    weights: Weights = Weights()
    at: float = 0.0
    """When it was decided, Unix seconds."""
    conversation: str = ""
    """A hash of what tells the conversation from others, keyed with the replicas' secret if there is one; empty where the user's next
    turn is not looked at."""

    @property
    def space(self) -> Space:
        """Where it belongs."""
        return Space(self.name, self.dimension, self.half_life_s)

    @property
    def features(self) -> Floats:
        """The request's features."""
        return np.frombuffer(self.numbers, "<f4").astype(np.float64)

    @property
    def sound(self) -> bool:
        """Whether it is what it should be; for one that was read from somewhere."""
        return len(self.numbers) == 4 * self.space.width and bool(np.isfinite(self.features).all())


def packed(features: Floats) -> bytes:
    """Features as a lesson holds them."""
    return features.astype("<f4").tobytes()


def arm(pool: str, model: str) -> str:
    """The name of an arm. A pool that serves another model is another arm: what was learned of the old one says nothing of it."""
    return f"{pool}/{model}"
