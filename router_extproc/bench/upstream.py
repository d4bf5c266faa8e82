"""Upstream: a model server for benchmarks: it says what it was told, as JSON or as a stream that keeps a pace.

`x-events` and `x-interval-ms` say in how many events, and how far apart, a stream tells its text. The `id` of an event is the time when it
was written, in nanoseconds of the machine's monotonic clock, which whoever receives it can read, too.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Any, cast

import msgspec
import uvloop

from router_extproc.bench.http1 import HEAD_END, LAST_CHUNK, Dechunker, body_end, chunk

if TYPE_CHECKING:
    from collections.abc import Sequence

EVENTS, INTERVAL = "x-events", "x-interval-ms"
"""Request headers."""
_HEADERS = "HTTP/1.1 200 OK\r\ncontent-type: {}\r\n{}\r\n\r\n"
_JSON = _HEADERS.format("application/json", "content-length: %d").encode()
_SSE = _HEADERS.format("text/event-stream", "transfer-encoding: chunked").encode()
_USAGE = b'"usage":{"prompt_tokens":64,"completion_tokens":64,"total_tokens":128}'
_WHOLE = (
    b'{"id":"bench","object":"chat.completion","created":1,"model":"bench","choices":[{"index":0,"message":{"role":"assistant",'
    b'"content":%b},"finish_reason":"stop"}],' + _USAGE + b"}"
)
_BASE = b'"id":"bench","object":"chat.completion.chunk","created":1,"model":"bench"'
_EVENT = (
    b"id: %d\ndata: {" + _BASE + b',"choices":[{"index":0,"delta":{"role":"assistant","content":%b},"finish_reason":null}]}\n\n'
)
_END = b"data: {" + _BASE + b',"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],' + _USAGE + b"}\n\ndata: [DONE]\n\n"


def said(body: bytes) -> tuple[str, bool]:
    """The text of a chat's last message, and whether its answer is to be a stream; no text where there is no body."""
    told: dict[str, Any] = msgspec.json.decode(body) if body else {}
    messages = told.get("messages")
    return (str(messages[-1]["content"]) if messages else ""), bool(told.get("stream"))


def cut(text: str, count: int) -> list[str]:
    """That many pieces, as long as each other but for a character."""
    return [text[len(text) * place // count : len(text) * (place + 1) // count] for place in range(count)]


class _Connection(asyncio.Protocol):
    """One connection, over which one request comes after the other."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one, but not by inheritance

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # whoever reads no more wants no more
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        at = self._buffer.find(HEAD_END)
        if at < 0:
            return
        head, rest = self._buffer[:at], self._buffer[at + len(HEAD_END) :]
        length, chunked = body_end(head)
        if chunked:
            dechunker = Dechunker()
            rest = dechunker.feed(rest)
            if not dechunker.over:
                return
        elif len(rest) < length:
            return
        self._buffer = b""
        self._answer(head, rest)

    def _answer(self, head: bytes, body: bytes) -> None:
        text, stream = said(body)
        if self._transport is None:
            return
        if not stream:
            answer = _WHOLE % msgspec.json.encode(text)
            self._transport.write(_JSON % len(answer) + answer)
            return
        lines = (line.partition(":") for line in head.decode("latin-1").lower().split("\r\n"))
        asked = {name: value.strip() for name, _, value in lines}
        self._transport.write(_SSE)
        began = asyncio.get_running_loop().time()
        self._tell(cut(text, int(asked.get(EVENTS, "1"))), 0, began, float(asked.get(INTERVAL, "0")) / 1e3)

    def _tell(self, pieces: Sequence[str], place: int, began: float, interval_s: float) -> None:
        """Write an event, and see to the next one. Their times are told from the first, so that lateness does not add up."""
        if self._transport is None:
            return
        if place == len(pieces):
            self._transport.write(chunk(_END) + LAST_CHUNK)
            return
        self._transport.write(chunk(_EVENT % (time.monotonic_ns(), msgspec.json.encode(pieces[place]))))
        at = began + (place + 1) * interval_s
        asyncio.get_running_loop().call_at(at, self._tell, pieces, place + 1, began, interval_s)


async def serve(port: int) -> None:
    """Answer until cancelled."""
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
