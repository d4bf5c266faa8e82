"""Remote: answers in a store that several processes share."""

from __future__ import annotations

from typing import Protocol

from router_extproc.errors import RouterError


class RemoteFailedError(RouterError):
    """The shared store gave no answer."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        """`timeout`, `connection`, `credentials` or `error`; nothing of the address is in it."""


class RemoteEntries(Protocol):
    """Bytes by key. Every call ends within the timeout that it was made with; raises RemoteFailedError."""

    async def get(self, key: bytes, /) -> bytes | None:
        """What is kept under the key."""
        ...

    async def put(self, key: bytes, value: bytes, ttl_s: float, /) -> None:
        """Keep bytes for so long."""
        ...

    async def close(self) -> None:
        """Close its connections."""
        ...
