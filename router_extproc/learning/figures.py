"""Figures: what learning counts, for metrics."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class LearningFigures:
    """Counted on the event loop; read by a scrape at any time."""

    feedback: dict[tuple[str, str], int] = field(default_factory=dict)
    """Pieces by kind (score, label, pair, reask, feedback, error, truncation) and by what became of them; see Applied."""
    lost: dict[str, int] = field(default_factory=dict)
    """What could not be kept, by reason: `full` (a queue), `late` (the shared store was away for too long), `file`, `bug` (a turn of
    the watch failed)."""
    failures: dict[str, int] = field(default_factory=dict)
    """Calls of the shared store without an answer, by reason."""
    pending: int = 0
    """Decisions that may get feedback, in this process."""
    evicted: int = 0
    """Decisions that made room for newer ones before their time."""
    conversations: int = 0
    """Conversations whose last decision is remembered, in this process."""
    waiting: int = 0
    """Events that the shared store has not been told yet."""
    sums: int = 0
    """Arms in memory, by epoch."""
    up: bool | None = None
    """Whether the shared store answers; None without one."""

    def count(self, kind: str, result: str) -> None:
        """Count a piece of feedback."""
        self.feedback[kind, result] = self.feedback.get((kind, result), 0) + 1

    def lose(self, reason: str) -> None:
        """Count something that could not be kept."""
        self.lost[reason] = self.lost.get(reason, 0) + 1

    def fail(self, reason: str) -> None:
        """Count a call without an answer."""
        self.failures[reason] = self.failures.get(reason, 0) + 1
