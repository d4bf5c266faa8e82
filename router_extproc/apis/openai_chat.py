"""OpenAI Chat Completions, as OpenAI, vLLM, SGLang, TGI and most others speak it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from router_extproc.apis import cuts, payloads, pieces
from router_extproc.apis.content import parts, role
from router_extproc.apis.edits import apply, value_of
from router_extproc.apis.fields import count, flag, items, metadata, refuse, scalars, section, text, tools
from router_extproc.apis.rewriting import effort_changes, plain_changes, token_limit, with_system_message
from router_extproc.apis.usage import NOTHING, decoded, facts
from router_extproc.request import Message, Part, PartKind, Request

if TYPE_CHECKING:
    from collections.abc import Iterable

    from router_extproc.apis.api import Document, Payload, ResponseFacts
    from router_extproc.apis.pieces import Channel, Event, Pieces
    from router_extproc.request import Envelope
    from router_extproc.routing import BodyEdits

_LIMITS = ("max_completion_tokens", "max_tokens", "n_predict")
"""OpenAI's field, its former one, and llama.cpp's, which there wins over the other two."""
_SPELLINGS = {"max_output_tokens": _LIMITS, "n": ("n",)}
_KNOWN = frozenset({"model", "messages", "tools", "functions", "stream", *_LIMITS, "n", "metadata"})


class OpenAIChat:
    """POST /v1/chat/completions."""

    name = "openai_chat"
    paths = frozenset({"/v1/chat/completions"})
    marks_end = True

    def parse(self, document: Document, envelope: Envelope) -> Request:
        """The neutral request."""
        body: dict[str, Any] = document.value
        messages = items(body, "messages")
        return Request(
            api=self.name,
            model=text(body, "model"),
            messages=tuple([_message(message) for message in messages]),
            tools=tools(body) if "tools" in body or "functions" in body else (),
            stream=flag(body, "stream"),
            max_output_tokens=count(body, *_LIMITS),
            n=count(body, "n") or 1,
            reasoning_effort=text(body, "reasoning_effort"),
            answer_format=section(body, "response_format"),
            end_user=text(body, "safety_identifier") or text(body, "user"),
            parameters=scalars(body, _KNOWN),
            metadata=metadata(body),
            size=len(document.raw),
            envelope=envelope,
        )

    def edit(self, document: Document, edits: BodyEdits) -> bytes:
        """The body with the edits applied."""
        body: dict[str, Any] = document.value
        changes = plain_changes(body, edits, _SPELLINGS)
        if edits.reasoning_effort:
            changes |= effort_changes(document.raw, edits, openai="reasoning_effort", limit=token_limit(body, edits, _LIMITS))
        if edits.system:
            roles = [str(message.get("role")) for message in items(body, "messages")]
            changes["messages"] = with_system_message(value_of(document.raw, "messages"), roles, edits.system)
        return apply(document, changes)

    def error(self, status: int, message: str, *, code: str, param: str | None = None, stream: bool = False) -> Payload:
        """OpenAI's error object; as an event for streams."""
        error = payloads.openai_error(status, message, code, param)
        return payloads.events(("", error), done=True) if stream else payloads.json(error)

    def completion(self, text: str, *, model: str, identifier: str, created: int, stream: bool = False) -> Payload:
        """A chat completion with that text, or its chunks."""
        usage = {"prompt_tokens": 0, "completion_tokens": payloads.word_count(text), "total_tokens": payloads.word_count(text)}
        common = {"id": f"chatcmpl-{identifier}", "created": created, "model": model}
        if not stream:
            message = {"role": "assistant", "content": text, "refusal": None}
            choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
            return payloads.json({**common, "object": "chat.completion", "choices": [choice], "usage": usage})
        chunk = {**common, "object": "chat.completion.chunk"}
        first = {"index": 0, "delta": {"role": "assistant", "content": text}, "logprobs": None, "finish_reason": None}
        last = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}
        return payloads.events(("", {**chunk, "choices": [first]}), ("", {**chunk, "choices": [last]}), done=True)

    def response_facts(self, body: bytes) -> ResponseFacts:
        """Usage and finish reason of a completion."""
        answer = decoded(body)
        return facts(answer.get("usage"), finish_reason=_first(answer).get("finish_reason"), has_output=True, done=True)

    def event_facts(self, event: str, data: bytes) -> ResponseFacts:  # noqa: ARG002 - this API's events have no type
        """What one chunk says; the last one may carry the usage."""
        if data == b"[DONE]":
            return facts(None, done=True)
        chunk = decoded(data)
        if not chunk:
            return NOTHING
        choice = _first(chunk)
        delta = choice.get("delta")
        spoken = isinstance(delta, dict) and any(
            delta.get(key) for key in ("content", "tool_calls", "function_call", "refusal", "reasoning_content", "reasoning")
        )
        return facts(chunk.get("usage"), finish_reason=choice.get("finish_reason"), has_output=spoken)

    def pieces(self, told: dict[str, Any]) -> Pieces:
        """The texts that a chunk continues or ends."""
        return pieces.chat(told)

    def cut_events(self, begun: dict[str, Any], last: dict[str, Any], open_channels: Iterable[Channel]) -> list[Event]:  # noqa: ARG002 - each chunk says all
        """The chunk that ends all choices."""
        return cuts.chat_events(last, cuts.indexes(open_channels), delta=True)

    def cut_json(self, raw: bytes) -> bytes:
        """A completion whose choices were filtered."""
        return cuts.chat_json(raw)


def _first(answer: dict[str, Any]) -> dict[str, Any]:
    choices = answer.get("choices")
    return choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}


def _message(message: Any) -> Message:
    if type(message) is not dict:
        refuse("messages", "objects in the array")
    speaker = role(message.get("role"), "messages.role")
    content = parts(message.get("content"), "messages.content")
    if speaker.value == "tool":
        name = str(message.get("tool_call_id") or message.get("name") or "")
        return Message(speaker, tuple(_as_result(part, name) for part in content))
    if "tool_calls" in message or "function_call" in message:
        content += tuple(_calls(message))
    thoughts = message.get("reasoning_content") or message.get("reasoning")
    if isinstance(thoughts, str) and thoughts:
        content = (Part(PartKind.REASONING, thoughts), *content)
    return Message(speaker, content)


def _as_result(part: Part, name: str) -> Part:
    return Part(PartKind.TOOL_RESULT, part.text, name) if part.kind is PartKind.TEXT else part


def _calls(message: dict[str, Any]) -> list[Part]:
    listed = message.get("tool_calls")
    calls = (
        [call.get("function") or call.get("custom") for call in listed if isinstance(call, dict)]
        if isinstance(listed, list)
        else []
    )
    calls.append(message.get("function_call"))
    return [
        Part(PartKind.TOOL_CALL, str(call.get("arguments") or call.get("input") or ""), str(call.get("name") or ""))
        for call in calls
        if isinstance(call, dict)
    ]
