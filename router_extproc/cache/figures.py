"""Figures: what the cache did, for metrics."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class CacheFigures:
    """Counts since the start of the process."""

    stores: int = 0
    """Answers that were kept."""
    unkept: dict[str, int] = field(default_factory=dict)
    """Answers that were not, by why."""
    evictions: int = 0
    """Answers that made place for others before their time."""
    refusals: dict[str, int] = field(default_factory=dict)
    """Near questions that the verification told apart, by what differed."""
    failures: dict[str, int] = field(default_factory=dict)
    """Calls of the shared store without an answer, by reason."""
    abandoned: int = 0
    """Leaders whose response broke off while others may have waited."""

    def count(self, counts: dict[str, int], name: str) -> None:
        """One more of that name."""
        counts[name] = counts.get(name, 0) + 1
