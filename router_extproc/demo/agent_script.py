"""Agent script: forty turns of a coding agent, as its client sends them: what is new in each, and what happens around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Message = dict[str, Any]

SYSTEM: Message = {
    "role": "system",
    "content": "You are a coding agent. " + "Work in small steps, and run the tests after each. " * 40,
}
_FILE = "def load(path):\n    with open(path) as source:\n        return parse(source.read())\n" * 12


@dataclass(frozen=True, slots=True)
class Step:
    """One turn."""

    title: str
    messages: tuple[Message, ...]
    """What the prompt has more than the turn before."""
    event: str = ""
    """What happens before it: `kill` or `restart`: the model server of the pool `code`."""


def _tool(tool: str, argument: str, result: str, number: int) -> tuple[Message, Message]:
    """A tool call of the model, and what it brought."""
    call = {"id": f"call_{number}", "type": "function", "function": {"name": tool, "arguments": argument}}
    return (
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": f"call_{number}", "content": result},
    )


def _user(text: str) -> tuple[Message, Message]:
    """The model has answered, and the person goes on."""
    return {"role": "assistant", "content": "Done."}, {"role": "user", "content": text}


def steps() -> Iterator[Step]:
    """Forty of them."""
    turns = [
        Step("asks for a small fix", ({"role": "user", "content": "Please fix the failing test of load()."},)),
        *(_reads(number) for number in range(5)),
        Step("asks for a design", _user("Now design a new storage layer for it, and prove that it loses nothing.")),
        *(_reads(number) for number in range(5, 12)),
        Step("asks for a small thing", _user("Thanks. Rename load to read_all everywhere.")),
        *(Step("makes the same call again", _tool("edit", '{"path": "load.py"}', "no match", 20)) for _ in range(3)),
        *(_reads(number) for number in range(21, 25)),
        Step("says thanks", _user("Good. What is left to do?")),
        *(_reads(number) for number in range(26, 28)),
        Step("goes on while `code` is down", _tool("read", '{"path": "28.py"}', _FILE, 28), "kill"),
        Step("tries again", ()),
        Step("tries again", ()),
        *(_reads(number) for number in range(31, 34)),
        Step("asks for a small thing", _user("Write a line for the changelog."), "restart"),
        *(_reads(number) for number in range(35, 38)),
        Step("asks for a design again", _user("Now design the migration, and prove that it is safe.")),
        _reads(39),
        Step("asks for a summary", _user("Sum up what you did.")),
        *(_reads(number) for number in range(41, 43)),
    ]
    yield from turns


def _reads(number: int) -> Step:
    """A step of a loop that gets on."""
    return Step("reads a file", _tool("read", f'{{"path": "{number}.py"}}', _FILE, number))
