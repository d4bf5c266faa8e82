"""Shared: what replicas learn together, in a shared store, and what waits for it while it does not answer."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Any

from router_extproc.learning.event import Applied
from router_extproc.learning.ledger import MAX_SUMS, increments
from router_extproc.limits.connection import RemoteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from router_extproc.learning.event import Event
    from router_extproc.learning.figures import LearningFigures
    from router_extproc.learning.ledger import Key
    from router_extproc.learning.lesson import Lesson
    from router_extproc.learning.remote import Remote

    Floats = NDArray[Any]

_log = logging.getLogger(__name__)

MAX_WAITING = 10_000
"""Events that wait while the shared store does not answer."""
_BATCH = 200
_LATE = 1.9
"""Lifetimes after which an event is not told any more: after two, the store has forgotten whether it was told before."""
_GIVEN_UP_S = 1.0
"""After a failure no call is made for that long, so that nobody waits for a store that is away."""


class Shared:
    """Keeps a copy of the shared sums: read every second, and moved by what this process itself adds."""

    def __init__(self, remote: Remote, figures: LearningFigures, *, ttl_s: float, most: int, clock: Callable[[], float]) -> None:
        self._remote = remote
        self._figures = figures
        self._ttl_s = ttl_s
        self._most = most
        self._clock = clock
        self._sums: dict[Key, Floats] = {}
        self._wanted: dict[Key, None] = {}
        """Keys that selectors asked for; the others are not read."""
        self._unsent: deque[tuple[str, Lesson]] = deque()
        """Lessons that were not told yet."""
        self._sending: asyncio.Task[None] | None = None
        self.waiting: dict[tuple[str, ...], Event] = {}
        """Events by source and decisions, in the order in which they came."""
        self.version = 0
        self._quiet_until = 0.0

    @property
    def sums(self) -> int:
        """Arms in memory, by epoch."""
        return len(self._sums)

    def stored(self, key: Key) -> Floats | None:
        """Sums as they are known here. One that is asked for is read from now on."""
        if key not in self._wanted and len(self._wanted) < MAX_SUMS:
            self._wanted[key] = None
        return self._sums.get(key)

    def remember(self, identity: str, lesson: Lesson) -> None:
        """Have a lesson told as soon as may be."""
        if len(self._unsent) >= self._most:
            self._unsent.popleft()
            self._figures.lose("full")
        self._unsent.append((identity, lesson))
        if self._sending is None and self._answers():
            self._sending = asyncio.get_running_loop().create_task(self._send())

    async def _send(self) -> None:
        try:
            while self._unsent and self._answers():
                batch = [self._unsent.popleft() for _ in range(min(_BATCH, len(self._unsent)))]
                try:
                    await self._remote.remember(batch)
                except RemoteError as error:
                    self._failed(error)
                    self._unsent.extendleft(reversed(batch))
                    return
                self._well()
        finally:
            self._sending = None

    async def find(self, identity: str) -> Lesson | None:
        """A lesson of any replica. Raises RemoteError."""
        if not self._answers():
            raise RemoteError("connection")
        try:
            found = await self._remote.find(identity)
        except RemoteError as error:
            self._failed(error)
            raise
        self._well()
        return found

    async def last(self, conversation: str) -> str | None:
        """The last decision of a conversation, whichever replica made it; None also where the store does not answer."""
        if not self._answers():
            return None
        try:
            return await self._remote.last(conversation)
        except RemoteError as error:
            self._failed(error)
            return None

    async def apply(self, event: Event) -> Applied:
        """Apply it in the shared store; UNAVAILABLE where that does not answer."""
        known = self.waiting.get(_name(event))
        if known is not None and known.digest != event.digest:
            return Applied.CONFLICT
        if not self._answers():
            return Applied.UNAVAILABLE
        try:
            applied = await self._remote.apply(event)
        except RemoteError as error:
            self._failed(error)
            return Applied.UNAVAILABLE
        self._well()
        # What waited was added when it began to.
        waited = self.waiting.pop(_name(event), None) is not None
        if applied is Applied.APPLIED and not waited:
            self._add((event,))
        return applied

    def wait_with(self, event: Event) -> Applied:
        """Keep an event until the store answers. It may have come there already: the store will know."""
        known = self.waiting.get(_name(event))
        if known is not None:
            return Applied.BUFFERED if known.digest == event.digest else Applied.CONFLICT
        if len(self.waiting) >= MAX_WAITING:
            self._figures.lose("full")
            return Applied.UNAVAILABLE
        self.waiting[_name(event)] = event
        self._add((event,))
        return Applied.BUFFERED

    def _add(self, events: Iterable[Event]) -> None:
        for event in events:
            for key, added in increments(event):
                known = self._sums.get(key)
                # As the store's script does it: what has another size is none of ours.
                self._sums[key] = added if known is None or len(known) != len(added) else known + added
        self.version += 1

    async def turn(self) -> None:
        """Tell what waits, and read what is known there."""
        await self._merge()
        if self._sending is not None:
            await self._sending
        elif self._unsent:
            await self._send()
        await self._read()

    async def _merge(self) -> None:
        for name, event in list(self.waiting.items()):
            oldest = min(part.lesson.at for part in event.parts)
            if self._clock() >= oldest + _LATE * self._ttl_s:
                # It could count twice.
                self.waiting.pop(name, None)
                self._figures.lose("late")
                continue
            if await self.apply(event) is Applied.UNAVAILABLE:
                return
            self.waiting.pop(name, None)

    async def _read(self) -> None:
        if not self._answers():
            return
        keys = list(self._wanted)
        try:
            sums = dict(await self._remote.read(keys))
        except RemoteError as error:
            self._failed(error)
            return
        self._well()
        self._sums = sums
        self._add(self.waiting.values())
        newest = max((key[2] for key in keys), default=0)
        self._wanted = {key: None for key in keys if key[2] >= newest - 1 or key in sums}

    def _answers(self) -> bool:
        # More than that is left only where the clock was set back.
        return not 0 < self._quiet_until - self._clock() <= _GIVEN_UP_S

    def _failed(self, error: RemoteError) -> None:
        if self._figures.up is not False or error.reason not in self._figures.failures:
            _log.error("the shared store for learning does not answer (%s): what is learned waits here", error.reason)
        self._figures.up = False
        self._figures.fail(error.reason)
        self._quiet_until = self._clock() + _GIVEN_UP_S

    def _well(self) -> None:
        if not self._figures.up:
            _log.info("the shared store for learning answers")
        self._figures.up = True

    async def close(self) -> None:
        """Close its connections."""
        if self._sending is not None:
            await self._sending
        await self._remote.close()


def _name(event: Event) -> tuple[str, ...]:
    return (event.source, *(part.id for part in event.parts))
