"""SSE: server-sent events, put together again from chunks that were cut anywhere (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import re
from typing import NamedTuple

_LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")
# A CR at the very end may be the first half of CRLF: wait for the next chunk.


class SseEvent(NamedTuple):
    """One event."""

    event: str
    """Its type; empty where none was given."""
    data: bytes
    """Its data lines, joined by newlines."""


class SseReader:
    """Gives the events of one stream. Holds at most `max_event_bytes` of an unfinished event."""

    def __init__(self, *, max_event_bytes: int = 1024 * 1024) -> None:
        self._max = max_event_bytes
        self._rest = b""
        self._event = ""
        self._data: list[bytes] = []
        self._held = 0
        self._oversize = False
        self.dropped = 0
        """Events that were larger than the bound."""

    def feed(self, chunk: bytes) -> list[SseEvent]:
        """The events that this chunk completes."""
        text = self._rest + chunk
        events: list[SseEvent] = []
        at = 0
        for match in _LINE_END.finditer(text):
            event = self._line(text[at : match.start()])
            if event is not None:
                events.append(event)
            at = match.end()
        self._rest = text[at:]
        if len(self._rest) > self._max:
            self._rest = b""
            self._oversize = True
        return events

    def finish(self) -> list[SseEvent]:
        """The last event, where the stream ended without the empty line that should follow it."""
        ends = [self._line(self._rest.removesuffix(b"\r")), self._line(b"")]
        self._rest = b""
        return [event for event in ends if event is not None]

    def _line(self, line: bytes) -> SseEvent | None:
        if not line:
            return self._dispatched()
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._held += len(value) + 1
            if self._held > self._max:
                self._oversize = True
                self._data.clear()
            else:
                self._data.append(value)
        elif field == b"event":
            self._event = value[:100].decode(errors="replace")
        return None

    def _dispatched(self) -> SseEvent | None:
        name, data, oversize = self._event, self._data, self._oversize
        self._event, self._data, self._held, self._oversize = "", [], 0, False
        if oversize:
            self.dropped += 1
            return None
        return SseEvent(name, b"\n".join(data)) if data else None
