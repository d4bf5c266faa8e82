"""Identity: which session a request belongs to, told by the request alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from router_extproc.request import Role

if TYPE_CHECKING:
    from router_extproc.request import Request

_MAX_FINGERPRINT = 4096
"""Characters of each of the first messages that tell one conversation from another."""
_MAX_JSON = 4096
_ANTHROPIC = "anthropic_messages"
_MARK = "_session_"


class Source(StrEnum):
    """What a session is known by. Closed: metrics and logs use these words."""

    HEADER = "header"
    """The one that the operator named."""
    CONVERSATION = "conversation"
    """OpenAI's `conversation` or `previous_response_id`."""
    METADATA = "metadata"
    """The session in Anthropic's `metadata.user_id`."""
    FINGERPRINT = "fingerprint"
    """How the conversation began."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a request says about its session."""

    source: Source
    raw: str
    """As the caller wrote it, or text of the prompt: it is hashed before it is kept or told."""
    thread: str = ""
    """What tells conversations of one session apart, where several run under its name; empty where the name is a conversation's own."""


def identified(request: Request, header: str = "") -> Identity | None:
    """The session: by the header of that name (lower case, empty: none), the body, or how the conversation began; None if nothing tells."""
    named = request.envelope.headers.get(header, "") if header else ""
    if named:
        return Identity(Source.HEADER, named)
    if request.conversation_id:
        return Identity(Source.CONVERSATION, request.conversation_id)
    within = session_part(request.end_user) if request.api == _ANTHROPIC else ""
    if within:
        return Identity(Source.METADATA, within, opening(request))
    begun = fingerprint(request)
    return Identity(Source.FINGERPRINT, begun) if begun else None


def conversation(request: Request) -> str:
    """What tells one conversation from all others, whoever calls and however many run in his session; empty where nothing does."""
    who = identified(request)
    if who is None:
        return ""
    caller = request.envelope.caller
    return f"{caller.tenant}\0{caller.user}\0{who.raw}\0{who.thread}"


def session_part(user_id: str) -> str:
    """The session in a `metadata.user_id`, as coding agents write it: `user_X_account_Y_session_Z`, or JSON with a `session_id`."""
    if user_id.startswith("{"):
        return _of_json(user_id)
    before, mark, session = user_id.rpartition(_MARK)
    return session if before and mark else ""


def _of_json(text: str) -> str:
    if len(text) > _MAX_JSON:
        return ""
    try:
        told = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return ""
    session = told.get("session_id") if isinstance(told, dict) else None
    return session if isinstance(session, str) else ""


def opening(request: Request) -> str:
    """The first thing that was said.

    An agent's helpers, and its calls on the side (a title, a summary), run under its session and begin otherwise. Not the system prompt:
    some agents write a figure into it that changes with every request.
    """
    return next((message.text[:_MAX_FINGERPRINT] for message in request.messages if message.role is Role.USER), "")


def fingerprint(request: Request) -> str:
    """A conversation is known by how it began: the system prompt and the first thing the user said, which later turns repeat.

    Who asks is part of it, so that two callers who begin alike are two. Empty where the user said nothing.
    """
    begun: list[str] = [request.envelope.caller.user, request.end_user]
    for message in request.messages:
        begun.append(message.text[:_MAX_FINGERPRINT])
        if message.role is Role.USER:
            return "\0".join(begun)
    return ""
