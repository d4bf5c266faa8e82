"""`bench`: the router through the real Envoy, beside a floor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.cli.console import err, out
from router_extproc.cli.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Sequence


def run(*, as_json: bool, connections: Sequence[int], duration: float, rounds: int, bodies: bool, soak: bool) -> Exit:
    """Run the asked-for benchmark; progress goes to stderr, results to stdout."""
    from router_extproc.bench.run import run_bench, run_bodies, run_soak  # noqa: PLC0415 - needs the demo extra

    if soak:
        return Exit(run_soak(as_json=as_json, console=out, progress=err))
    if bodies:
        return Exit(run_bodies(as_json=as_json, console=out, progress=err))
    return Exit(run_bench(as_json=as_json, connections=connections, duration=duration, rounds=rounds, console=out, progress=err))
