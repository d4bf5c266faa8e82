"""Guarding: what is done with the texts of a request and of its answer; part of the routing vocabulary."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class PrivateAction(StrEnum):
    """What is done with private data of one type."""

    ALLOW = "allow"
    MASK = "mask"
    """A placeholder takes its place."""
    RESTORE = "restore"
    """The same, and the caller's answer has the value again."""
    TRUSTED = "trusted"
    """The request goes to a trusted pool."""
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Masks:
    """What is replaced in a body. Holds texts of the prompt: never shown, never kept."""

    actions: Mapping[str, PrivateAction]
    """By type: mask or restore."""
    texts: Mapping[str, Sequence[tuple[int, int, str]]]
    """What was found in each text that was read: half-open character offsets and the type."""
    stripped: Mapping[str, str] = field(default_factory=dict)
    """Texts that go as a whole, each with what takes its place."""


class ResponseAction(StrEnum):
    """What is done with private data of one type in an answer."""

    TAG = "tag"
    """It goes on, and is told."""
    MASK = "mask"
    BLOCK = "block"
    """The answer ends before it."""


@dataclass(frozen=True, slots=True)
class ResponseGuard:
    """What is looked for in an answer."""

    types: Mapping[str, ResponseAction]
    hold_back: int
    """Characters at the end of a stream's text that wait for what follows."""
    refuse_unreadable: bool
    """Whether an answer that cannot be looked at is refused; else it goes on."""
    min_support: float = 0.0
    """Support below which a sentence of the answer is told as unsupported by the request's sources; 0: they are not compared."""
    whole_request: bool = False
    """Whether all that was said counts as a source, not only what tools and documents brought in."""
