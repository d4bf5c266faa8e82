"""Streams: many server-sent streams at once, each byte noted with its time, and what those times tell once all are over."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import msgspec

from router_extproc.bench.http1 import HEAD_END, LAST_CHUNK, Dechunker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_PATIENCE_S = 30.0
_MS = 1e6
_DATA = b"data: {"
_ID = b"id: "
_OK = b"HTTP/1.1 200"
_STREAM = b"text/event-stream"


@dataclass(frozen=True, slots=True)
class Arrived:
    """One event of a stream."""

    at: int
    """When all of it was there; nanoseconds of the monotonic clock, as below."""
    sent: int
    """When the model server wrote it; 0: the router did."""
    text: str


@dataclass(slots=True)
class Streamed:
    """One stream as it came."""

    sent: int = 0
    """When the request went out."""
    arrivals: list[tuple[int, bytes]] = field(default_factory=list)

    def events(self) -> list[Arrived]:
        """Its events; none of an answer that is no stream, or that broke off."""
        raw = b"".join(data for _, data in self.arrivals)
        if not raw.startswith(_OK) or not raw.endswith(LAST_CHUNK):
            return []
        return list(self._events(raw.find(HEAD_END) + len(HEAD_END)))

    def _events(self, head: int) -> Iterator[Arrived]:
        dechunker = Dechunker()
        rest = b""
        for at, data in self.arrivals:
            body, head = data[head:], max(0, head - len(data))
            *whole, rest = (rest + dechunker.feed(body)).split(b"\n\n")
            yield from (_arrived(at, event) for event in whole if _DATA in event)


def _arrived(at: int, event: bytes) -> Arrived:
    stamp, _, data = event.rpartition(b"data: ")
    told: dict[str, Any] = msgspec.json.decode(data)
    text = "".join(choice["delta"].get("content", "") for choice in told["choices"])
    return Arrived(at, int(stamp.removeprefix(_ID)) if stamp.startswith(_ID) else 0, text)


class _Stream(asyncio.Protocol):
    """Sends one request and notes what comes. Nothing is parsed meanwhile: it would delay the other streams' times."""

    def __init__(self, request: bytes, begun: Callable[[], None], ended: asyncio.Future[None]) -> None:
        self.streamed = Streamed()
        self._request = request
        self._begun = begun
        self._ended = ended
        self._tail = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is one, but not by inheritance
        self.streamed.sent = time.monotonic_ns()
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self.streamed.arrivals:
            self._begun()
        self.streamed.arrivals.append((time.monotonic_ns(), data))
        self._tail = (self._tail + data)[-len(LAST_CHUNK) :]
        if self._tail == LAST_CHUNK or _STREAM not in self.streamed.arrivals[0][1]:
            self.transport.close()  # type: ignore[union-attr]  # it is what the bytes came from

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # a stream that broke off is not whole
        if not self._ended.done():
            self._ended.set_result(None)


@dataclass(slots=True)
class StreamRun:
    """Streams that ran at once."""

    streams: list[Streamed]
    begun_at: int = 0
    """When the last of them had begun: from then on no request is routed, and all that happens is events."""


async def stream_all(
    port: int, requests: Sequence[bytes], *, spread_s: float, seconds: float, begun: Callable[[], None]
) -> StreamRun:
    """Send all requests, each over a connection of its own, evenly spread over so long; `begun` is called when all answers have begun.

    `seconds` is how long they should take; half a minute more, and they are given up.
    """
    loop = asyncio.get_running_loop()
    run = StreamRun([])
    waiting = len(requests)

    def one_begun() -> None:
        nonlocal waiting
        waiting -= 1
        if waiting == 0:
            run.begun_at = time.monotonic_ns()
            begun()

    ends: list[asyncio.Future[None]] = []
    made: list[_Stream] = []
    for place, request in enumerate(requests):
        ended: asyncio.Future[None] = loop.create_future()
        made.append(_Stream(request, one_begun, ended))
        ends.append(ended)
        await loop.create_connection(lambda stream=made[-1]: stream, "127.0.0.1", port)  # type: ignore[misc]  # a default binds the loop's value
        if place + 1 < len(requests):
            await asyncio.sleep(spread_s / len(requests))
    await asyncio.wait(ends, timeout=seconds + _PATIENCE_S)
    for stream in made:
        if stream.transport is not None:
            stream.transport.abort()
    run.streams = [stream.streamed for stream in made]
    return run


@dataclass(slots=True)
class Cadence:
    """How streams came, in milliseconds."""

    gaps: list[float] = field(default_factory=list)
    """Between two events of the model server's."""
    delays: list[float] = field(default_factory=list)
    """Of each such event, from there to here."""
    first_events: list[float] = field(default_factory=list)
    """From a request to the first event of its answer."""
    held: list[float] = field(default_factory=list)
    """From the first event to that with which the first text came, by the model server's clock: how long text was held back. By its
    clock, because a busy machine may read many events at once."""
    steady_events: int = 0
    """After all streams had begun."""

    def add(self, sent: int, events: Sequence[Arrived], begun_at: int) -> None:
        """Add a stream."""
        told = [event for event in events if event.sent]
        self.gaps += [(after.at - before.at) / _MS for before, after in pairwise(told)]
        self.delays += [(event.at - event.sent) / _MS for event in told]
        self.first_events.append((told[0].at - sent) / _MS)
        self.held.append((_first_text(events) - told[0].sent) / _MS)
        self.steady_events += sum(event.at > begun_at for event in told)


def _first_text(events: Sequence[Arrived]) -> int:
    """When the model server wrote the event with which the first text came, or the last one before a text of the router's."""
    first = next((place for place, event in enumerate(events) if event.text), 0)
    stamps = [event.sent for event in events if event.sent]
    return next((event.sent for event in reversed(events[: first + 1]) if event.sent), stamps[0])
