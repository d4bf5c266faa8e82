"""Timing: one measurement of one way through Envoy, with what it cost the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import uvloop

from router_extproc.bench.load import measure
from router_extproc.bench.process_facts import cpu_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router_extproc.bench.load import Measured
    from router_extproc.bench.setups import Setup

_WARM_S = 1.0


def warm(setup: Setup, requests: Iterator[bytes], connections: int, duration: float) -> None:
    """Send requests that do not count."""
    uvloop.run(measure(setup.port, requests, connections=connections, seconds=min(_WARM_S, duration / 4)))


def timed(setup: Setup, requests: Iterator[bytes], connections: int, duration: float) -> tuple[Measured, float]:
    """One measurement, and the CPU seconds that the server used for it."""
    pid = setup.server.process.pid if setup.server else None
    before = cpu_seconds(pid) if pid else 0.0
    measured = uvloop.run(measure(setup.port, requests, connections=connections, seconds=duration))
    return measured, (cpu_seconds(pid) - before) if pid else 0.0
