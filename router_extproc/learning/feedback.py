"""Feedback: what callers say of decisions, read strictly."""

from __future__ import annotations

from typing import Annotated

import msgspec

MAX_BYTES = 256 * 1024
"""Of one call."""
MAX_BATCH = 1000
"""Pieces of feedback in one call."""
LABELS = {"success": 1.0, "satisfied": 1.0, "partial": 0.5, "failure": 0.0, "wrong_answer": 0.0, "refused": 0.0}
"""Rewards by outcome label."""

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9-]+$")]


class Feedback(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One piece: a decision's id with a score or a label, or two ids of which one was better."""

    id: Id | None = None
    score: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] | None = None
    """How good the answer was, in [0, 1]."""
    label: str | None = None
    """One of LABELS."""
    better: Id | None = None
    worse: Id | None = None

    def __post_init__(self) -> None:
        pair = self.better is not None or self.worse is not None
        if pair and (self.id is not None or self.score is not None or self.label is not None):
            raise ValueError("`better` and `worse` stand alone")
        if pair and (self.better is None or self.worse is None or self.better == self.worse):
            raise ValueError("`better` and `worse` are two decisions' ids")
        if not pair and (self.id is None or (self.score is None) == (self.label is None)):
            raise ValueError("write {id, score}, {id, label} or {better, worse}")
        if self.label is not None and self.label not in LABELS:
            raise ValueError(f"`label` is one of {', '.join(LABELS)}")

    @property
    def kind(self) -> str:
        """`score`, `label` or `pair`: for metrics."""
        return "pair" if self.better is not None else "score" if self.score is not None else "label"

    def rewards(self) -> dict[str, float]:
        """Rewards by decision id."""
        if self.better is not None and self.worse is not None:
            return {self.better: 1.0, self.worse: 0.0}
        return {self.id or "": LABELS[self.label] if self.label is not None else self.score or 0.0}


class FeedbackError(ValueError):
    """What was sent is not feedback; the text says why and quotes nothing of it."""


def parse(body: bytes) -> tuple[list[Feedback], bool]:
    """The pieces of a JSON body, and whether it was a batch (an array). Raises FeedbackError."""
    if len(body) > MAX_BYTES:
        raise FeedbackError(f"the body is larger than {MAX_BYTES} bytes")
    batch = body.lstrip()[:1] == b"["
    try:
        pieces = msgspec.json.decode(body, type=list[Feedback]) if batch else [msgspec.json.decode(body, type=Feedback)]
    except (msgspec.DecodeError, msgspec.ValidationError, ValueError, RecursionError) as error:
        raise FeedbackError(f"not feedback: {error}") from None
    if not 0 < len(pieces) <= MAX_BATCH:
        raise FeedbackError(f"a batch holds 1 to {MAX_BATCH} pieces")
    return pieces, batch
