"""Load: a closed-loop HTTP/1.1 load generator: N connections, each sends its next request when the last one is answered."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from router_extproc.bench.http1 import HEAD_END, LAST_CHUNK, body_end

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PATIENCE_S = 30.0
"""For answers that are still out when the time is over."""


@dataclass(slots=True)
class Measured:
    """What one measurement gave."""

    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    failures: int = 0
    """Answers that were not 200, and broken connections."""

    @property
    def per_second(self) -> float:
        """Requests answered in a second."""
        return len(self.latencies_ms) / self.seconds if self.seconds else 0.0

    def percentile(self, share: float) -> float:
        """Latency that so large a share of requests stayed below, milliseconds."""
        return ranked_share(self.latencies_ms, share)


def ranked_share(values: Sequence[float], share: float) -> float:
    """The value that so large a share stays below; 0 if there are none."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else 0.0


def request_bytes(body: bytes, *, path: str = "/v1/chat/completions", headers: str = "") -> bytes:
    """An HTTP request. `headers` are further lines, each with its CRLF."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n{headers}content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class _Connection(asyncio.Protocol):
    """One connection's loop, in callbacks: a coroutine for each request would cost more than the request."""

    def __init__(
        self, requests: Iterator[bytes], measured: Measured, until: float, limit: int, ended: asyncio.Future[None]
    ) -> None:
        self._requests = requests
        self._measured = measured
        self._until = until
        self._left = limit
        self._ended = ended
        self._buffer = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one, but not by inheritance
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not _is_whole(self._buffer):
            return
        now = time.perf_counter()
        if self._buffer.startswith(b"HTTP/1.1 200"):
            self._measured.latencies_ms.append((now - self._sent_at) * 1e3)
        else:
            self._measured.failures += 1
        self._buffer = b""
        self._left -= 1
        if now < self._until and self._left > 0:
            self._send()
        elif self._transport is not None:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self._measured.failures += 1
        if not self._ended.done():
            self._ended.set_result(None)

    def abort(self) -> None:
        """Give up."""
        if self._transport is not None:
            self._transport.abort()

    def _send(self) -> None:
        if self._transport is not None:
            request = next(self._requests)
            self._sent_at = time.perf_counter()
            self._transport.write(request)


def _is_whole(answer: bytes) -> bool:
    """Whether all of an answer is there. A JSON text has no line feeds, so that none looks like the last chunk."""
    end = answer.find(HEAD_END)
    if end < 0:
        return False
    length, chunked = body_end(answer[:end])
    return answer.endswith(LAST_CHUNK) if chunked else len(answer) >= end + len(HEAD_END) + length


async def measure(
    port: int, requests: Iterator[bytes], *, connections: int, seconds: float, limit: int = 1_000_000_000
) -> Measured:
    """Send these requests over so many connections for so long, or `limit` of them on each. They must not come to an end.

    What is not answered half a minute later is a failure.
    """
    loop = asyncio.get_running_loop()
    measured = Measured()
    began = time.perf_counter()
    made: dict[asyncio.Future[None], _Connection] = {}
    for _ in range(connections):
        ended: asyncio.Future[None] = loop.create_future()
        connection = made[ended] = _Connection(requests, measured, began + seconds, limit, ended)
        await loop.create_connection(lambda connection=connection: connection, "127.0.0.1", port)  # type: ignore[misc]  # a default binds the loop's value
    _, unanswered = await asyncio.wait(made, timeout=seconds + _PATIENCE_S)
    for ended in unanswered:
        measured.failures += 1
        made[ended].abort()
    measured.seconds = time.perf_counter() - began
    return measured
