"""Conversation: the shape of a conversation, whatever it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.request import PartKind, Role
from router_extproc.signals.measures import Flag, Number
from router_extproc.signals.texts import spoken, user_turns

if TYPE_CHECKING:
    from router_extproc.request import Request
    from router_extproc.signals.options import NoOptions
    from router_extproc.signals.services import SignalServices

_SYSTEM = frozenset({Role.SYSTEM, Role.DEVELOPER})


def count_turns(request: Request) -> float:
    """User turns in which a person said something."""
    return float(sum(1 for _ in user_turns(request)))


def count_tools(request: Request) -> float:
    """Tools that the caller defines."""
    return float(len(request.tools))


def in_tool_loop(request: Request) -> bool:
    """Whether the model is asked to go on from a tool's result: the last message brings one and no person speaks in it."""
    if not request.messages:
        return False
    last = request.messages[-1]
    if last.role is Role.TOOL:
        return True
    brought = any(part.kind is PartKind.TOOL_RESULT and part.tool for part in last.parts)
    return brought and not spoken(last.text).strip()


def count_images(request: Request) -> float:
    """Images in all messages."""
    return float(sum(part.kind is PartKind.IMAGE for message in request.messages for part in message.parts))


def has_audio(request: Request) -> bool:
    """Whether some message holds audio."""
    return any(part.kind is PartKind.AUDIO for message in request.messages for part in message.parts)


def has_files(request: Request) -> bool:
    """Whether some message holds a file."""
    return any(part.kind is PartKind.FILE for message in request.messages for part in message.parts)


def has_system(request: Request) -> bool:
    """Whether there are system or developer instructions."""
    return any(message.role in _SYSTEM for message in request.messages)


def build_turns(name: str, _options: NoOptions, _services: SignalServices) -> Number:
    """`turns`."""
    return Number(name, count_turns, unit="turns")


def build_tools(name: str, _options: NoOptions, _services: SignalServices) -> Number:
    """`tools`."""
    return Number(name, count_tools, unit="tools")


def build_tool_loop(name: str, _options: NoOptions, _services: SignalServices) -> Flag:
    """`tool_loop`."""
    return Flag(name, in_tool_loop)


def build_images(name: str, _options: NoOptions, _services: SignalServices) -> Number:
    """`images`."""
    return Number(name, count_images, unit="images")


def build_audio(name: str, _options: NoOptions, _services: SignalServices) -> Flag:
    """`audio`."""
    return Flag(name, has_audio)


def build_files(name: str, _options: NoOptions, _services: SignalServices) -> Flag:
    """`files`."""
    return Flag(name, has_files)


def build_system(name: str, _options: NoOptions, _services: SignalServices) -> Flag:
    """`system_prompt`."""
    return Flag(name, has_system)
