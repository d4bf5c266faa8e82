"""Remote: sessions that several processes share, in Redis or Valkey. Changes are differences, made by scripts, so that each is atomic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from router_extproc.limits.connection import Connection
from router_extproc.sessions.state import SessionState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router_extproc.sessions.state import Settled, Turn

CALL_S = 1.0
"""How long a call may take, connecting included; who asks need not wait that long."""
_PREFIX = b"router-extproc:{sessions}:"
"""Of all keys. The braces put them into one slot, because a script may touch keys of one slot only."""
_MS = 1000
_PER_DOLLAR = 1_000_000_000
_NOT_TOLD = -1


class Remote(Protocol):
    """A shared store of sessions. Every call ends in time; raises RemoteError."""

    async def fetch(self, key: bytes, task: bytes | None, /, *, named: bool) -> tuple[bytes, Sequence[SessionState | None]]:
        """The session's key and state, and its task's. `named`: the key may be the name of a response by which a session goes on."""
        ...

    async def take(self, keys: Sequence[bytes], turn: Turn, ttl_s: float, /) -> None:
        """Note a decision."""
        ...

    async def settle(self, keys: Sequence[bytes], seen: Settled, /) -> None:
        """Note an answer."""
        ...

    async def link(self, alias: bytes, key: bytes, ttl_s: float, /) -> None:
        """Have another name stand for a session."""
        ...

    async def close(self) -> None:
        """Close its connections."""
        ...


class RedisSessions:
    """Redis or Valkey. `url` may hold credentials: it is in no error and no log."""

    def __init__(self, url: str, *, timeout_s: float = CALL_S) -> None:
        """Connects to nothing yet. Raises ImportError without the `redis` extra, ValueError for an address that is none."""
        self._connection = Connection(url, timeout_s)
        self._client = self._connection.client
        self._take = self._connection.script("router_extproc.sessions", "take.lua")
        self._settle = self._connection.script("router_extproc.sessions", "settle.lua")

    async def fetch(self, key: bytes, task: bytes | None, /, *, named: bool) -> tuple[bytes, Sequence[SessionState | None]]:
        """The session's key and state, and its task's."""
        if named:
            found = await self._connection.within(self._client.get(_name(key)))
            key = key_of(found) or key
        pipeline = self._client.pipeline(transaction=False)
        for each in (key,) if task is None else (key, task):
            pipeline.hgetall(_key(each))
        return key, [state_of(fields) for fields in await self._connection.within(pipeline.execute())]

    async def take(self, keys: Sequence[bytes], turn: Turn, ttl_s: float, /) -> None:
        """Note a decision."""
        when, ttl = round(turn.at * _MS), round(ttl_s * _MS)
        arguments: list[str | int] = [
            turn.pool,
            round(turn.usd * _PER_DOLLAR),
            turn.tokens,
            when,
            turn.raised,
            turn.calm,
            turn.mark,
            ttl,
        ]
        await self._connection.within(self._take(keys=[_key(key) for key in keys], args=arguments))

    async def settle(self, keys: Sequence[bytes], seen: Settled, /) -> None:
        """Note an answer."""
        told = [_NOT_TOLD if count is None else count for count in (seen.input_tokens, seen.cached_tokens)]
        arguments: list[str | int] = [seen.pool, round(seen.usd * _PER_DOLLAR), seen.tokens, *told]
        await self._connection.within(self._settle(keys=[_key(key) for key in keys], args=arguments))

    async def link(self, alias: bytes, key: bytes, ttl_s: float, /) -> None:
        """Have another name stand for a session."""
        await self._connection.within(self._client.set(_name(alias), key.hex(), px=max(1, round(ttl_s * _MS))))

    async def close(self) -> None:
        """Close its connections."""
        await self._connection.close()


def _key(key: bytes) -> bytes:
    return _PREFIX + key.hex().encode()


def _name(alias: bytes) -> bytes:
    return _PREFIX + b"name:" + alias.hex().encode()


def key_of(found: bytes | None) -> bytes:
    """The session's key that a name stands for; empty for none, and for what we did not write."""
    try:
        return bytes.fromhex((found or b"").decode())
    except ValueError:
        return b""


def _share(text: str | None) -> float | None:
    share = None if text is None else float(text)
    if share is not None and not 0 <= share <= 1:
        raise ValueError("no share")
    return share


def state_of(fields: dict[bytes, bytes]) -> SessionState | None:
    """The state that a hash holds; None for none, and for one that another version wrote."""
    if not fields:
        return None
    try:
        words = {name.decode(): value.decode() for name, value in fields.items()}
        return SessionState(
            pool=words.get("pool", ""),
            turns=int(words["turns"]),
            usd=max(0, int(words["cost"])) / _PER_DOLLAR,
            tokens=max(0, int(words["tokens"])),
            input_tokens=int(words.get("input", 0)),
            cached_share=_share(words.get("cached")),
            active_at=int(words["at"]) / _MS,
            left=words.get("left", ""),
            left_tokens=int(words.get("left_tokens", 0)),
            left_at=int(words.get("left_at", 0)) / _MS,
            raised=words.get("raised", ""),
            calm=int(words["calm"]),
            mark=int(words["mark"]),
        )
    except (KeyError, ValueError):
        return None
