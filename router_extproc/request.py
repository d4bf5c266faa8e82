"""Request: what a caller asks of a model, the same for every API."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Role(StrEnum):
    """Who speaks in a message."""

    SYSTEM = "system"
    DEVELOPER = "developer"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class PartKind(StrEnum):
    """What one part of a message is."""

    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"
    FILE = "file"
    TOOL_CALL = "tool_call"
    TOOL_RESULT = "tool_result"
    REASONING = "reasoning"
    OTHER = "other"
    """A part of a type that this version does not know; its text is not read."""


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a message's content."""

    kind: PartKind
    text: str = ""
    """The text of a text part, the arguments (JSON text) of a tool call, the text of a tool result; else empty."""
    tool: str = ""
    """The tool's name for a tool call; its call id for a tool result."""
    failed: bool = False
    """Whether the API says of a tool result that the tool failed (Anthropic's `is_error`)."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the conversation, in the order in which it was sent."""

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The text parts, joined by newlines; tool calls, results and reasoning are not in it."""
        parts = self.parts
        if len(parts) == 1 and parts[0].kind is PartKind.TEXT:
            return parts[0].text
        return "\n".join(part.text for part in parts if part.kind is PartKind.TEXT)


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that the caller defines for the model."""

    name: str
    description: str = ""
    size: int = 0
    """Bytes of its definition in the body: what it adds to the prompt."""
    definition: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """As it stands in the body, with its schema; see definitions.said."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as told by headers that the operator declared trusted; empty where nothing was told."""

    user: str = ""
    groups: tuple[str, ...] = ()
    tenant: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """The part of a request that is not its body."""

    method: str = "POST"
    path: str = "/"
    """Without the query string."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Lower-case names; repeated headers are joined by a comma. Forged routing headers are already gone."""
    caller: Caller = field(default_factory=Caller)


@dataclass(frozen=True, slots=True)
class Request:
    """One request for a completion (or an embedding), whatever API it came by. Never changes."""

    api: str
    """Name of the API: `openai_chat`, `openai_responses`, `openai_completions`, `openai_embeddings`, `anthropic_messages`."""
    model: str
    """As the caller wrote it; empty if the body names none."""
    messages: tuple[Message, ...]
    """System and developer instructions come first as messages of their own, also where the API has a separate field for them."""
    tools: tuple[Tool, ...] = ()
    stream: bool = False
    max_output_tokens: int | None = None
    n: int = 1
    """How many completions are asked for."""
    reasoning_effort: str = ""
    answer_format: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The form that the answer is to have, as it stands in the body (`response_format`, `text.format`); see definitions.said."""
    end_user: str = ""
    """What the *body* says about the end user (`user`, `metadata.user_id`): a hint for stickiness, never an identity."""
    conversation_id: str = ""
    """A conversation the body continues (`previous_response_id`, `conversation`), if it names one."""
    parameters: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)
    """Other top-level scalars of the body, by the API's own names."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """The body's `metadata` object, where it maps strings to strings. Caller-given, so never an identity."""
    size: int = 0
    """Bytes of the (decoded) body."""
    envelope: Envelope = field(default_factory=Envelope)
    memo: dict[object, Any] = field(default_factory=dict, compare=False, repr=False)
    """What signals derive from this request and share (its texts in one form or another). Dies with it; says nothing new."""
