"""Redis: answers in Redis or Valkey."""

from __future__ import annotations

from router_extproc.limits.connection import Connection

_PREFIX = b"router-extproc:cache:"


class RedisEntries:
    """One server. `url` may hold credentials: it is in no error and no log."""

    def __init__(self, url: str, *, timeout_s: float = 2.0) -> None:
        """Connects to nothing yet. Raises ImportError without the `redis` extra, ValueError for an address that is none.

        `timeout_s` bounds every call; callers have shorter ones of their own.
        """
        self._connection = Connection(url, timeout_s)
        self._client = self._connection.client

    async def get(self, key: bytes, /) -> bytes | None:
        """What is kept under the key."""
        found = await self._connection.within(self._client.get(_PREFIX + key.hex().encode()))
        return found if isinstance(found, bytes) else None

    async def put(self, key: bytes, value: bytes, ttl_s: float, /) -> None:
        """Keep bytes for so long."""
        await self._connection.within(self._client.set(_PREFIX + key.hex().encode(), value, px=max(1, round(ttl_s * 1000))))

    async def close(self) -> None:
        """Close its connections."""
        await self._connection.close()
