"""Learning metrics: what feedback came, and what waits for some."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.registry import Collector

from router_extproc.observability.tally import counter, gauge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

    from router_extproc.learning.experience import Experience

_NAME = "router_extproc_learning_"


class LearningCollector(Collector):
    """The figures of one process's experience."""

    def __init__(self, experience: Experience) -> None:
        self._experience = experience

    def collect(self) -> Iterator[Metric]:
        """Everything, as Prometheus wants it."""
        figures = self._experience.figures
        # Copies: a scrape may run while the loop counts.
        feedback: dict[tuple[str, ...], float] = {key: float(count) for key, count in dict(figures.feedback).items()}
        text = "Feedback by kind (score, label, pair, reask, feedback, error, truncation) and by what became of it."
        yield counter(f"{_NAME}feedback", text, ("kind", "result"), feedback)
        for name, text, counts in (
            ("lost", "What could not be kept: full, late (the shared store was away for too long), file, bug.", figures.lost),
            ("store_failures", "Calls of the shared store without an answer.", figures.failures),
        ):
            yield counter(f"{_NAME}{name}", text, ("reason",), {(key,): float(count) for key, count in dict(counts).items()})
        yield counter(
            f"{_NAME}evicted", "Decisions that made room before their time for feedback was over.", (), {(): figures.evicted}
        )
        for name, text, value in (
            ("pending", "Decisions of this process that may get feedback.", figures.pending),
            ("conversations", "Conversations of this process whose last decision is remembered.", figures.conversations),
            ("waiting", "Pieces of feedback that the shared store has not been told yet.", figures.waiting),
            ("sums", "Arms in memory, by epoch.", figures.sums),
        ):
            yield gauge(f"{_NAME}{name}", text, (), {(): float(value)})
        up: dict[tuple[str, ...], float] = {(): float(figures.up)} if figures.up is not None else {}
        yield gauge(f"{_NAME}store_up", "1 if the shared store answers.", (), up)
