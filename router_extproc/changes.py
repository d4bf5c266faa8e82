"""Changes: what is done to a request's headers and body on their way upstream."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class HeaderOp(StrEnum):
    """What is done to a header."""

    SET = "set"
    ADD = "add"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class HeaderEdit:
    """One change to the request's headers on their way upstream."""

    op: HeaderOp
    name: str
    """Lower case."""
    value: str = ""


class SystemMode(StrEnum):
    """Where the policy's system prompt goes."""

    PREPEND = "prepend"
    APPEND = "append"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class SystemEdit:
    """A change to the system prompt."""

    mode: SystemMode
    text: str


@dataclass(frozen=True, slots=True)
class BodyEdits:
    """What an outcome changes in the body; all other bytes stay as they are."""

    model: str | None = None
    caps: Mapping[str, int] = field(default_factory=dict)
    """Highest value by neutral parameter name (`max_output_tokens`, `n`, ...): a larger one is lowered, and a missing
    max_output_tokens is set, because leaving it out asks for the model's maximum."""
    blocked: frozenset[str] = frozenset()
    """Top-level body fields that are taken out."""
    system: tuple[SystemEdit, ...] = ()
    """Applied in order."""
    reasoning_effort: str = ""
    reasoning_family: str = ""
    """The pool's `reasoning`: decides how the effort is spelt."""

    def __bool__(self) -> bool:
        return bool(
            self.model is not None or self.caps or self.blocked or self.system or self.reasoning_effort,
        )
