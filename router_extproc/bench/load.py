"""Load: a closed-loop HTTP/1.1 load generator: N connections, each sends its next request when the last one is answered."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import cast


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
        ranked = sorted(self.latencies_ms)
        return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else 0.0


def request_bytes(body: bytes, *, path: str = "/v1/chat/completions", headers: str = "") -> bytes:
    """An HTTP request. `headers` are further lines, each with its CRLF."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n{headers}content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class _Connection(asyncio.Protocol):
    """One connection's loop, in callbacks: a coroutine for each request would cost more than the request."""

    def __init__(self, request: bytes, measured: Measured, until: float, limit: int, ended: asyncio.Future[None]) -> None:
        self._request = request
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
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or len(self._buffer) < end + 4 + _length(self._buffer[:end]):
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

    def _send(self) -> None:
        if self._transport is not None:
            self._sent_at = time.perf_counter()
            self._transport.write(self._request)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


async def measure(port: int, request: bytes, *, connections: int, seconds: float, limit: int = 1_000_000_000) -> Measured:
    """Send that request over so many connections for so long, or `limit` times on each."""
    loop = asyncio.get_running_loop()
    measured = Measured()
    began = time.perf_counter()
    ends = [loop.create_future() for _ in range(connections)]
    for ended in ends:
        connection = _Connection(request, measured, began + seconds, limit, ended)
        await loop.create_connection(lambda connection=connection: connection, "127.0.0.1", port)  # type: ignore[misc]  # a default binds the loop's value
    await asyncio.gather(*ends)
    measured.seconds = time.perf_counter() - began
    return measured
