"""Scored line: what `classify` reads of one line, and what it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from router_extproc.apis.api import Document
from router_extproc.apis.openai_chat import OpenAIChat
from router_extproc.cli.json_lines import LineError, decoded
from router_extproc.encoders.heads import CHANCES, CLASSES
from router_extproc.encoders.scores import Item, Kind, Turn
from router_extproc.errors import RequestRefusedError
from router_extproc.request import Envelope, Message, PartKind, Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from router_extproc.encoders.scores import Scores

HEADS = ("domain", "difficulty", "jailbreak", "fact_check", "feedback", "modality")
"""In the order of a line out."""
_DIGITS = 6
_NEARLY = 0.999999
"""The most coverage that is told of a text that was not read whole: rounding must not make it 1."""
_BROUGHT_IN = frozenset({PartKind.TOOL_RESULT, PartKind.FILE})


class Line(msgspec.Struct, forbid_unknown_fields=True):
    """One line in: `text` or `messages`."""

    id: str | int
    text: str | msgspec.UnsetType = msgspec.UNSET
    messages: list[dict[str, Any]] | msgspec.UnsetType = msgspec.UNSET
    """As in a chat completions body."""
    kind: Kind | msgspec.UnsetType = msgspec.UNSET


def parsed(text: bytes) -> tuple[str | int, Item]:
    """A line's id and what is to be classified. Raises LineError."""
    line = decoded(text, Line)
    kind = line.kind or Kind.USER
    if line.messages is msgspec.UNSET:
        if line.text is msgspec.UNSET:
            raise LineError("it has neither `text` nor `messages`")
        return line.id, Item(line.text, kind)
    if line.text is not msgspec.UNSET:
        raise LineError("it has both `text` and `messages`")
    if kind is not Kind.USER:
        raise LineError(f"`kind` {kind.value} is for a `text`: of `messages`, what the user said last is classified")
    return line.id, _conversation(line.messages)


def _conversation(listed: list[dict[str, Any]]) -> Item:
    try:
        messages = OpenAIChat().parse(Document(b"", {"messages": listed}), Envelope()).messages
    except RequestRefusedError as error:
        raise LineError(error.message) from error
    if any(part.kind is PartKind.OTHER for message in messages for part in message.parts):
        raise LineError("`messages` has a content part of an unknown type, whose text would not be read")
    return Item(_said_last(messages), turns=tuple(turn for message in messages for turn in _turns(message)))


def _said_last(messages: Sequence[Message]) -> str:
    said = (message.text for message in reversed(messages) if message.role is Role.USER and message.text.strip())
    text = next(said, None)
    if text is None:
        raise LineError("`messages` has no message of a user with text")
    return text


def _turns(message: Message) -> Iterator[Turn]:
    """The message's text as one turn, though it be empty; then what stands beside it: tool calls and results, documents, reasoning."""
    yield Turn(message.role.value, message.text)
    for part in message.parts:
        if part.kind is not PartKind.TEXT and part.text:
            yield Turn(Role.TOOL.value if part.kind in _BROUGHT_IN else message.role.value, part.text)


def answer(identifier: str | int, scores: Scores) -> dict[str, object]:
    """One line out."""
    return {
        "id": identifier,
        "heads": {head: _head(head, scores) for head in HEADS},
        "pii": [
            {"start": span.start, "end": span.end, "type": span.type, "score": round(span.score, _DIGITS)} for span in scores.pii
        ],
        "coverage": 1.0 if scores.coverage >= 1 else min(round(scores.coverage, _DIGITS), _NEARLY),
        "ms": round(scores.ms, 3),
    }


def _head(head: str, scores: Scores) -> float | dict[str, float] | None:
    """A chance, the chances of labels, or None for feedback where there is no answer to speak of."""
    if head in CHANCES:
        return round(scores.chances[head], _DIGITS)
    if head not in scores.classes:
        return None
    return {label: round(scores.classes[head][label], _DIGITS) for label in CLASSES[head]}
