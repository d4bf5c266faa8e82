"""OpenAI Embeddings: text in, vectors out; nothing is generated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from router_extproc.apis import payloads
from router_extproc.apis.edits import apply
from router_extproc.apis.fields import scalars, text
from router_extproc.apis.openai_completions import prompts
from router_extproc.apis.pieces import NO_PIECES
from router_extproc.apis.rewriting import plain_changes
from router_extproc.apis.usage import NOTHING, decoded, facts
from router_extproc.request import Request

if TYPE_CHECKING:
    from collections.abc import Iterable

    from router_extproc.apis.api import Document, Payload, ResponseFacts
    from router_extproc.apis.pieces import Channel, Event, Pieces
    from router_extproc.request import Envelope
    from router_extproc.routing import BodyEdits

_KNOWN = frozenset({"model", "input"})


class OpenAIEmbeddings:
    """POST /v1/embeddings. System prompts, caps and effort mean nothing here and change nothing."""

    name = "openai_embeddings"
    paths = frozenset({"/v1/embeddings"})
    marks_end = False

    def parse(self, document: Document, envelope: Envelope) -> Request:
        """The neutral request: all inputs are one user turn."""
        body: dict[str, Any] = document.value
        return Request(
            api=self.name,
            model=text(body, "model"),
            messages=prompts(body, "input"),
            end_user=text(body, "user"),
            parameters=scalars(body, _KNOWN),
            size=len(document.raw),
            envelope=envelope,
        )

    def edit(self, document: Document, edits: BodyEdits) -> bytes:
        """The body with model and blocked fields changed."""
        return apply(document, plain_changes(document.value, edits, {}))

    def error(self, status: int, message: str, *, code: str, param: str | None = None, stream: bool = False) -> Payload:  # noqa: ARG002 - nothing streams here
        """OpenAI's error object."""
        return payloads.json(payloads.openai_error(status, message, code, param))

    def completion(self, text: str, *, model: str, identifier: str, created: int, stream: bool = False) -> Payload:  # noqa: ARG002 - as in the contract
        """An error: a sentence is no embedding, and a made-up vector would be worse than none."""
        return payloads.json(payloads.openai_error(400, text, "answered_by_policy", None))

    def response_facts(self, body: bytes) -> ResponseFacts:
        """Usage of the answer."""
        return facts(decoded(body).get("usage"), has_output=True, done=True)

    def event_facts(self, event: str, data: bytes) -> ResponseFacts:  # noqa: ARG002 - nothing streams here
        """Nothing: embeddings do not stream."""
        return NOTHING

    def pieces(self, told: dict[str, Any]) -> Pieces:  # noqa: ARG002 - nothing streams here
        """Nothing: embeddings do not stream."""
        return NO_PIECES

    def cut_events(self, begun: dict[str, Any], last: dict[str, Any], open_channels: Iterable[Channel]) -> list[Event]:  # noqa: ARG002 - as in the contract
        """None: embeddings do not stream."""
        return []

    def cut_json(self, raw: bytes) -> bytes:
        """The answer itself: it holds no words that could have been cut."""
        return raw
