"""Response: what an upstream's answer tells, read in passing. Nothing in it is changed or held back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.apis.sse import SseReader
from router_extproc.routing import Observation
from router_extproc.sessions.state import cost_usd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router_extproc.apis.api import Api, ResponseFacts
    from router_extproc.routing import Outcome

MAX_JSON_BYTES = 4 * 1024 * 1024
"""Larger JSON answers go by unread: their usage is not known."""
_FIRST_ERROR = 400


class ResponseReader:
    """Reads one response as it goes by."""

    def __init__(self, outcome: Outcome, api: Api, sent_at: float) -> None:
        self._outcome = outcome
        self._api = api
        self._sent_at = sent_at
        """When the request went on, in seconds on the clock of the events."""
        self._status = 0
        self._sse: SseReader | None = None
        self._json: bytearray | None = None
        self._first_at: float | None = None
        self._input: int | None = None
        self._output: int | None = None
        self._cached: int | None = None
        self._finish = ""
        self._response_id = ""
        self._done = False

    def headers(self, headers: Mapping[str, str]) -> bool:
        """Take the response's headers; whether its body is worth reading."""
        status = headers.get(":status", "0")
        self._status = int(status) if status.isdigit() else 0
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if self._status >= _FIRST_ERROR or headers.get("content-encoding", "identity") != "identity":
            return False
        if kind == "text/event-stream":
            self._sse = SseReader()
        elif kind == "application/json":
            self._json = bytearray()
        return self._sse is not None or self._json is not None

    def body(self, chunk: bytes, at: float) -> None:
        """Take a piece of the body."""
        if self._sse is not None:
            for event in self._sse.feed(chunk):
                self._take(self._api.event_facts(event.event, event.data), at)
        elif self._json is not None:
            self._json += chunk
            if len(self._json) > MAX_JSON_BYTES:
                self._json = None

    def finish(self, at: float, *, whole: bool) -> Observation:
        """What was seen. `whole`: the response came to its end."""
        if self._sse is not None:
            for event in self._sse.finish():
                self._take(self._api.event_facts(event.event, event.data), at)
        elif self._json is not None and whole:
            self._take(self._api.response_facts(bytes(self._json)), at)
            self._first_at = None
        return self._observation(at, whole=whole)

    def _take(self, facts: ResponseFacts, at: float) -> None:
        if facts.has_output and self._first_at is None:
            self._first_at = at
        self._input = facts.input_tokens if facts.input_tokens is not None else self._input
        self._output = facts.output_tokens if facts.output_tokens is not None else self._output
        self._cached = facts.cached_tokens if facts.cached_tokens is not None else self._cached
        self._finish = facts.finish_reason or self._finish
        self._response_id = facts.response_id or self._response_id
        self._done = self._done or facts.done

    def _observation(self, at: float, *, whole: bool) -> Observation:
        selection = self._outcome.selection
        writing = at - (self._first_at if self._first_at is not None else self._sent_at)
        return Observation(
            outcome_id=self._outcome.id,
            pool=selection.pool.name if selection else "",
            model=selection.model if selection else "",
            status=self._status,
            input_tokens=self._input,
            output_tokens=self._output,
            cached_tokens=self._cached,
            time_to_first_token_s=None if self._first_at is None else self._first_at - self._sent_at,
            duration_s=at - self._sent_at,
            tokens_per_second=self._output / writing if self._output and writing > 0 else None,
            cost_usd=self._cost(),
            finish_reason=self._finish,
            complete=whole and (self._done or self._sse is None),
            response_id=self._response_id,
        )

    def _cost(self) -> float | None:
        price = self._outcome.selection.pool.price if self._outcome.selection else None
        if price is None or self._input is None or self._output is None:
            return None
        return cost_usd(price, self._input, self._output, self._cached or 0)
