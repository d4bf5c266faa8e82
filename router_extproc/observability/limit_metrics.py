"""Limit metrics: what rate limits count, and how the shared store fares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.registry import Collector

from router_extproc.observability.tally import counter, gauge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

    from router_extproc.limits.memory import MemoryStore
    from router_extproc.limits.shared import Health

_NAME = "router_extproc_"


class LimitFigures(Collector):
    """Figures that the stores keep. `health` is None where there is no shared store."""

    def __init__(self, counts: MemoryStore, health: Health | None) -> None:
        self._counts = counts
        self._health = health

    def collect(self) -> Iterator[Metric]:
        """Everything, as Prometheus wants it."""
        yield gauge(f"{_NAME}rate_limit_keys", "Allowances that this process keeps.", (), {(): self._counts.keys})
        shared = "Charges to an allowance that newcomers share, because no more are kept."
        yield counter(f"{_NAME}rate_limit_overflow", shared, (), {(): self._counts.overflowed})
        health = self._health
        up: dict[tuple[str, ...], float] = {(): float(health.up)} if health is not None else {}
        yield gauge(f"{_NAME}state_up", "1 if the shared store answers.", (), up)
        failures: dict[tuple[str, ...], float] = {
            (reason,): float(count) for reason, count in dict(health.failures if health else {}).items()
        }
        yield counter(f"{_NAME}state_failures", "Calls of the shared store without an answer.", ("reason",), failures)
        unknown: dict[tuple[str, ...], float] = {
            key: float(count) for key, count in dict(health.unknown if health else {}).items()
        }
        yield counter(f"{_NAME}rate_limit_unknown", "Requests decided without the shared store.", ("limit", "effect"), unknown)
