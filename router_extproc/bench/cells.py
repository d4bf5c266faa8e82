"""Cells: what was measured of each set-up, prompt size and number of connections, and the figures that follow."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from router_extproc.bench.counters import Asked
from router_extproc.bench.load import Measured

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

GAINS = {"micro_batching": ("neural", "unbatched"), "lazy_evaluation": ("lazy", "eager")}
"""What is on in the first set-up and off in the second."""


@dataclass(frozen=True, slots=True)
class Key:
    """Which cell."""

    setup: str
    tokens: int
    connections: int


@dataclass(slots=True)
class Cell:
    """The rounds of one cell, together."""

    measured: Measured = field(default_factory=Measured)
    cpu_s: float = 0.0
    """Of the server."""
    asked: Asked = field(default_factory=Asked)

    def add(self, measured: Measured, cpu_s: float, asked: Asked) -> None:
        """Add a round."""
        self.measured.seconds += measured.seconds
        self.measured.latencies_ms += measured.latencies_ms
        self.measured.failures += measured.failures
        self.cpu_s += cpu_s
        self.asked = self.asked.plus(asked)


def rows(cells: Mapping[Key, Cell]) -> list[dict[str, Any]]:
    """The figures of each cell, and what it adds to the same load without ext_proc."""
    return [_row(key, cell, cells[Key("none", key.tokens, key.connections)]) for key, cell in cells.items()]


def _row(key: Key, cell: Cell, base: Cell) -> dict[str, Any]:
    measured = cell.measured
    count = max(1, len(measured.latencies_ms))
    lacking = cell.asked.unknown.total() / count
    return {
        "setup": key.setup,
        "prompt_tokens": key.tokens,
        "connections": key.connections,
        "requests": len(measured.latencies_ms),
        "requests_per_second": round(measured.per_second, 1),
        "complete_per_second": round(measured.per_second * max(0.0, 1 - lacking), 1),
        **latencies(measured),
        "added_p50_ms": round(measured.percentile(0.5) - base.measured.percentile(0.5), 3),
        "added_p99_ms": round(measured.percentile(0.99) - base.measured.percentile(0.99), 3),
        "server_cpu_us_per_request": round(cell.cpu_s * 1e6 / count, 1),
        "asked_share": round(cell.asked.total / count, 4),
        "unknown_share": round(lacking, 4),
        "unknown": {reason: number / count for reason, number in sorted(cell.asked.unknown.items())},
    }


def latencies(measured: Measured) -> dict[str, float]:
    """Mean, median and 99th percentile."""
    mean = statistics.fmean(measured.latencies_ms) if measured.latencies_ms else 0.0
    return {
        "mean_ms": round(mean, 3),
        "p50_ms": round(measured.percentile(0.5), 3),
        "p99_ms": round(measured.percentile(0.99), 3),
    }


def gains(told: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """What each mechanism brings: the set-up with it against the one without, by prompt size and connections."""
    found = {(row["setup"], row["prompt_tokens"], row["connections"]): row for row in told}
    return {name: list(_gains(found, *pair)) for name, pair in GAINS.items()}


def _gains(found: Mapping[tuple[Any, ...], Mapping[str, Any]], on: str, off: str) -> Iterator[dict[str, Any]]:
    for (setup, tokens, connections), row in found.items():
        other = found.get((off, tokens, connections))
        if setup != on or other is None:
            continue
        yield {
            "prompt_tokens": tokens,
            "connections": connections,
            "requests_per_second": _ratio(row, other, "requests_per_second"),
            "complete_per_second": _ratio(row, other, "complete_per_second"),
            "server_cpu": _ratio(row, other, "server_cpu_us_per_request"),
            **{name: round(row[name] - other[name], 3) for name in ("mean_ms", "p50_ms", "p99_ms")},
        }


def _ratio(row: Mapping[str, Any], other: Mapping[str, Any], name: str) -> float | None:
    return round(row[name] / other[name], 3) if other[name] else None
