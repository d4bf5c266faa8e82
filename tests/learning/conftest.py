"""What tests of learning share: lessons, events, and a clock that a test moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from router_extproc.learning.event import TOLD, Event, Part
from router_extproc.learning.lesson import Lesson, Weights, arm, packed

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 1_800_000_000.0


@dataclass
class Clock:
    """Seconds, as the test says."""

    now: float = NOW

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands."""
    return Clock()


@pytest.fixture
def lesson() -> Callable[..., Lesson]:
    """Makes lessons."""

    def make(pool: str = "small", **more: Any) -> Lesson:
        numbers = packed(np.array([0.5, -0.25, 0.1, 1.0]))
        told = {"name": "default", "dimension": 2, "half_life_s": 0.0, "numbers": numbers, "propensity": 0.5, "at": NOW}
        return Lesson(arm=arm(pool, "m"), **{**told, "weights": Weights(), **more})

    return make


@pytest.fixture
def event(lesson: Callable[..., Lesson]) -> Callable[..., Event]:
    """Makes events of one decision."""

    def make(
        identity: str = "a-1", reward: float = 1.0, *, source: str = TOLD, kind: str = "score", weight: float = 1.0, **more: Any
    ) -> Event:
        return Event(source, kind, weight, more.pop("came", NOW), (Part(identity, lesson(**more), reward),))

    return make
