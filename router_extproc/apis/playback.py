"""Playback: a JSON answer as the stream that the same request with `stream` would have got."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from router_extproc.apis import payloads
from router_extproc.apis.edits import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from router_extproc.apis.api import Payload

Answer = dict[str, Any]
_COMMON = ("id", "created", "model", "system_fingerprint", "service_tier")


class UnplayableError(ValueError):
    """An answer that holds what no stream of its API is known to bring."""


def stream(api: str, answer: Answer, *, usage: bool) -> Payload:
    """The events. `usage`: OpenAI's last chunk with it is wanted. Raises UnplayableError."""
    make = _PLAYERS.get(api)
    if make is None:
        raise UnplayableError
    try:
        events = list(make(answer, usage))
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise UnplayableError from error
    return payloads.events(*events, done=api in _MARKED)


_MARKED = frozenset({"openai_chat", "openai_completions"})
_MESSAGE = frozenset({"role", "content", "refusal", "reasoning_content", "reasoning", "tool_calls"})
_CHOICE = frozenset({"index", "message", "finish_reason", "text"})


def _strange(value: Answer, names: frozenset[str]) -> bool:
    return any(key not in names and item not in (None, [], {}) for key, item in value.items())


def _chat(answer: Answer, usage: bool) -> Iterator[tuple[str, Answer]]:  # noqa: FBT001 - the shape of all players
    base = {key: answer[key] for key in _COMMON if key in answer} | {"object": "chat.completion.chunk"}
    for choice in answer["choices"]:
        message = choice["message"]
        if _strange(choice, _CHOICE) or _strange(message, _MESSAGE):
            raise UnplayableError
        for delta in _deltas(message):
            yield "", {**base, "choices": [{"index": choice["index"], "delta": delta, "finish_reason": None}]}
        ended = {"index": choice["index"], "delta": {}, "finish_reason": choice["finish_reason"]}
        yield "", {**base, "choices": [ended]}
    yield from _usage(base, answer, usage)


def _deltas(message: Answer) -> Iterator[Answer]:
    yield {"role": message.get("role", "assistant"), "content": "" if message.get("content") is not None else None}
    for key in ("reasoning_content", "reasoning", "content", "refusal"):
        if message.get(key):
            yield {key: message[key]}
    for index, call in enumerate(message.get("tool_calls") or ()):
        yield {"tool_calls": [{"index": index, **call}]}


def _usage(base: Answer, answer: Answer, usage: bool) -> Iterator[tuple[str, Answer]]:  # noqa: FBT001 - as above
    if usage:
        yield "", {**base, "choices": [], "usage": answer["usage"]}


def _completions(answer: Answer, usage: bool) -> Iterator[tuple[str, Answer]]:  # noqa: FBT001 - as above
    base = {key: answer[key] for key in _COMMON if key in answer} | {"object": "text_completion"}
    for choice in answer["choices"]:
        if _strange(choice, _CHOICE):
            raise UnplayableError
        yield "", {**base, "choices": [{**choice, "logprobs": None}]}
    yield from _usage(base, answer, usage)


_BLOCKS = {"text": ("text", "text_delta"), "thinking": ("thinking", "thinking_delta")}
_BEGINNINGS: dict[str, Answer] = {
    "text": {"text": ""},
    "thinking": {"thinking": "", "signature": ""},
    "tool_use": {"input": {}},
}


def _messages(answer: Answer, usage: bool) -> Iterator[tuple[str, Answer]]:  # noqa: FBT001 - as above
    del usage  # this API always tells it
    counts = answer.get("usage") or {}
    begun = {**answer, "content": [], "stop_reason": None, "stop_sequence": None, "usage": {**counts, "output_tokens": 0}}
    yield _typed({"type": "message_start", "message": begun})
    for index, block in enumerate(answer["content"]):
        kind = block["type"]
        empty = _BEGINNINGS.get(kind)
        if empty is None:
            raise UnplayableError
        plain = {key: value for key, value in block.items() if key != "citations"}
        yield _typed({"type": "content_block_start", "index": index, "content_block": {**plain, **empty}})
        for delta in _block(kind, block):
            yield _typed({"type": "content_block_delta", "index": index, "delta": delta})
        yield _typed({"type": "content_block_stop", "index": index})
    ended = {"stop_reason": answer["stop_reason"], "stop_sequence": answer.get("stop_sequence")}
    yield _typed({"type": "message_delta", "delta": ended, "usage": {"output_tokens": counts.get("output_tokens", 0)}})
    yield _typed({"type": "message_stop"})


def _block(kind: str, block: Answer) -> Iterator[Answer]:
    if kind == "tool_use":
        yield {"type": "input_json_delta", "partial_json": encode(block["input"]).decode()}
        return
    key, delta = _BLOCKS[kind]
    yield {"type": delta, key: block[key]}
    if block.get("signature"):
        yield {"type": "signature_delta", "signature": block["signature"]}
    for citation in block.get("citations") or ():
        yield {"type": "citations_delta", "citation": citation}


def _typed(event: Answer) -> tuple[str, Answer]:
    return event["type"], event


def _responses(answer: Answer, usage: bool) -> Iterator[tuple[str, Answer]]:  # noqa: FBT001 - as above
    del usage  # as above
    for number, event in enumerate(_response_events(answer)):
        yield event["type"], {**event, "sequence_number": number}


def _response_events(answer: Answer) -> Iterator[Answer]:
    begun = {**answer, "status": "in_progress", "output": [], "usage": None}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(answer["output"]):
        place = {"item_id": item.get("id", ""), "output_index": index}
        kind = item["type"]
        if kind == "message":
            empty = {**item, "status": "in_progress", "content": []}
        elif kind == "function_call":
            empty = {**item, "status": "in_progress", "arguments": ""}
        else:
            empty = item
        yield {"type": "response.output_item.added", "output_index": index, "item": empty}
        if kind == "message":
            for at, part in enumerate(item["content"]):
                yield from _part({**place, "content_index": at}, part)
        elif kind == "function_call":
            yield {"type": "response.function_call_arguments.delta", **place, "delta": item["arguments"]}
            yield {"type": "response.function_call_arguments.done", **place, "arguments": item["arguments"]}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": f"response.{answer['status']}", "response": answer}


def _part(place: Answer, part: Answer) -> Iterator[Answer]:
    names = {"output_text": ("output_text", "text"), "refusal": ("refusal", "refusal")}
    name, key = names[part["type"]]
    yield {"type": "response.content_part.added", **place, "part": {**part, key: ""}}
    yield {"type": f"response.{name}.delta", **place, "delta": part[key]}
    yield {"type": f"response.{name}.done", **place, key: part[key]}
    yield {"type": "response.content_part.done", **place, "part": part}


_PLAYERS: dict[str, Callable[[Answer, bool], Iterator[tuple[str, Answer]]]] = {
    "openai_chat": _chat,
    "openai_completions": _completions,
    "anthropic_messages": _messages,
    "openai_responses": _responses,
}
