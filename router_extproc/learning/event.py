"""Event: one thing that is learned, once. It holds all that its application needs, so that it can wait in a file or a queue."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from router_extproc.learning.lesson import Lesson

TOLD = "told"
"""The source of scores and labels: a decision gets one."""


class Part(msgspec.Struct, frozen=True, array_like=True):
    """What one decision gets of an event."""

    id: str
    lesson: Lesson
    reward: float
    """In [0, 1]."""


class Event(msgspec.Struct, frozen=True, array_like=True):
    """Feedback or an implicit signal. Applied as a whole or not at all, and never twice for one decision and source."""

    source: str
    """With the decision's id it names the event: `told`, `reask`, `feedback`, `error`, `truncation`, or `pair:ID:ID`."""
    kind: str
    """For metrics and the log."""
    weight: float
    """How many observations it counts as."""
    at: float
    """When it came, Unix seconds: its weight among others rests on it, so a retry keeps it."""
    parts: tuple[Part, ...]

    @property
    def digest(self) -> str:
        """What it says: the same source with another digest contradicts it."""
        return ",".join(f"{part.id}={part.reward:.6g}" for part in self.parts)


class Applied(StrEnum):
    """What became of a piece of feedback."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    """It was there already, and says the same."""
    BUFFERED = "buffered"
    """It is kept in a file of this process, and will be told to the shared store when that answers again."""
    CONFLICT = "conflict"
    """There was another one for this decision, and it says something else."""
    UNKNOWN = "unknown"
    """There is no such decision, or it is too long ago, or it was no learning route's."""
    UNAVAILABLE = "unavailable"
    """It could not be kept; nothing happened, and the same feedback can be sent again."""

    @property
    def kept(self) -> bool:
        """Whether it is learned or will be."""
        return self in {Applied.APPLIED, Applied.DUPLICATE, Applied.BUFFERED}
