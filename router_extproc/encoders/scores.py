"""Scores: what a classifier says of one text. The vocabulary that serving, `classify` and `eval` share."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray


class Kind(StrEnum):
    """Where a text comes from."""

    USER = "user"
    TOOL_RESULT = "tool_result"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Item:
    """One text, or the conversation that it ends."""

    text: str
    """The text that is classified: in a conversation, what the user said last."""
    kind: Kind = Kind.USER
    turns: tuple[Turn, ...] = ()
    """The whole conversation, oldest first; empty for a lone text. Without an assistant's turn there is no feedback to tell."""


@dataclass(frozen=True, slots=True)
class Span:
    """Where private data stands: half-open character offsets into the text."""

    start: int
    end: int
    type: str
    score: float
    """In [0, 1]; 1 for what a checksum confirms."""


@dataclass(frozen=True, slots=True)
class Scores:
    """All heads' scores for one text; calibrated probabilities."""

    classes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By head (domain, feedback, modality), then by label; each head's sum to 1. Feedback is missing outside a conversation."""
    chances: Mapping[str, float] = field(default_factory=dict)
    """By head (difficulty, jailbreak, fact_check), in [0, 1]."""
    pii: tuple[Span, ...] = ()
    coverage: float = 1.0
    """Share of the text's tokens that was read, in [0, 1]."""
    ms: float = 0.0


class Classifier(Protocol):
    """Scores texts. Blocks; safe from several threads."""

    @property
    def labels(self) -> Mapping[str, tuple[str, ...]]:
        """Of each class head."""
        ...

    @property
    def thresholds(self) -> Mapping[str, float]:
        """Of each head that answers yes or no: from this chance on it says yes."""
        ...

    def classify(self, items: Sequence[Item], /) -> list[Scores]:
        """The scores of each item, in order."""
        ...


class Embedder(Protocol):
    """Turns texts into vectors. Blocks; safe from several threads."""

    def embed(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        """The vector of each text, one at least, in order: (texts, size), each of length 1."""
        ...
