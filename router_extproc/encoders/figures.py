"""Figures: what the models of a process did since it started, for its metrics."""

from __future__ import annotations

import threading


class Figures:
    """Counts of one model; they only rise. Safe from several threads."""

    __slots__ = ("_lock", "batches", "late", "overloads", "seconds", "texts", "turns", "windows")

    def __init__(self) -> None:
        self.texts = 0
        """Read; one that the cache knew is not."""
        self.windows = 0
        """Stretches of them."""
        self.batches = 0
        """Runs of several texts that came at once."""
        self.seconds = 0.0
        """Spent in them, by all threads."""
        self.overloads = 0
        """Texts that were refused because too many waited."""
        self.late = 0
        """Texts whose deadline passed before their turn came, or half-way, so that they were given up."""
        self.turns: dict[str, int] = {}
        """Transitions of its breaker, by the state that it went to."""
        self._lock = threading.Lock()

    def ran(self, texts: int, seconds: float) -> None:
        """Count a batch."""
        with self._lock:
            self.texts += texts
            self.batches += 1
            self.seconds += seconds

    def read(self, windows: int) -> None:
        """Count windows."""
        with self._lock:
            self.windows += windows

    def refused(self) -> None:
        """Count a text that found the queue full."""
        with self._lock:
            self.overloads += 1

    def missed(self) -> None:
        """Count a text whose deadline passed."""
        with self._lock:
            self.late += 1

    def turned(self, state: str) -> None:
        """Count a transition of the breaker."""
        with self._lock:
            self.turns[state] = self.turns.get(state, 0) + 1
