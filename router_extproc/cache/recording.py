"""Recording: one response on its way to the caller, copied within bounds, to be kept if it proves fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.apis.assembly import UnassembledError, assembled
from router_extproc.apis.edits import encode
from router_extproc.apis.sse import SseReader
from router_extproc.apis.usage import decoded
from router_extproc.cache.control import may_be_kept
from router_extproc.cache.judging import INCOMPLETE, blemish

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from router_extproc.cache.rule import CacheRule

OK = "200"


class Recording:
    """Copies one response. `headers` comes first, then `body` for each piece, then `answer`, unless it broke off."""

    def __init__(self, api: str, rule: CacheRule, *, limit: int) -> None:
        """`limit`: bytes of a response; a stream may take some times more than the answer that it brings."""
        self._api = api
        self._rule = rule
        self._limit = limit
        self._held = bytearray()
        self.streamed = False
        self.why = INCOMPLETE
        """Why it is not kept."""
        self._going = False

    def headers(self, headers: Mapping[str, str]) -> bool:
        """Take the response's headers; whether its body is wanted."""
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        self.streamed = kind == "text/event-stream"
        self.why = self._unfit(headers, kind)
        self._going = not self.why
        if self._going:
            self.why = INCOMPLETE
        return self._going

    def _unfit(self, headers: Mapping[str, str], kind: str) -> str:
        if headers.get(":status") != OK:
            return "error"
        if not may_be_kept(headers.get("cache-control", "")) or "set-cookie" in headers:
            return "private"
        if headers.get("vary", "").strip() == "*":
            return "private"
        if headers.get("content-encoding", "identity") != "identity" or not (self.streamed or kind == "application/json"):
            return "unreadable"
        length = headers.get("content-length", "")
        return "too_large" if length.isdigit() and int(length) > self._limit else ""

    def body(self, chunk: bytes) -> bool:
        """Take a piece of the body; whether it may still be kept."""
        if self._going:
            self._held += chunk
            if len(self._held) > self._most:
                self.stop("too_large")
        return self._going

    @property
    def _most(self) -> int:
        # Each token of a stream comes in an event of some 200 bytes.
        return self._limit * 16 if self.streamed else self._limit

    def stop(self, why: str) -> None:
        """Keep nothing of it."""
        self._going, self.why = False, why
        self._held = bytearray()

    def answer(self) -> tuple[bytes, dict[str, Any]] | None:
        """The whole answer as JSON, if it may be kept."""
        if not self._going:
            return None
        raw = bytes(self._held)
        self._held = bytearray()
        self._going = False
        told = self._assembled(raw) if self.streamed else decoded(raw)
        if not told:
            self.why = INCOMPLETE
            return None
        self.why = blemish(self._api, told, self._rule)
        body = encode(told) if self.streamed else raw
        if not self.why and len(body) > self._limit:
            self.why = "too_large"
        return None if self.why else (body, told)

    def _assembled(self, raw: bytes) -> dict[str, Any]:
        reader = SseReader(max_event_bytes=self._limit)
        # What follows the last empty line is no event: a stream that was cut there is not whole.
        events = reader.feed(raw)
        if reader.dropped:
            return {}
        try:
            return assembled(self._api, events)
        except UnassembledError:
            return {}
