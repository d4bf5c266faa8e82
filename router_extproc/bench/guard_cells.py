"""Guard cells: the rounds of each set-up, and the figures that follow: medians, and what a guard adds within the same round."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any, NamedTuple

from router_extproc.bench.guard_setups import BASE
from router_extproc.bench.load import ranked_share

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from router_extproc.bench.load import Measured
    from router_extproc.bench.streams import Cadence

Round = dict[str, float]
"""One round's figures by name."""
_P50, _P99 = 0.5, 0.99
LATE = 2
"""Intervals after which an event is late."""


class RequestKey(NamedTuple):
    """Which cell of the request side."""

    setup: str
    prompt_tokens: int
    connections: int


def request_round(measured: Measured, cpu_s: float) -> Round:
    """The figures of one measurement."""
    count = max(1, len(measured.latencies_ms))
    return {
        "requests_per_second": measured.per_second,
        "p50_ms": measured.percentile(_P50),
        "p99_ms": measured.percentile(_P99),
        "server_cpu_us_per_request": cpu_s * 1e6 / count,
    }


def stream_round(cadence: Cadence, cpu_s: float, interval_ms: float) -> Round:
    """The figures of streams that ran at once."""
    gaps = cadence.gaps
    return {
        "gap_p50_ms": ranked_share(gaps, _P50),
        "gap_p99_ms": ranked_share(gaps, _P99),
        "gap_max_ms": max(gaps, default=0.0),
        "late_share": sum(gap > LATE * interval_ms for gap in gaps) / max(1, len(gaps)),
        "event_delay_p50_ms": ranked_share(cadence.delays, _P50),
        "event_delay_p99_ms": ranked_share(cadence.delays, _P99),
        "first_event_p50_ms": ranked_share(cadence.first_events, _P50),
        "first_event_p99_ms": ranked_share(cadence.first_events, _P99),
        "held_back_p50_ms": ranked_share(cadence.held, _P50),
        "server_cpu_us_per_event": cpu_s * 1e6 / cadence.steady_events if cadence.steady_events else 0.0,
    }


REQUEST_ADDED = ("p50_ms", "p99_ms", "server_cpu_us_per_request")
STREAM_ADDED = ("event_delay_p50_ms", "event_delay_p99_ms", "server_cpu_us_per_event")


def request_rows(rounds: Mapping[RequestKey, Sequence[Round]], base: str = BASE) -> Iterator[dict[str, Any]]:
    """Each cell against the one of the set-up `base`."""
    for key, own in rounds.items():
        yield {**key._asdict(), **figures(own, rounds[key._replace(setup=base)], REQUEST_ADDED)}


def stream_rows(rounds: Mapping[str, Sequence[Round]]) -> Iterator[dict[str, Any]]:
    """The same for streams."""
    for name, own in rounds.items():
        worst = max((each["gap_max_ms"] for each in own), default=0.0)
        yield {"setup": name, **figures(own, rounds[BASE], STREAM_ADDED), "gap_max_ms": round(worst, 3)}


def figures(own: Sequence[Round], base: Sequence[Round], added: Sequence[str]) -> dict[str, float]:
    """Medians over the rounds, and of the difference within each round, so that a drift of the machine is in neither."""
    told = {name: _median([each[name] for each in own]) for name in (own[0] if own else ())}
    for name in added:
        told[f"added_{name}"] = _median([each[name] - other[name] for each, other in zip(own, base, strict=True)])
    return told


def _median(values: Sequence[float]) -> float:
    return round(statistics.median(values), 4) if values else 0.0
