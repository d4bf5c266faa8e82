"""Redis: answers in Redis or Valkey."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from router_extproc.cache.remote import RemoteFailedError

if TYPE_CHECKING:
    from collections.abc import Awaitable

CONNECTIONS = 32
"""Open at once, at most; one more call waits for its turn within its time."""
_PREFIX = b"router-extproc:cache:"


class RedisEntries:
    """One server. `url` may hold credentials: it is in no error and no log."""

    def __init__(self, url: str, *, timeout_s: float = 2.0) -> None:
        """Connects to nothing yet. Raises ImportError without the `redis` extra, ValueError for an address that is none.

        `timeout_s` bounds every call; callers have shorter ones of their own.
        """
        from redis import asyncio as redis  # noqa: PLC0415 - an extra
        from redis import exceptions  # noqa: PLC0415 - as above
        from redis.asyncio.retry import Retry  # noqa: PLC0415 - as above
        from redis.backoff import NoBackoff  # noqa: PLC0415 - as above

        self._timeout_s = timeout_s
        pool = redis.BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=timeout_s,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            # Once more, on a new connection, where the server closed an idle one.
            retry=Retry(NoBackoff(), 1, supported_errors=(exceptions.ConnectionError,)),
            client_name="router-extproc",
        )
        self._client = redis.Redis(connection_pool=pool)
        self._refused = (exceptions.AuthenticationError, exceptions.AuthorizationError, exceptions.NoPermissionError)
        self._late = (exceptions.TimeoutError, TimeoutError)
        self._lost = (exceptions.ConnectionError, OSError)

    async def get(self, key: bytes, /) -> bytes | None:
        """What is kept under the key."""
        found = await self._within(self._client.get(_PREFIX + key.hex().encode()))
        return found if isinstance(found, bytes) else None

    async def put(self, key: bytes, value: bytes, ttl_s: float, /) -> None:
        """Keep bytes for so long."""
        await self._within(self._client.set(_PREFIX + key.hex().encode(), value, px=max(1, round(ttl_s * 1000))))

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose(close_connection_pool=True)

    async def _within(self, call: Awaitable[Any]) -> Any:
        """The result of a call, in time. The library's own errors name the server; their kind is enough."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await call
        except self._refused:
            raise RemoteFailedError("credentials") from None
        except self._late:
            raise RemoteFailedError("timeout") from None
        except self._lost:
            raise RemoteFailedError("connection") from None
        except Exception as error:  # noqa: BLE001 - whatever it is, a request must go on
            text = str(error)
            raise RemoteFailedError("credentials" if "NOAUTH" in text or "WRONGPASS" in text else "error") from None
