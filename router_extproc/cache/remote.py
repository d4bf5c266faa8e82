"""Remote: answers in a store that several processes share."""

from __future__ import annotations

from typing import Protocol


class RemoteEntries(Protocol):
    """Bytes by key. Every call ends within the timeout that it was made with; raises RemoteError."""

    async def get(self, key: bytes, /) -> bytes | None:
        """What is kept under the key."""
        ...

    async def put(self, key: bytes, value: bytes, ttl_s: float, /) -> None:
        """Keep bytes for so long."""
        ...

    async def close(self) -> None:
        """Close its connections."""
        ...
