"""Texts: which text of a request a signal reads.

Agent harnesses put text of their own into user turns (reminders, environment listings, command output). It is taken out of
what "the user said", so that it does not drown it; `everything` still has it, because a caller could hide behind such tags.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from router_extproc.definitions import said
from router_extproc.request import PartKind, Role
from router_extproc.signals.options import Reads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from router_extproc.request import Message, Request

_OPENING = re.compile(
    r"<(system-reminder|environment_details|environment_context|user_instructions|command-name|command-message|command-args|"
    r"local-command-stdout|local-command-stderr|ide_opened_file|ide_selection|user-prompt-submit-hook|attached_files|"
    r"additional_data|open_and_recently_viewed_files|user_info|project_layout|rules|slack_context|file_contents)>"
)
_TOGETHER = 400
"""Characters of short strings of a schema that are read together: some 100 tokens, half a window."""
_CONTEXT = 200
"""Characters of the tool's description before them."""
_SYSTEM = frozenset({Role.SYSTEM, Role.DEVELOPER})


def texts(request: Request, reads: Reads) -> tuple[str, ...]:
    """The texts that are asked for, in the order of the conversation; empty ones are left out."""
    memo = request.memo
    if reads in memo:
        found: tuple[str, ...] = memo[reads]
        return found
    found = memo[reads] = tuple(_GATHER[reads](request))
    return found


def spoken(text: str) -> str:
    """A user turn without the harness's blocks. Linear in its length; a block that is never closed stays."""
    if "</" not in text:
        return text
    kept: list[str] = []
    at = 0
    missing: set[str] = set()
    for opening in _OPENING.finditer(text):
        name = opening.group(1)
        if opening.start() < at or name in missing:
            continue
        end = text.find(f"</{name}>", opening.end())
        if end < 0:
            missing.add(name)
            continue
        kept.append(text[at : opening.start()])
        at = end + len(name) + 3
    if not at:
        return text
    kept.append(text[at:])
    return "".join(kept).strip()


def user_turns(request: Request) -> Iterator[str]:
    """What the person said, the last turn first; turns of nothing but harness text or tool results are left out."""
    for message in reversed(request.messages):
        if message.role is Role.USER:
            said = spoken(message.text)
            if said.strip():
                yield said


def defined(request: Request) -> tuple[str, ...]:
    """What tools and the answer's form say of themselves: each tool's description, and the strings of their schemas, line by line.

    Short ones stand together in one text behind what the tool does: alone, "The task to perform" looks like an order.
    """
    found: tuple[str, ...] | None = request.memo.get("defined")
    if found is None:
        found = request.memo["defined"] = tuple(_defined(request))
    return found


def _defined(request: Request) -> Iterator[str]:
    for tool in request.tools:
        if tool.description:
            yield tool.description
        yield from _together((text for text in said(tool.definition) if text != tool.description), tool.description[:_CONTEXT])
    yield from _together(said(request.answer_format), "")


def _together(lines: Iterable[str], context: str) -> Iterator[str]:
    head = [context] if context else []
    some: list[str] = []
    size = 0
    for line in lines:
        if some and size + len(line) > _TOGETHER:
            yield "\n".join(head + some)
            some, size = [], 0
        some.append(line)
        size += len(line)
    if some:
        yield "\n".join(head + some)


def _last_user(request: Request) -> Iterator[str]:
    said = next(user_turns(request), "")
    if said:
        yield said


def _all_user(request: Request) -> Iterator[str]:
    yield from reversed(list(user_turns(request)))


def _conversation(request: Request) -> Iterator[str]:
    for message in request.messages:
        if message.role in {Role.USER, Role.ASSISTANT}:
            said = spoken(message.text) if message.role is Role.USER else message.text
            if said:
                yield said


def _system(request: Request) -> Iterator[str]:
    yield from (message.text for message in request.messages if message.role in _SYSTEM and message.text)


def _tool_results(request: Request) -> Iterator[str]:
    for message in request.messages:
        yield from _of_kind(message, PartKind.TOOL_RESULT)


def _of_kind(message: Message, kind: PartKind) -> Iterator[str]:
    yield from (part.text for part in message.parts if part.kind is kind and part.text)


def _everything(request: Request) -> Iterator[str]:
    for message in request.messages:
        yield from (part.text for part in message.parts if part.text)
    yield from defined(request)


_GATHER: dict[Reads, Callable[[Request], Iterator[str]]] = {
    Reads.LAST_USER: _last_user,
    Reads.ALL_USER: _all_user,
    Reads.CONVERSATION: _conversation,
    Reads.SYSTEM: _system,
    Reads.TOOL_RESULTS: _tool_results,
    Reads.EVERYTHING: _everything,
}
