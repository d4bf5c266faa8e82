"""OpenAI Completions: the older API, one prompt and no messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from router_extproc.apis import cuts, payloads, pieces
from router_extproc.apis.edits import apply, elements, encode, value_of
from router_extproc.apis.fields import Body, count, flag, metadata, refuse, scalars, section, text
from router_extproc.apis.rewriting import joined, plain_changes
from router_extproc.apis.usage import NOTHING, decoded, facts
from router_extproc.request import Message, Part, PartKind, Request, Role
from router_extproc.routing import SystemMode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from router_extproc.apis.api import Document, Payload, ResponseFacts
    from router_extproc.apis.pieces import Channel, Event, Pieces
    from router_extproc.request import Envelope
    from router_extproc.routing import BodyEdits, SystemEdit

_LIMITS = ("max_tokens", "n_predict")
"""OpenAI's field, and llama.cpp's, which there wins."""
_SPELLINGS = {"max_output_tokens": _LIMITS, "n": ("n", "best_of")}
_KNOWN = frozenset({"model", "prompt", "suffix", "stream", *_LIMITS, "n", "metadata"})


class OpenAICompletions:
    """POST /v1/completions. A prompt of token ids cannot be read: it is a part of kind OTHER."""

    name = "openai_completions"
    paths = frozenset({"/v1/completions"})
    marks_end = True

    def parse(self, document: Document, envelope: Envelope) -> Request:
        """The neutral request: the prompt is one user turn."""
        body: dict[str, Any] = document.value
        return Request(
            api=self.name,
            model=text(body, "model"),
            messages=prompts(body, "prompt", "suffix"),
            stream=flag(body, "stream"),
            max_output_tokens=count(body, *_LIMITS),
            n=max(count(body, "n") or 1, count(body, "best_of") or 1),
            answer_format=section(body, "response_format"),
            end_user=text(body, "user"),
            parameters=scalars(body, _KNOWN),
            metadata=metadata(body),
            size=len(document.raw),
            envelope=envelope,
        )

    def edit(self, document: Document, edits: BodyEdits) -> bytes:
        """The body with the edits applied. The system prompt becomes the beginning (or, appended, the end) of each prompt."""
        changes = plain_changes(document.value, edits, _SPELLINGS)
        prompt = value_of(document.raw, "prompt")
        if edits.system and prompt is not None:
            changes["prompt"] = _prefixed(prompt, edits.system)
        return apply(document, changes)

    def error(self, status: int, message: str, *, code: str, param: str | None = None, stream: bool = False) -> Payload:
        """OpenAI's error object; as an event for streams."""
        error = payloads.openai_error(status, message, code, param)
        return payloads.events(("", error), done=True) if stream else payloads.json(error)

    def completion(self, text: str, *, model: str, identifier: str, created: int, stream: bool = False) -> Payload:
        """A text completion, or its one chunk."""
        choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": "stop"}
        words = payloads.word_count(text)
        answer = {
            "id": f"cmpl-{identifier}",
            "object": "text_completion",
            "created": created,
            "model": model,
            "choices": [choice],
            "usage": {"prompt_tokens": 0, "completion_tokens": words, "total_tokens": words},
        }
        return payloads.events(("", answer), done=True) if stream else payloads.json(answer)

    def response_facts(self, body: bytes) -> ResponseFacts:
        """Usage and finish reason of a completion."""
        answer = decoded(body)
        return facts(answer.get("usage"), finish_reason=_first(answer).get("finish_reason"), has_output=True, done=True)

    def event_facts(self, event: str, data: bytes) -> ResponseFacts:  # noqa: ARG002 - this API's events have no type
        """What one chunk says."""
        if data == b"[DONE]":
            return facts(None, done=True)
        chunk = decoded(data)
        choice = _first(chunk)
        if not chunk:
            return NOTHING
        return facts(chunk.get("usage"), finish_reason=choice.get("finish_reason"), has_output=bool(choice.get("text")))

    def pieces(self, told: dict[str, Any]) -> Pieces:
        """The texts that a chunk continues or ends."""
        return pieces.chat(told)

    def cut_events(self, begun: dict[str, Any], last: dict[str, Any], open_channels: Iterable[Channel]) -> list[Event]:  # noqa: ARG002 - each chunk says all
        """The chunk that ends all choices."""
        return cuts.chat_events(last, cuts.indexes(open_channels), delta=False)

    def cut_json(self, raw: bytes) -> bytes:
        """A completion whose choices were filtered."""
        return cuts.chat_json(raw)


def prompts(body: Body, *keys: str) -> tuple[Message, ...]:
    """One user turn of all that these fields hold: text, several texts, or token ids."""
    found: list[Part] = []
    for key in keys:
        value = body.get(key)
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str):
                found.append(Part(PartKind.TEXT, item))
            elif isinstance(item, int | list) and not isinstance(item, bool):
                found.append(Part(PartKind.OTHER))
            elif item is not None:
                refuse(key, "text, a list of texts, or token ids")
    return (Message(Role.USER, _once(found)),)


def _once(parts: list[Part]) -> tuple[Part, ...]:
    """Without the repeated OTHER parts that a long list of token ids makes."""
    texts = [part for part in parts if part.kind is PartKind.TEXT]
    return (*texts, Part(PartKind.OTHER)) if len(texts) < len(parts) else tuple(texts)


def _prefixed(prompt: bytes, edits: Sequence[SystemEdit]) -> bytes:
    if prompt.startswith(b'"'):
        return _joined(prompt, edits)
    spans = elements(prompt) if prompt.startswith(b"[") else []
    for span in reversed(spans):
        if prompt[span.start : span.start + 1] == b'"':
            prompt = prompt[: span.start] + _joined(prompt[span.start : span.end], edits) + prompt[span.end :]
    return prompt


def _joined(prompt: bytes, edits: Sequence[SystemEdit]) -> bytes:
    for edit in edits:
        # A prompt has no system text of the caller's that could be replaced: the policy's goes before it.
        begun = encode(edit.text + "\n\n")[:-1] + prompt[1:]
        prompt = joined(prompt, edit, {}) if edit.mode is SystemMode.APPEND else begun
    return prompt


def _first(answer: dict[str, Any]) -> dict[str, Any]:
    choices = answer.get("choices")
    return choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
