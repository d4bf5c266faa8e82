"""`bench`: the router through the real Envoy, beside a floor; or the model alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from router_extproc.cli.console import err, fail, out
from router_extproc.cli.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_DURATION_S, _SHORT_DURATION_S = 4.0, 1.0
"""The second for those with many set-ups."""
_LEVELS, _GUARD_LEVELS = (1, 16, 64), (1, 16)
_ROUNDS = 3
_LOAD = ("connections", "duration", "rounds")
TAKES: Mapping[str, Sequence[str]] = {
    "": _LOAD,
    "bodies": (),
    "soak": (),
    "encoder": ("duration", "rounds", "models"),
    "neural": (*_LOAD, "models"),
    "guards": (*_LOAD, "models"),
    "selectors": (*_LOAD, "models"),
    "sessions": ("duration", "rounds"),
}
"""The options that each benchmark takes; others are refused, for they would do nothing."""


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """What `bench` can be told."""

    what: Sequence[str]
    """Names of the benchmarks that were asked for; none: the router beside a floor."""
    as_json: bool
    connections: Sequence[int]
    """Empty: the benchmark's own."""
    duration: float | None
    """As above."""
    rounds: int | None
    """As above."""
    models: Path | None

    @property
    def told(self) -> list[str]:
        """Names of the options that were given."""
        return [name for name in (*_LOAD, "models") if getattr(self, name)]

    @property
    def turns(self) -> int:
        """Times that all set-ups take their turn."""
        return self.rounds or _ROUNDS


def run(options: BenchOptions) -> Exit:
    """Run the asked-for benchmark; progress goes to stderr, results to stdout."""
    if len(options.what) > 1:
        fail(Exit.USAGE, f"one at a time: {' and '.join(f'--{name}' for name in options.what)} do not go together")
    what = options.what[0] if options.what else ""
    for name in options.told:
        if name not in TAKES[what]:
            fail(Exit.USAGE, _refusal(name, what))
    if what == "encoder":
        return _encoder(options)
    if what == "neural":
        return _neural(options)
    if what == "guards":
        return _guards(options)
    if what == "selectors":
        return _selectors(options)
    if what == "sessions":
        return _sessions(options)
    return _plain(what, options)


def _refusal(option: str, what: str) -> str:
    """Which benchmarks an option goes with; one that the plain benchmark takes is told by what does not take it."""
    if option not in TAKES[""]:
        *rest, last = (f"--{name}" for name, taken in TAKES.items() if option in taken)
        return f"--{option} goes with {', '.join(rest)} or {last}"
    return f"--{option} does not go with --{what}"


def _plain(what: str, options: BenchOptions) -> Exit:
    from router_extproc.bench.run import run_bench, run_bodies, run_soak  # noqa: PLC0415 - needs the demo extra

    if what == "soak":
        return Exit(run_soak(as_json=options.as_json, console=out, progress=err))
    if what == "bodies":
        return Exit(run_bodies(as_json=options.as_json, console=out, progress=err))
    return Exit(
        run_bench(
            as_json=options.as_json,
            connections=options.connections or _LEVELS,
            duration=options.duration or _DURATION_S,
            rounds=options.turns,
            console=out,
            progress=err,
        )
    )


def _encoder(options: BenchOptions) -> Exit:
    from router_extproc.bench.encoder import Effort, run_encoder, timed  # noqa: PLC0415 - loads the inference runtime

    seconds = (options.duration or _DURATION_S) * options.turns
    effort = timed(seconds) if options.duration or options.rounds else Effort(seconds)
    return Exit(run_encoder(as_json=options.as_json, models=options.models, effort=effort, console=out, progress=err))


def _neural(options: BenchOptions) -> Exit:
    from router_extproc.bench.neural import NeuralBench, run_neural  # noqa: PLC0415 - needs the demo extra

    bench = NeuralBench(
        connections=options.connections or _LEVELS, duration=options.duration or _SHORT_DURATION_S, rounds=options.turns
    )
    return Exit(run_neural(bench=bench, as_json=options.as_json, models=options.models, console=out, progress=err))


def _guards(options: BenchOptions) -> Exit:
    from router_extproc.bench.guards import GuardBench, run_guards  # noqa: PLC0415 - needs the demo extra

    bench = GuardBench(
        connections=options.connections or _GUARD_LEVELS, duration=options.duration or _SHORT_DURATION_S, rounds=options.turns
    )
    return Exit(run_guards(bench=bench, as_json=options.as_json, models=options.models, console=out, progress=err))


def _selectors(options: BenchOptions) -> Exit:
    from router_extproc.bench.selectors import SelectorBench, run_selectors  # noqa: PLC0415 - needs the demo extra

    bench = SelectorBench(
        connections=options.connections or _GUARD_LEVELS, duration=options.duration or _SHORT_DURATION_S, rounds=options.turns
    )
    return Exit(run_selectors(bench=bench, as_json=options.as_json, models=options.models, console=out, progress=err))


def _sessions(options: BenchOptions) -> Exit:
    from router_extproc.bench.session_costs import run_session_costs  # noqa: PLC0415 - only here

    # A round takes a tenth of a second.
    rounds = options.turns * round(10 * (options.duration or _SHORT_DURATION_S))
    return Exit(run_session_costs(rounds=max(1, rounds), as_json=options.as_json, console=out))
