"""Agent: requests as an agent makes them, turn by turn."""

from __future__ import annotations

from router_extproc.request import Caller, Envelope, Message, Part, PartKind, Request, Role

SYSTEM = Message(Role.SYSTEM, (Part(PartKind.TEXT, "You are an agent."),))


def user(text: str) -> Message:
    """What a person says."""
    return Message(Role.USER, (Part(PartKind.TEXT, text),))


def call(tool: str = "run", arguments: str = '{"command": "make"}') -> Message:
    """The model calls a tool."""
    return Message(Role.ASSISTANT, (Part(PartKind.TOOL_CALL, arguments, tool),))


def result(text: str = "done", *, failed: bool = False) -> Message:
    """What the tool brought."""
    return Message(Role.TOOL, (Part(PartKind.TOOL_RESULT, text, "call-1", failed),))


def asked(
    *messages: Message,
    headers: dict[str, str] | None = None,
    caller: Caller | None = None,
    api: str = "openai_chat",
    end_user: str = "",
    conversation_id: str = "",
) -> Request:
    """A request of these messages after the system prompt."""
    envelope = Envelope(headers=headers or {}, caller=caller or Caller())
    return Request(api, "auto", (SYSTEM, *messages), end_user=end_user, conversation_id=conversation_id, envelope=envelope)
