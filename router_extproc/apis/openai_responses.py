"""OpenAI Responses: instructions and items instead of messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from router_extproc.apis import cuts, payloads, pieces
from router_extproc.apis.content import media, parts, result_text, role, strings
from router_extproc.apis.edits import apply, value_of
from router_extproc.apis.fields import Body, count, flag, metadata, refuse, scalars, section, text, tools
from router_extproc.apis.rewriting import effort_changes, joined, plain_changes, token_limit, without
from router_extproc.apis.usage import NOTHING, decoded, facts
from router_extproc.request import Message, Part, PartKind, Request, Role
from router_extproc.routing import SystemMode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from router_extproc.apis.api import Document, Payload, ResponseFacts
    from router_extproc.apis.pieces import Channel, Event, Pieces
    from router_extproc.request import Envelope
    from router_extproc.routing import BodyEdits

_SPELLINGS = {"max_output_tokens": ("max_output_tokens",)}
_KNOWN = frozenset({"model", "input", "instructions", "tools", "stream", "max_output_tokens", "metadata"})
_SYSTEM = frozenset({"system", "developer"})


class OpenAIResponses:
    """POST /v1/responses."""

    name = "openai_responses"
    paths = frozenset({"/v1/responses"})
    marks_end = False

    def parse(self, document: Document, envelope: Envelope) -> Request:
        """The neutral request; `instructions` come first, as a system message."""
        body: dict[str, Any] = document.value
        return Request(
            api=self.name,
            model=text(body, "model"),
            messages=tuple(_messages(body)),
            tools=tools(body),
            stream=flag(body, "stream"),
            max_output_tokens=count(body, "max_output_tokens"),
            reasoning_effort=str(section(body, "reasoning").get("effort") or ""),
            answer_format=section(section(body, "text"), "format"),
            end_user=text(body, "safety_identifier") or text(body, "user"),
            conversation_id=text(body, "previous_response_id") or _conversation(body),
            parameters=scalars(body, _KNOWN),
            metadata=metadata(body),
            size=len(document.raw),
            envelope=envelope,
        )

    def edit(self, document: Document, edits: BodyEdits) -> bytes:
        """The body with the edits applied; the system prompt is `instructions`."""
        body: dict[str, Any] = document.value
        changes = plain_changes(body, edits, _SPELLINGS)
        if edits.reasoning_effort:
            limit = token_limit(body, edits, ("max_output_tokens",))
            changes |= effort_changes(document.raw, edits, openai="reasoning", limit=limit)
        instructions = value_of(document.raw, "instructions")
        for edit in edits.system:
            instructions = joined(instructions, edit, {})
            changes["instructions"] = instructions
            if edit.mode is SystemMode.REPLACE and isinstance(body.get("input"), list):
                others = [
                    index
                    for index, item in enumerate(body["input"])
                    if isinstance(item, dict) and str(item.get("role")) in _SYSTEM
                ]
                changes["input"] = without(value_of(document.raw, "input") or b"[]", others)
        return apply(document, changes)

    def error(self, status: int, message: str, *, code: str, param: str | None = None, stream: bool = False) -> Payload:
        """OpenAI's error object; for streams this API's `error` event."""
        if stream:
            event = {"type": "error", "sequence_number": 0, "code": code, "message": message, "param": param}
            return payloads.events(("error", event), done=False)
        return payloads.json(payloads.openai_error(status, message, code, param))

    def completion(self, text: str, *, model: str, identifier: str, created: int, stream: bool = False) -> Payload:
        """A response with that text, or the events of its stream."""
        response = _response(text, model=model, identifier=identifier, created=created)
        return payloads.events(*_events(response, text), done=False) if stream else payloads.json(response)

    def response_facts(self, body: bytes) -> ResponseFacts:
        """Usage and status of a response."""
        answer = decoded(body)
        return facts(
            answer.get("usage"),
            finish_reason=answer.get("status"),
            has_output=True,
            done=True,
            response_id=answer.get("id"),
        )

    def event_facts(self, event: str, data: bytes) -> ResponseFacts:
        """What one event says; the last one carries the usage."""
        told = decoded(data)
        kind = event or str(told.get("type", ""))
        if kind in {"response.completed", "response.incomplete", "response.failed"}:
            response = told.get("response")
            response = response if isinstance(response, dict) else {}
            return facts(response.get("usage"), finish_reason=response.get("status"), done=True, response_id=response.get("id"))
        return facts(None, has_output=True) if kind.endswith(".delta") else NOTHING

    def pieces(self, told: dict[str, Any]) -> Pieces:
        """The texts that an event continues or ends."""
        return pieces.responses(told)

    def cut_events(self, begun: dict[str, Any], last: dict[str, Any], open_channels: Iterable[Channel]) -> list[Event]:  # noqa: ARG002 - the first event has what the end repeats
        """The event that ends the response."""
        return cuts.response_events(begun)

    def cut_json(self, raw: bytes) -> bytes:
        """A response that is incomplete."""
        return cuts.response_json(raw)


def _conversation(body: Body) -> str:
    if isinstance(body.get("conversation"), dict):
        return text(section(body, "conversation"), "id")
    return text(body, "conversation")


def _messages(body: Body) -> Iterator[Message]:
    instructions = text(body, "instructions")
    if instructions:
        yield Message(Role.SYSTEM, (Part(PartKind.TEXT, instructions),))
    yield from _variables(section(body, "prompt").get("variables"))
    given = body.get("input")
    if isinstance(given, str):
        yield Message(Role.USER, (Part(PartKind.TEXT, given),))
    elif isinstance(given, list):
        for item in given:
            yield _item(item)
    elif given is not None:
        refuse("input", "a string or an array")


def _variables(values: Any) -> Iterator[Message]:
    """What the caller puts into a prompt that is kept at the server: the model reads it, in whichever message the prompt has it."""
    if values is None:
        return
    if not isinstance(values, dict):
        refuse("prompt.variables", "an object")
    filled = tuple(part for value in values.values() for part in parts(value, "prompt.variables"))
    if filled:
        yield Message(Role.USER, filled)


def _item(item: Any) -> Message:
    if isinstance(item, str):
        return Message(Role.USER, (Part(PartKind.TEXT, item),))
    if not isinstance(item, dict):
        refuse("input", "strings or objects in the array")
    kind = str(item.get("type") or "message")
    if kind == "message":
        return Message(role(item.get("role"), "input.role"), parts(item.get("content"), "input.content"))
    if kind.endswith("_output"):
        result = Part(PartKind.TOOL_RESULT, result_text(item.get("output")), str(item.get("call_id", "")))
        return Message(Role.TOOL, (result, *media(item.get("output"))))
    if kind.endswith("_call"):
        return Message(Role.ASSISTANT, _call(item, kind))
    if kind == "reasoning":
        thoughts = (result_text(item.get("summary")), result_text(item.get("content")))
        return Message(Role.ASSISTANT, (Part(PartKind.REASONING, "\n".join(filter(None, thoughts))),))
    return Message(Role.USER, parts([item], "input"))


def _call(item: Body, kind: str) -> tuple[Part, ...]:
    """A tool call; the tools that run at the server (MCP, code) carry their result in the same item."""
    words = next((item[key] for key in ("arguments", "input", "code", "action") if item.get(key)), "")
    call = Part(PartKind.TOOL_CALL, strings(words), str(item.get("name") or kind))
    told = result_text(item.get("output") or item.get("results"))
    return (call, Part(PartKind.TOOL_RESULT, told, str(item.get("id", "")))) if told else (call,)


def _response(text: str, *, model: str, identifier: str, created: int) -> dict[str, Any]:
    words = payloads.word_count(text)
    content = {"type": "output_text", "text": text, "annotations": []}
    message = {"id": f"msg_{identifier}", "type": "message", "status": "completed", "role": "assistant", "content": [content]}
    return {
        "id": f"resp_{identifier}",
        "object": "response",
        "created_at": created,
        "status": "completed",
        "model": model,
        "output": [message],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "usage": {"input_tokens": 0, "output_tokens": words, "total_tokens": words},
    }


def _events(response: dict[str, Any], text: str) -> list[tuple[str, Any]]:
    """The events of a stream in which all of the text comes at once."""
    message = response["output"][0]
    part = message["content"][0]
    place = {"item_id": message["id"], "output_index": 0, "content_index": 0}
    begun = {**response, "status": "in_progress", "output": [], "usage": None}
    told: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {**message, "status": "in_progress", "content": []},
        },
        {"type": "response.content_part.added", **place, "part": {**part, "text": ""}},
        {"type": "response.output_text.delta", **place, "delta": text},
        {"type": "response.output_text.done", **place, "text": text},
        {"type": "response.content_part.done", **place, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": message},
        {"type": "response.completed", "response": response},
    ]
    return [(event["type"], {**event, "sequence_number": number}) for number, event in enumerate(told)]
