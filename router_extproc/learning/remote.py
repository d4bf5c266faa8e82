"""Remote: lessons and sums that several processes share, in Redis or Valkey. A script applies an event, so that it counts exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import numpy as np

from router_extproc.learning.event import Applied
from router_extproc.learning.ledger import MAX_SOURCES, Key, increment
from router_extproc.learning.lesson import Lesson
from router_extproc.learning.sums import HALF_LIVES
from router_extproc.limits.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from router_extproc.learning.event import Event

    Floats = NDArray[np.float64]

CALL_S = 1.0
"""How long a call may take, connecting included. No request waits for one."""
_PREFIX = "router-extproc:{learning}:"
"""Of all keys. The braces put them into one slot, because a script may touch keys of one slot only."""
_MS = 1000
_LESSON = b"lesson"
_APPLIED = {1: Applied.APPLIED, 0: Applied.DUPLICATE, -1: Applied.CONFLICT}


class Remote(Protocol):
    """A shared store. Every call ends in time; raises RemoteError."""

    async def remember(self, lessons: Sequence[tuple[str, Lesson]], /) -> None:
        """Keep lessons by decision id, and which decision was the last of its conversation."""
        ...

    async def find(self, identity: str, /) -> Lesson | None: ...

    async def last(self, conversation: str, /) -> str | None:
        """The id of a conversation's last decision."""
        ...

    async def apply(self, event: Event, /) -> Applied:
        """Apply it, once."""
        ...

    async def read(self, keys: Sequence[Key], /) -> Mapping[Key, Floats]:
        """Sums, as far as there are some."""
        ...

    async def close(self) -> None: ...


class RedisLearning:
    """Redis or Valkey. `url` may hold credentials: it is in no error and no log."""

    def __init__(self, url: str, *, ttl_s: float, timeout_s: float = CALL_S) -> None:
        """Connects to nothing yet. Raises ImportError without the `redis` extra, ValueError for an address that is none."""
        self._connection = Connection(url, timeout_s)
        self._client = self._connection.client
        self._ttl_s = ttl_s
        self._apply = self._connection.script("router_extproc.learning", "apply.lua")

    async def remember(self, lessons: Sequence[tuple[str, Lesson]]) -> None:
        """Keep lessons, in one round trip."""
        # All or nothing: a lesson whose end did not arrive any more would stay for ever.
        pipeline = self._client.pipeline(transaction=True)
        for identity, lesson in lessons:
            key = _decision(identity)
            pipeline.hset(key, mapping={_LESSON: msgspec.msgpack.encode(lesson)})
            pipeline.pexpireat(key, self._ends(lesson))
            if lesson.conversation:
                pipeline.set(_PREFIX + "c:" + lesson.conversation, identity, px=int(self._ttl_s * _MS))
        await self._connection.within(pipeline.execute())

    def _ends(self, lesson: Lesson) -> int:
        """When a decision is forgotten: one lifetime after feedback is no longer taken, so that none that waited elsewhere counts twice."""
        return int((lesson.at + 2 * self._ttl_s) * _MS)

    async def find(self, identity: str) -> Lesson | None:
        """The lesson of a decision, whichever replica decided."""
        found = await self._connection.within(self._client.hget(_decision(identity), _LESSON))
        if found is None:
            return None
        try:
            lesson = msgspec.msgpack.decode(found, type=Lesson)
        except msgspec.MsgspecError:
            return None
        return lesson if lesson.sound else None

    async def last(self, conversation: str) -> str | None:
        """The id of a conversation's last decision."""
        found = await self._connection.within(self._client.get(_PREFIX + "c:" + conversation))
        return None if found is None else str(found, "ascii", "replace")

    async def apply(self, event: Event) -> Applied:
        """Apply it, once."""
        keys: list[str] = []
        arguments: list[Any] = [event.source, event.digest, MAX_SOURCES]
        for part in event.parts:
            key, added = increment(event, part)
            half_life = part.lesson.half_life_s
            keys += (_decision(part.id), _sums(key))
            stays = int(2 * HALF_LIVES * half_life * _MS)
            arguments += (msgspec.msgpack.encode(part.lesson), self._ends(part.lesson), stays, added.astype("<f8").tobytes())
        return _APPLIED[int(await self._connection.within(self._apply(keys=keys, args=arguments)))]

    async def read(self, keys: Sequence[Key]) -> Mapping[Key, Floats]:
        """Sums, in one round trip."""
        if not keys:
            return {}
        values = await self._connection.within(self._client.mget([_sums(key) for key in keys]))
        found = zip(keys, values, strict=True)
        return {key: np.frombuffer(value, "<f8") for key, value in found if value is not None and len(value) % 8 == 0}

    async def close(self) -> None:
        """Close its connections."""
        await self._connection.close()


def _decision(identity: str) -> str:
    return f"{_PREFIX}d:{identity}"


def _sums(key: Key) -> str:
    space, arm, epoch = key
    return f"{_PREFIX}s:{space}:{epoch}:{arm}"
