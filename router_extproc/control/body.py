"""Body: what a client sends, bounded in size and in time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

WITHIN_S = 10.0
"""How long a client may take to send it."""


class BodyError(Exception):
    """A body that does not come as it should. `status` is HTTP's; the text quotes nothing of it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


async def received(chunks: AsyncIterator[bytes], most: int, *, within_s: float = WITHIN_S) -> bytes:
    """All of it. Raises BodyError for one of more than `most` bytes, one that does not end in time, and one whose client left."""
    body = bytearray()
    try:
        async with asyncio.timeout(within_s):
            async for chunk in chunks:
                body += chunk
                if len(body) > most:
                    raise BodyError(413, f"the body is larger than {most} bytes")
    except TimeoutError:
        raise BodyError(408, f"the body did not end within {within_s:g} s") from None
    except ClientDisconnect:
        raise BodyError(400, "the body did not end") from None
    return bytes(body)
