"""Anthropic Messages: the system prompt beside the messages, tools and results as content blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from router_extproc.apis import cuts, payloads, pieces
from router_extproc.apis.content import parts, role
from router_extproc.apis.edits import apply, value_of
from router_extproc.apis.fields import Body, count, flag, items, metadata, refuse, scalars, section, text, tools
from router_extproc.apis.rewriting import Changes, effort_changes, joined, plain_changes, thinking_budget, token_limit, without
from router_extproc.apis.usage import NOTHING, decoded, facts
from router_extproc.request import Message, Request, Role
from router_extproc.routing import SystemMode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from router_extproc.apis.api import Document, Payload, ResponseFacts
    from router_extproc.apis.pieces import Channel, Event, Pieces
    from router_extproc.request import Envelope
    from router_extproc.routing import BodyEdits

_SPELLINGS = {"max_output_tokens": ("max_tokens",)}
_KNOWN = frozenset({"model", "messages", "system", "tools", "stream", "max_tokens", "metadata"})
_SYSTEM = frozenset({"system", "developer"})
_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
    503: "overloaded_error",
    504: "timeout_error",
}


class AnthropicMessages:
    """POST /v1/messages."""

    name = "anthropic_messages"
    paths = frozenset({"/v1/messages"})
    marks_end = False

    def parse(self, document: Document, envelope: Envelope) -> Request:
        """The neutral request; `system` comes first. A turn of nothing but tool results is a TOOL message."""
        body: dict[str, Any] = document.value
        return Request(
            api=self.name,
            model=text(body, "model"),
            messages=tuple(_messages(body)),
            tools=tools(body),
            stream=flag(body, "stream"),
            max_output_tokens=count(body, "max_tokens"),
            reasoning_effort=str(section(body, "output_config").get("effort") or ""),
            answer_format=section(section(body, "output_config"), "format") or section(body, "output_format"),
            end_user=str(section(body, "metadata").get("user_id") or ""),
            parameters=scalars(body, _KNOWN),
            metadata=metadata(body),
            size=len(document.raw),
            envelope=envelope,
        )

    def edit(self, document: Document, edits: BodyEdits) -> bytes:
        """The body with the edits applied."""
        changes = plain_changes(document.value, edits, _SPELLINGS)
        limit = token_limit(document.value, edits, ("max_tokens",))
        if limit is not None and "max_tokens" in changes:
            changes |= _fitting(section(document.value, "thinking"), limit)
        if edits.reasoning_effort:
            changes |= effort_changes(document.raw, edits, openai="", limit=limit)
        system = value_of(document.raw, "system")
        for edit in edits.system:
            system = joined(system, edit, {"type": "text"})
            changes["system"] = system
        others = _system_messages(document.value) if any(edit.mode is SystemMode.REPLACE for edit in edits.system) else []
        if others:
            changes["messages"] = without(value_of(document.raw, "messages") or b"[]", others)
        return apply(document, changes)

    def error(self, status: int, message: str, *, code: str, param: str | None = None, stream: bool = False) -> Payload:  # noqa: ARG002 - this API tells neither code nor field
        """Anthropic's error object; for streams its `error` event."""
        kind = _ERRORS.get(status, "api_error" if status >= 500 else "invalid_request_error")  # noqa: PLR2004 - HTTP's own border
        error = {"type": "error", "error": {"type": kind, "message": message}}
        return payloads.events(("error", error), done=False) if stream else payloads.json(error)

    def completion(self, text: str, *, model: str, identifier: str, created: int, stream: bool = False) -> Payload:  # noqa: ARG002 - this API tells no time
        """A message with that text, or the events of its stream."""
        message: dict[str, Any] = {
            "id": f"msg_{identifier}",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 0, "output_tokens": payloads.word_count(text)},
        }
        return payloads.events(*_events(message, text), done=False) if stream else payloads.json(message)

    def response_facts(self, body: bytes) -> ResponseFacts:
        """Usage and stop reason of a message."""
        answer = decoded(body)
        return facts(answer.get("usage"), finish_reason=answer.get("stop_reason"), has_output=True, done=True)

    def event_facts(self, event: str, data: bytes) -> ResponseFacts:
        """What one event says: input tokens come first, output tokens last."""
        told = decoded(data)
        kind = event or str(told.get("type", ""))
        if kind == "message_start":
            usage = section(section(told, "message"), "usage")
            # Its output_tokens is where counting begins, not a count.
            return facts({key: value for key, value in usage.items() if key != "output_tokens"})
        if kind == "message_delta":
            # Its figures are totals, but servers that know the input only at the start say 0 here.
            usage = {key: value for key, value in section(told, "usage").items() if value or key == "output_tokens"}
            return facts(usage, finish_reason=section(told, "delta").get("stop_reason"))
        if kind == "message_stop":
            return facts(None, done=True)
        return facts(None, has_output=True) if kind == "content_block_delta" else NOTHING

    def pieces(self, told: dict[str, Any]) -> Pieces:
        """The texts that an event continues or ends."""
        return pieces.messages(told)

    def cut_events(self, begun: dict[str, Any], last: dict[str, Any], open_channels: Iterable[Channel]) -> list[Event]:  # noqa: ARG002 - they say nothing that the end repeats
        """The events that end the message."""
        return cuts.message_events(cuts.indexes(open_channels))

    def cut_json(self, raw: bytes) -> bytes:
        """A message that was refused."""
        return cuts.message_json(raw)


def _messages(body: Body) -> Iterator[Message]:
    system = parts(body.get("system"), "system")
    if system:
        yield Message(Role.SYSTEM, system)
    for message in items(body, "messages"):
        if not isinstance(message, dict):
            refuse("messages", "objects in the array")
        speaker = role(message.get("role"), "messages.role")
        content = message.get("content")
        if speaker is Role.USER and _only_results(content):
            speaker = Role.TOOL
        yield Message(speaker, parts(content, "messages.content"))


def _system_messages(body: Body) -> list[int]:
    """Indexes of system messages among the others, where some servers of this API take them."""
    return [index for index, message in enumerate(items(body, "messages")) if message.get("role") in _SYSTEM]


def _fitting(thinking: Body, limit: int) -> Changes:
    """The caller's own thinking budget, made to fit a lowered max_tokens: this API refuses one that does not."""
    budget = thinking.get("budget_tokens")
    return {"thinking": thinking_budget(budget, limit)} if isinstance(budget, int) and budget >= limit else {}


def _only_results(content: Any) -> bool:
    if not isinstance(content, list) or not content:
        return False
    return all(isinstance(block, dict) and block.get("type") == "tool_result" for block in content)


def _events(message: dict[str, Any], text: str) -> list[tuple[str, Any]]:
    """The events of a stream in which all of the text comes at once."""
    begun = {**message, "content": [], "stop_reason": None, "usage": {"input_tokens": 0, "output_tokens": 0}}
    block = {"type": "text", "text": ""}
    ended = {"stop_reason": "end_turn", "stop_sequence": None}
    told: list[dict[str, Any]] = [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": ended, "usage": {"output_tokens": message["usage"]["output_tokens"]}},
        {"type": "message_stop"},
    ]
    return [(event["type"], event) for event in told]
