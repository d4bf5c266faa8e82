"""Past: decisions as the decision log tells them, with what was observed and said of them afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import msgspec

from router_extproc.learning.feedback import LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_DECISIONS = 5_000_000
"""That are read; a longer log is to be cut."""
_EXPLICIT = frozenset({"score", "label"})

Fact = float | str | dict[str, str]
Chance = Annotated[float, msgspec.Meta(ge=0, le=1)]
MOST = 10**12
"""Tokens or bytes; a larger number is nobody's."""
Count = Annotated[int, msgspec.Meta(ge=0, le=MOST)]


class LogLine(msgspec.Struct, frozen=True):
    """A line of any event. Fields that are not needed are not read; a line whose figures cannot be is none of the log's."""

    event: str
    id: str
    verdict: str = ""
    decision: str = ""
    reason: str = ""
    policy: str = ""
    recipe: str = ""
    api: str = ""
    body_bytes: Count = 0
    requested_model: str = ""
    max_output_tokens: int | None = None
    tools: Count = 0
    modalities: tuple[str, ...] = ()
    pool: str = ""
    selector: str = ""
    scores: dict[str, Chance] = {}
    quality: dict[str, Chance] = {}
    propensity: Chance | None = None
    notes: tuple[str, ...] = ()
    private: dict[str, str] = {}
    signals: dict[str, Fact] = {}
    confidence: dict[str, Chance] = {}
    coverage: dict[str, Chance] = {}
    status: int = 0
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    kind: str = ""
    reward: Chance | None = None


class Said(msgspec.Struct, frozen=True):
    """One line of a feedback file: a score in [0, 1] or a label by decision id. Pairs compare, and tell no value."""

    id: str = ""
    score: Chance | None = None
    label: str | None = None


@dataclass(slots=True)
class Past:
    """One decision with all that is known of it."""

    line: LogLine
    seen: LogLine | None = None
    """Its observed response."""
    reward: float | None = None
    """What somebody said of the answer, in [0, 1]; None if nobody did."""

    @property
    def prompt_tokens(self) -> int:
        """As the model server counted them; else as a signal estimated them, or a quarter of the body's bytes."""
        if self.seen is not None and self.seen.input_tokens:
            return self.seen.input_tokens
        estimate = self.line.signals.get("context_tokens")
        return round(min(max(estimate, 0), MOST)) if isinstance(estimate, int | float) else self.line.body_bytes // 4

    def output_tokens(self, expected: int) -> float:
        """Of the answer, as seen or expected; never more than the caller's limit."""
        if self.seen is not None and self.seen.output_tokens is not None:
            return float(self.seen.output_tokens)
        limit = self.line.max_output_tokens
        return float(expected if limit is None else max(0, min(expected, limit)))


@dataclass(slots=True)
class Log:
    """A log that was read."""

    decisions: dict[str, Past] = field(default_factory=dict)
    """By id, in order."""
    unread: int = 0
    """Lines that are none of the log's, nor feedback that can be understood."""
    strangers: int = 0
    """Observations and feedback on decisions that are not here."""


def read(lines: Iterable[bytes], feedback: Iterable[bytes] = ()) -> Log:
    """A decision log, and feedback beside it. Implicit signals are left out: they only tell of what went wrong."""
    log, decoder = Log(), msgspec.json.Decoder(LogLine)
    for text in lines:
        try:
            _take(log, decoder.decode(text))
        except (msgspec.DecodeError, msgspec.ValidationError):
            log.unread += 1
    said = msgspec.json.Decoder(Said)
    for text in feedback:
        try:
            piece = said.decode(text)
        except (msgspec.DecodeError, msgspec.ValidationError):
            log.unread += 1
            continue
        reward = LABELS.get(piece.label) if piece.label is not None else piece.score
        if reward is not None:
            _reward(log, piece.id, reward)
        elif piece.id:
            log.unread += 1
    return log


def _take(log: Log, line: LogLine) -> None:
    if line.event == "decision":
        if len(log.decisions) < MAX_DECISIONS:
            log.decisions[line.id] = Past(line)
        else:
            log.unread += 1
    elif line.event == "observation":
        past = log.decisions.get(line.id)
        if past is None:
            log.strangers += 1
        else:
            past.seen = line
    elif line.event == "feedback" and line.kind in _EXPLICIT and line.reward is not None:
        _reward(log, line.id, line.reward)


def _reward(log: Log, identity: str, reward: float) -> None:
    past = log.decisions.get(identity)
    if past is None:
        log.strangers += 1
    else:
        past.reward = reward
