"""Ledger: lessons that wait for feedback, and the sums of what came, in this process. No I/O, no clock of its own."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from router_extproc.learning.event import Applied
from router_extproc.learning.sums import observed

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from router_extproc.learning.event import Event, Part
    from router_extproc.learning.lesson import Lesson

    Floats = NDArray[np.float64]

Key = tuple[str, str, int]
"""Of sums: the space's key, the arm, the epoch."""

MAX_SUMS = 4000
"""Sums that are kept, 1.5 kB each for 16 dimensions; those that nothing was added to for longest go first."""
MAX_SOURCES = 16
"""Events of one decision."""


@dataclass(slots=True)
class Entry:
    """One decision that may get feedback."""

    lesson: Lesson
    told: dict[str, str] = field(default_factory=dict)
    """Digests by source: what was applied. Replaced, never changed. It lives exactly as long as the lesson: nothing is applied again."""


class Ledger:
    """Bounded on both sides. Written by one thread at a time; sums are replaced, never changed, so that others can read."""

    def __init__(self, *, ttl_s: float, most: int) -> None:
        self.ttl_s = ttl_s
        """How long a decision may get feedback."""
        self._most = most
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._sums: dict[Key, Floats] = {}
        self._added: OrderedDict[Key, None] = OrderedDict()
        """Their keys, the one that nothing was added to for longest first."""
        self._lock = threading.Lock()
        self.version = 0
        """Grows with every change of the sums."""
        self.evicted = 0
        """Lessons that made room for newer ones before their time."""

    def __len__(self) -> int:
        return len(self._entries)

    def remember(self, identity: str, lesson: Lesson) -> None:
        """Keep a lesson; the oldest goes where there are too many."""
        with self._lock:
            self._entries[identity] = Entry(lesson)
            self._trim(lesson.at)

    def _trim(self, now: float) -> None:
        while self._entries:
            identity, entry = next(iter(self._entries.items()))
            old = entry.lesson.at + self.ttl_s <= now
            if not old and len(self._entries) <= self._most:
                return
            del self._entries[identity]
            self.evicted += not old

    def find(self, identity: str, now: float) -> Lesson | None:
        """The lesson of a decision; None if there is none any more."""
        entry = self._entries.get(identity)
        return entry.lesson if entry is not None and now < entry.lesson.at + self.ttl_s else None

    def apply(self, event: Event) -> Applied:
        """Add it to the sums, unless it was. A decision that is not known here is taken from the event."""
        with self._lock:
            entries = [self._entries.get(part.id) or Entry(part.lesson) for part in event.parts]
            before = {entry.told.get(event.source) for entry in entries}
            if event.digest in before:
                return Applied.DUPLICATE
            if before != {None} or any(len(entry.told) >= MAX_SOURCES for entry in entries):
                return Applied.CONFLICT
            for entry, part in zip(entries, event.parts, strict=True):
                entry.told = {**entry.told, event.source: event.digest}
                self._entries[part.id] = entry
            for key, added in increments(event):
                self.add(key, added)
            return Applied.APPLIED

    def add(self, key: Key, added: Floats) -> None:
        """Add to sums."""
        known = self._sums.get(key)
        self._sums[key] = added if known is None else known + added
        self._added[key] = None
        self._added.move_to_end(key)
        self.version += 1
        if known is None:
            self._forget(*key)

    def _forget(self, space: str, arm: str, epoch: int) -> None:
        """Drop what begins to count no longer. Epochs of different spaces are of different lengths: only those of one can be compared."""
        for old in [key for key in self._sums if key[:2] == (space, arm) and key[2] < epoch - 1]:
            del self._sums[old], self._added[old]
        if len(self._sums) > MAX_SUMS:
            del self._sums[self._added.popitem(last=False)[0]]

    def stored(self, key: Key) -> Floats | None:
        """Sums, if there are some."""
        return self._sums.get(key)

    def sums(self) -> dict[Key, Floats]:
        """All of them."""
        return dict(self._sums)

    def entries(self) -> dict[str, Entry]:
        """All lessons, the oldest first."""
        with self._lock:
            return {identity: Entry(entry.lesson, entry.told) for identity, entry in self._entries.items()}

    def restore(self, identity: str, entry: Entry) -> None:
        """Keep a lesson with what it was told."""
        with self._lock:
            self._entries[identity] = entry
            self._trim(0.0)


def increments(event: Event) -> Iterator[tuple[Key, Floats]]:
    """What an event adds to which sums."""
    for part in event.parts:
        yield increment(event, part)


def increment(event: Event, part: Part) -> tuple[Key, Floats]:
    """What one of its decisions adds."""
    space = part.lesson.space
    epoch = space.epoch(event.at)
    weight = event.weight * space.gain(event.at, epoch)
    return (space.key, part.lesson.arm, epoch), observed(part.lesson.features, part.reward, weight)
