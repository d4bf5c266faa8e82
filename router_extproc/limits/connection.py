"""Connection: to one Redis or Valkey, with calls that end in time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable

CONNECTIONS = 32
"""Open at once, at most; one more call waits for its turn within its time."""


class CallFailedError(Exception):
    """A call came to nothing. `kind` is `credentials`, `timeout`, `connection` or `error`; the server is not named."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class Connection:
    """One server. `url` may hold credentials: it is in no error and no log."""

    def __init__(self, url: str, timeout_s: float) -> None:
        """Connects to nothing yet. Raises ImportError without the `redis` extra, ValueError for an address that is none."""
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
        self.client = redis.Redis(connection_pool=pool)
        self._refused = (exceptions.AuthenticationError, exceptions.AuthorizationError, exceptions.NoPermissionError)
        self._late = (exceptions.TimeoutError, TimeoutError)
        self._lost = (exceptions.ConnectionError, OSError)

    async def within(self, call: Awaitable[Any]) -> Any:
        """The result of a call, in time. Raises CallFailedError: the library's own errors name the server, and their kind is enough."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await call
        except self._refused:
            raise CallFailedError("credentials") from None
        except self._late:
            raise CallFailedError("timeout") from None
        except self._lost:
            raise CallFailedError("connection") from None
        except Exception as error:  # noqa: BLE001 - whatever it is, a request must go on
            text = str(error)
            raise CallFailedError("credentials" if "NOAUTH" in text or "WRONGPASS" in text else "error") from None

    async def close(self) -> None:
        """Close its connections."""
        await self.client.aclose(close_connection_pool=True)
