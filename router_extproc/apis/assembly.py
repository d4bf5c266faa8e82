"""Assembly: the events of a stream put together into the JSON answer that the same request without `stream` would have got."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from router_extproc.apis.usage import decoded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from router_extproc.apis.sse import SseEvent

Answer = dict[str, Any]


class UnassembledError(ValueError):
    """A stream that is not whole, or holds what is not known here."""


def assembled(api: str, events: Iterable[SseEvent]) -> Answer:
    """The answer. Raises UnassembledError."""
    make = _ASSEMBLERS.get(api)
    if make is None:
        raise UnassembledError
    told: list[Answer] = []
    done = False
    for event in events:
        if event.data.strip() == b"[DONE]":
            done = True
            continue
        value = decoded(event.data)
        if not value or done:
            raise UnassembledError
        told.append(value)
    try:
        return make(told, done)
    except (KeyError, IndexError, TypeError, AttributeError, msgspec.DecodeError) as error:
        raise UnassembledError from error


_CHUNK = frozenset({"id", "object", "created", "model", "system_fingerprint", "service_tier", "choices", "usage"})
_IGNORED = frozenset({"obfuscation", "prompt_token_ids", "timings"})
_CHOICE = frozenset({"index", "delta", "finish_reason", "logprobs", "text", "stop_reason", "matched_stop", "token_ids"})
_TEXTS = frozenset({"content", "refusal", "reasoning_content", "reasoning"})


def _known(value: Answer, names: frozenset[str]) -> None:
    """What is not known here cannot be left out either."""
    if any(key not in names and item not in (None, [], {}) for key, item in value.items()):
        raise UnassembledError


def _chat(events: list[Answer], done: bool) -> Answer:  # noqa: FBT001 - the shape of all assemblers
    return _openai(events, done, kind="chat.completion", choice=_chat_choice)


def _completions(events: list[Answer], done: bool) -> Answer:  # noqa: FBT001 - as above
    return _openai(events, done, kind="text_completion", choice=_text_choice)


def _openai(events: list[Answer], done: bool, *, kind: str, choice: Callable[[Answer, Answer], None]) -> Answer:  # noqa: FBT001 - as above
    if not done or not events:
        raise UnassembledError
    answer: Answer = {
        key: events[0][key] for key in ("id", "created", "model", "system_fingerprint", "service_tier") if key in events[0]
    }
    answer["object"] = kind
    choices: dict[int, Answer] = {}
    for event in events:
        _known(event, _CHUNK | _IGNORED)
        for part in event.get("choices") or ():
            _known(part, _CHOICE)
            if part.get("logprobs"):
                raise UnassembledError
            choice(choices.setdefault(int(part.get("index", 0)), {"index": int(part.get("index", 0))}), part)
        if event.get("usage"):
            answer["usage"] = event["usage"]
    answer["choices"] = [choices[index] for index in sorted(choices)]
    for made in answer["choices"]:
        message = made.get("message") or {}
        if message.get("tool_calls") and not message.get("content"):
            message["content"] = None
    if not choices or any(not made.get("finish_reason") for made in answer["choices"]):
        raise UnassembledError
    return answer


def _text_choice(made: Answer, part: Answer) -> None:
    made["text"] = made.get("text", "") + (part.get("text") or "")
    made.setdefault("logprobs", None)
    made["finish_reason"] = part.get("finish_reason") or made.get("finish_reason")


def _chat_choice(made: Answer, part: Answer) -> None:
    message = made.setdefault("message", {"role": "assistant", "content": None})
    made["finish_reason"] = part.get("finish_reason") or made.get("finish_reason")
    for key, value in (part.get("delta") or {}).items():
        if key == "role":
            message["role"] = value or message["role"]
        elif key == "tool_calls":
            for at, call in enumerate(value or ()):
                _call(message.setdefault("tool_calls", []), call, int(call.get("index", at)))
        elif key in _TEXTS and (value is None or isinstance(value, str)):
            if value is not None:
                message[key] = (message.get(key) or "") + value
        elif value not in (None, [], {}):
            raise UnassembledError


def _call(calls: list[Answer], part: Answer, index: int) -> None:
    if index > len(calls):
        raise UnassembledError
    if index == len(calls):
        calls.append({"id": part.get("id", ""), "type": "function", "function": {"name": "", "arguments": ""}})
    function = part.get("function") or {}
    made = calls[index]["function"]
    made["name"] += function.get("name") or ""
    made["arguments"] += function.get("arguments") or ""


_DELTAS = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}


def _messages(events: list[Answer], done: bool) -> Answer:  # noqa: FBT001 - as above
    del done  # this API ends with an event of its own
    message: Answer = dict(events[0]["message"])
    blocks: list[Answer] = []
    inputs: dict[int, str] = {}
    ended = False
    for event in events[1:]:
        kind = event["type"]
        if ended or kind not in _MESSAGE_EVENTS:
            raise UnassembledError
        if kind == "content_block_start":
            if event["index"] != len(blocks):
                raise UnassembledError
            blocks.append(dict(event["content_block"]))
        elif kind == "content_block_delta":
            _block(blocks[event["index"]], event["delta"], inputs, event["index"])
        elif kind == "message_delta":
            message |= event["delta"]
            message["usage"] = {**(message.get("usage") or {}), **(event.get("usage") or {})}
        ended = kind == "message_stop"
    if not ended or not message.get("stop_reason"):
        raise UnassembledError
    for index, text in inputs.items():
        blocks[index]["input"] = msgspec.json.decode(text) if text else {}
    return {**message, "content": blocks}


_MESSAGE_EVENTS = frozenset(
    {"ping", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop"}
)


def _block(block: Answer, delta: Answer, inputs: dict[int, str], index: int) -> None:
    kind = delta["type"]
    if kind == "input_json_delta":
        inputs[index] = inputs.get(index, "") + delta["partial_json"]
    elif kind == "citations_delta":
        block["citations"] = [*(block.get("citations") or ()), delta["citation"]]
    elif kind in _DELTAS:
        block[_DELTAS[kind]] = (block.get(_DELTAS[kind]) or "") + delta[_DELTAS[kind]]
    else:
        raise UnassembledError


def _responses(events: list[Answer], done: bool) -> Answer:  # noqa: FBT001 - as above
    del done  # as above
    last = events[-1]
    if last.get("type") not in {"response.completed", "response.incomplete"}:
        raise UnassembledError
    response = last["response"]
    if not isinstance(response, dict):
        raise UnassembledError
    return response


_ASSEMBLERS: dict[str, Callable[[list[Answer], bool], Answer]] = {
    "openai_chat": _chat,
    "openai_completions": _completions,
    "anthropic_messages": _messages,
    "openai_responses": _responses,
}
