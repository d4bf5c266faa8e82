"""Stall: signs that an agent does not get on, found in the request's own messages. Nothing of them is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from router_extproc.request import PartKind, Role
from router_extproc.signals.conversation import in_tool_loop
from router_extproc.signals.reask import similarity
from router_extproc.signals.texts import spoken, user_turns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from router_extproc.request import Message, Part, Request

_LOOKBACK = 64
"""Calls, and results, that are looked at."""
_PERIOD = 3
"""Calls in one round of a loop, at most: reading, failing and reading again is three."""
_HEAD = 300
"""Characters at the beginning of a tool's result that may say that it failed."""
_TAIL = 200
"""And at its end."""
_WORDS = ("exit", "error", "code")
_TURNS = 4
_SAME = 0.8
"""Similarity from which a turn asks again what was asked before; see the signal `reask`."""
_BEGINS = re.compile(
    r"\s*(?:(?:the )?(?:command|tool|call|request) failed|error\b|traceback \(most recent call last\)|exception\b|fatal\b|panic:"
    r"|<tool_use_error>|permission denied|command not found|no such file)"
)
_SAYS = re.compile(
    r"exit(?:ed)?(?: with)? (?:code|status):? ?[1-9]|return_?code[\"'>: =]{1,4}-?[1-9]|[\"']is_?error[\"']\s*:\s*true"
    r"|[\"']error[\"']\s*:\s*[\"'{]"
)


@dataclass(frozen=True, slots=True)
class Stall:
    """How often each sign is seen at the end of a conversation."""

    calls: int = 0
    """Times that the last tool calls (rounds of up to three) were made in a row, with the same arguments."""
    errors: int = 0
    """Tool results in a row that failed."""
    reasks: int = 0
    """User turns in a row that ask again what was asked before."""


NONE = Stall()


def stall(request: Request, mark: int = 0) -> Stall:
    """The signs in the messages after the first `mark`. In a tool loop the calls and results tell, else the person does."""
    messages = request.messages
    since = mark if mark < len(messages) else 0
    if not in_tool_loop(request):
        return Stall(reasks=_reasks(request)) if mark < len(messages) else NONE
    return Stall(calls=_repeated(messages, since), errors=_errors(messages, since))


def _repeated(messages: Sequence[Message], since: int) -> int:
    """How often the last round of calls was made in a row."""
    found = ((part.tool, part.text) for part in _parts(messages, since, PartKind.TOOL_CALL))
    # Mostly the last call is another than the three before it: the rest need not be looked at.
    calls = list(islice(found, _PERIOD + 1))
    if calls and calls[0] not in calls[1:]:
        return 1
    return repeats([hash(call) for call in (*calls, *islice(found, _LOOKBACK))])


def repeats(calls: Sequence[int]) -> int:
    """How often the last round of calls was made in a row, for the length of a round (1 to 3) that gives most; 0 without calls."""
    most = 0
    for period in range(1, min(_PERIOD, len(calls)) + 1):
        rounds = 1
        while (rounds + 1) * period <= len(calls) and calls[rounds * period : (rounds + 1) * period] == calls[:period]:
            rounds += 1
        most = max(most, rounds)
    return most


def _errors(messages: Sequence[Message], since: int) -> int:
    count = 0
    for part in islice(_parts(messages, since, PartKind.TOOL_RESULT), _LOOKBACK):
        if not failed(part):
            break
        count += 1
    return count


def _parts(messages: Sequence[Message], since: int, kind: PartKind) -> Iterator[Part]:
    """Parts of that kind since a person spoke last, the last one first."""
    for at in range(len(messages) - 1, since - 1, -1):
        message = messages[at]
        if message.role is Role.USER and spoken(message.text).strip():
            return
        for part in reversed(message.parts):
            if part.kind is kind:
                yield part


def failed(result: Part) -> bool:
    """Whether a tool's result says that the tool failed: by the API's own word, or by how its text begins."""
    if result.failed:
        return True
    text = result.text
    head = text[:_HEAD].lower()
    if _BEGINS.match(head):
        return True
    # Exit codes stand at either end. Looking for words first takes a tenth of the time of the search, and most results have none.
    ends = head if len(text) <= _HEAD else f"{head}\n{text[-_TAIL:].lower()}"
    return any(word in ends for word in _WORDS) and _SAYS.search(ends) is not None


def _reasks(request: Request) -> int:
    turns = list(islice(user_turns(request), _TURNS))
    count = 0
    for later, earlier in pairwise(turns):
        if similarity(later, earlier) < _SAME:
            break
        count += 1
    return count
