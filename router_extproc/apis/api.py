"""Api: the contract of one LLM API, from the router's side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from router_extproc.apis.pieces import Channel, Event, Pieces
    from router_extproc.request import Envelope, Request
    from router_extproc.routing import BodyEdits


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON object that passed the strict reader: every parser in the world reads the same thing in it."""

    raw: bytes
    value: dict[str, object]


@dataclass(frozen=True, slots=True)
class Payload:
    """A response that the router makes itself."""

    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class ResponseFacts:
    """What one JSON response, or one SSE event, says about tokens. None is not told."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    finish_reason: str = ""
    has_output: bool = False
    """Whether it carries generated content: the first such event ends the time to first token."""
    done: bool = False
    """Whether it says that the stream is complete (`[DONE]`, `message_stop`, `response.completed`)."""
    response_id: str = ""
    """What a later request may name as the one that it continues (`previous_response_id`)."""


class Api(Protocol):
    """One LLM API. Stateless, shared by all requests."""

    @property
    def name(self) -> str: ...

    @property
    def paths(self) -> frozenset[str]:
        """Paths below the prefix, for POST: `/v1/chat/completions`."""
        ...

    @property
    def marks_end(self) -> bool:
        """Whether its streams end with `[DONE]`."""
        ...

    def parse(self, document: Document, envelope: Envelope) -> Request:
        """The neutral request; raises RequestRefusedError(WRONG_SHAPE) naming the field."""
        ...

    def edit(self, document: Document, edits: BodyEdits) -> bytes:
        """The body with the edits applied; every byte that an edit does not concern stays as it was."""
        ...

    def error(self, status: int, message: str, *, code: str, param: str | None = None, stream: bool = False) -> Payload:
        """An error in this API's shape. `stream` gives the shape that its clients expect from an SSE stream."""
        ...

    def completion(self, text: str, *, model: str, identifier: str, created: int, stream: bool = False) -> Payload:
        """A complete, valid answer with that text. `created` is in Unix seconds."""
        ...

    def response_facts(self, body: bytes) -> ResponseFacts:
        """What a JSON response says; a body that cannot be read gives empty facts."""
        ...

    def event_facts(self, event: str, data: bytes) -> ResponseFacts:
        """What one SSE event says (`event` may be empty)."""
        ...

    def pieces(self, told: dict[str, Any]) -> Pieces:
        """Which texts of the stream one SSE event continues, and which it ends."""
        ...

    def cut_events(self, begun: dict[str, Any], last: dict[str, Any], open_channels: Iterable[Channel]) -> list[Event]:
        """The events that end a stream early, as filtered. `begun` and `last` are its first and its latest event."""
        ...

    def cut_json(self, raw: bytes) -> bytes:
        """A JSON answer that says that it was filtered."""
        ...
