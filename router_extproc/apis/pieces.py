"""Pieces: which strings of a stream's event go on where those of an earlier one ended, in the spellings of all APIs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from router_extproc.apis.leaves import Path

Channel = tuple[str | int, ...]
"""Names one text that a stream brings piece by piece. A channel's beginning names all channels that begin so."""
Event = tuple[str, dict[str, Any]]
"""An event of our own: its type (may be empty) and what it says."""

EVERYTHING: Channel = ()
_COMMON = ("id", "object", "created", "model", "system_fingerprint", "service_tier")
_SPOKEN = ("content", "refusal", "reasoning_content", "reasoning")
_BLOCKS = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
_FINAL = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})


@dataclass(frozen=True, slots=True)
class Fragment:
    """A string of an event that continues a text."""

    channel: Channel
    path: Path
    """Where it stands in the event."""
    code: bool
    """Whether the text is JSON, as a tool call's arguments are."""
    more: Callable[[str], Event]
    """An event that continues the text, too, and does nothing else."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """What an event says about channels."""

    fragments: tuple[Fragment, ...] = ()
    closes: tuple[Channel, ...] = ()
    """Channels that end with it."""


NO_PIECES = Pieces()


def chat(told: dict[str, Any]) -> Pieces:
    """Of a chunk of OpenAI's chat completions or completions."""
    choices = _objects(told.get("choices"))
    fragments = tuple(fragment for place, choice in choices for fragment in _choice(told, place, choice))
    ended = tuple((_index(choice, place),) for place, choice in choices if choice.get("finish_reason") is not None)
    return Pieces(fragments, ended)


def _choice(told: dict[str, Any], place: int, choice: dict[str, Any]) -> Iterator[Fragment]:
    index = _index(choice, place)
    base = {key: told[key] for key in _COMMON if key in told}

    def more(part: Callable[[str], dict[str, Any]]) -> Callable[[str], Event]:
        return lambda text: ("", {**base, "choices": [{"index": index, **part(text), "finish_reason": None}]})

    if isinstance(choice.get("text"), str):
        yield Fragment(
            (index, "text"), ("choices", place, "text"), code=False, more=more(lambda text: {"text": text, "logprobs": None})
        )
    delta = choice.get("delta")
    if not isinstance(delta, dict):
        return
    for key in _SPOKEN:
        if isinstance(delta.get(key), str):
            part = _delta(key)
            yield Fragment((index, key), ("choices", place, "delta", key), code=False, more=more(part))
    for at, call in _objects(delta.get("tool_calls")):
        function, number = call.get("function"), _index(call, at)
        if isinstance(function, dict) and isinstance(function.get("arguments"), str):
            path: Path = ("choices", place, "delta", "tool_calls", at, "function", "arguments")
            yield Fragment((index, "tool", number), path, code=True, more=more(_call(number)))
    function = delta.get("function_call")
    if isinstance(function, dict) and isinstance(function.get("arguments"), str):
        path = ("choices", place, "delta", "function_call", "arguments")
        yield Fragment(
            (index, "function"), path, code=True, more=more(lambda text: {"delta": {"function_call": {"arguments": text}}})
        )


def _delta(key: str) -> Callable[[str], dict[str, Any]]:
    return lambda text: {"delta": {key: text}}


def _call(number: int) -> Callable[[str], dict[str, Any]]:
    return lambda text: {"delta": {"tool_calls": [{"index": number, "function": {"arguments": text}}]}}


def messages(told: dict[str, Any]) -> Pieces:
    """Of an event of Anthropic's messages."""
    kind, index = told.get("type"), _index(told, 0)
    if kind == "content_block_delta":
        delta = told.get("delta")
        spoken = _BLOCKS.get(str(delta.get("type"))) if isinstance(delta, dict) else None
        if spoken is None or not isinstance(delta, dict) or not isinstance(delta.get(spoken), str):
            return NO_PIECES
        key, shape = spoken, delta["type"]
        return Pieces(
            (
                Fragment(
                    (index, key),
                    ("delta", key),
                    key == "partial_json",
                    lambda text: (str(kind), {"type": kind, "index": index, "delta": {"type": shape, key: text}}),
                ),
            )
        )
    if kind == "content_block_stop":
        return Pieces(closes=((index,),))
    return Pieces(closes=(EVERYTHING,)) if kind in {"message_delta", "message_stop", "error"} else NO_PIECES


def responses(told: dict[str, Any]) -> Pieces:
    """Of an event of OpenAI's responses."""
    kind, index = str(told.get("type", "")), _index(told, 0, "output_index")
    if kind in _FINAL:
        return Pieces(closes=(EVERYTHING,))
    if kind == "response.output_item.done":
        return Pieces(closes=((index,),))
    name, _, step = kind.rpartition(".")
    if step == "done":
        return Pieces(closes=((index, name),))
    if step != "delta" or not isinstance(told.get("delta"), str):
        return NO_PIECES
    part = _index(told, 0, "content_index" if "content_index" in told else "summary_index")
    slim = {key: value for key, value in told.items() if key not in {"obfuscation", "logprobs"}}
    return Pieces((Fragment((index, name, part), ("delta",), "arguments" in name, lambda text: (kind, {**slim, "delta": text})),))


def _objects(listed: Any) -> list[tuple[int, dict[str, Any]]]:
    return [(at, item) for at, item in enumerate(listed) if isinstance(item, dict)] if isinstance(listed, list) else []


def _index(item: dict[str, Any], otherwise: int, key: str = "index") -> int:
    value = item.get(key)
    return value if type(value) is int else otherwise
