"""Remote: counts that several processes share, in Redis or Valkey. Decisions are made by a script, so that each is atomic."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Protocol

from router_extproc.limits.connection import Connection
from router_extproc.limits.store import Over

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from router_extproc.limits.store import Charge

CALL_S = 1.0
"""How long a call may take, connecting included; who asks need not wait that long."""
_PREFIX = b"router-extproc:{limits}:"
"""Of all keys. The braces put them into one slot, because a script may touch keys of one slot only."""
_MS = 1000
_NEVER = -1


Told = Over | tuple[int, ...]
"""What had no room, or else the tokens that were taken by charge."""


class Remote(Protocol):
    """A shared store. Every call ends in time; raises RemoteError."""

    async def reserve(self, requests: Sequence[Sequence[Charge]], /) -> tuple[float, Sequence[Told]]:
        """Count all charges of a request, or none, for each request by itself: when, on its own clock, and what it came to."""
        ...

    async def adjust(self, changes: Sequence[tuple[Charge, float]], /) -> None:
        """Correct what was counted then."""
        ...

    async def ping(self) -> None:
        """Find out whether it answers."""
        ...

    async def close(self) -> None:
        """Close its connections."""
        ...


class RedisRemote:
    """Redis or Valkey. `url` may hold credentials: it is in no error and no log."""

    def __init__(self, url: str, *, timeout_s: float = CALL_S) -> None:
        """Connects to nothing yet. Raises ImportError without the `redis` extra, ValueError for an address that is none."""
        self._connection = Connection(url, timeout_s)
        self._client = self._connection.client
        self._reserve = self._connection.script("router_extproc.limits", "reserve.lua")
        self._adjust = self._connection.script("router_extproc.limits", "adjust.lua")

    async def reserve(self, requests: Sequence[Sequence[Charge]]) -> tuple[float, Sequence[Told]]:
        """Count all charges of a request, or none."""
        arguments: list[int] = []
        for charges in requests:
            arguments.append(len(charges))
            for limit, _, amounts, least in charges:
                arguments += (limit.window_s * _MS, *amounts, *limit.most, least)
        at, *replies = await self._connection.within(self._reserve(keys=_keys(chain(*requests)), args=arguments))
        return float(at), [_told(charges, reply) for charges, reply in zip(requests, replies, strict=True)]

    async def adjust(self, changes: Sequence[tuple[Charge, float]]) -> None:
        """Correct what was counted."""
        arguments: list[int] = []
        for charge, at in changes:
            arguments += (int(at), charge.limit.window_s * _MS, *charge.amounts)
        await self._connection.within(self._adjust(keys=_keys(charge for charge, _ in changes), args=arguments))

    async def ping(self) -> None:
        """Find out whether it answers."""
        await self._connection.within(self._client.ping())

    async def close(self) -> None:
        """Close its connections."""
        await self._connection.close()


def _told(charges: Sequence[Charge], reply: list[int]) -> Told:
    granted, *rest = reply
    if granted:
        return tuple(rest)
    index, amount, wait = rest
    return Over(charges[index], amount, None if wait == _NEVER else wait / _MS)


def _keys(charges: Iterable[Charge]) -> list[bytes]:
    return [_PREFIX + charge.limit.space.encode() + b":" + charge.key.hex().encode() for charge in charges]
