"""Connection: to one Redis or Valkey, with calls that end in time."""

from __future__ import annotations

import asyncio
from importlib import resources
from typing import TYPE_CHECKING, Any

from router_extproc.errors import RouterError

if TYPE_CHECKING:
    from collections.abc import Awaitable

CONNECTIONS = 32
"""Open at once, at most; one more call waits for its turn within its time."""


class RemoteError(RouterError):
    """The shared store gave no answer."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        """`timeout`, `connection`, `credentials` or `error`: for metrics and the log. Nothing of the address is in it."""


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

    def script(self, package: str, name: str) -> Any:
        """A Lua script of a package of ours, ready to be called with `keys` and `args`."""
        return self.client.register_script(resources.files(package).joinpath(name).read_text(encoding="utf-8"))

    async def within(self, call: Awaitable[Any]) -> Any:
        """The result of a call, in time. Raises RemoteError: the library's own errors name the server, and their kind is enough."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await call
        except self._refused:
            raise RemoteError("credentials") from None
        except self._late:
            raise RemoteError("timeout") from None
        except self._lost:
            raise RemoteError("connection") from None
        except Exception as error:  # noqa: BLE001 - whatever it is, a request must go on
            text = str(error)
            raise RemoteError("credentials" if "NOAUTH" in text or "WRONGPASS" in text else "error") from None

    async def close(self) -> None:
        """Close its connections."""
        await self.client.aclose(close_connection_pool=True)
