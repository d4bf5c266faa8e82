"""Selectors: what each selector costs, alone and through the real Envoy, on against off."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

from rich.table import Table

from router_extproc.bench.guard_cells import RequestKey, request_round, request_rows
from router_extproc.bench.load import request_bytes
from router_extproc.bench.machine import machine
from router_extproc.bench.neural_setups import chat
from router_extproc.bench.selector_costs import ALL, COUNTS, ROWS, selector_costs, steps, told
from router_extproc.bench.selector_setups import FLOWS, NOTES, start_selectors
from router_extproc.bench.staging import staged
from router_extproc.bench.timing import timed, warm
from router_extproc.bench.words import prompts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from rich.console import Console

    from router_extproc.bench.guard_cells import Round
    from router_extproc.bench.selector_setups import SelectorStage

TOKENS = 64
_TURNS = 2000
"""Choices of a round, for each second of a measurement's duration."""
_FEWEST = 50
_FAILED = 1


class SelectorBench:
    """Measurements of one run."""

    def __init__(
        self, *, connections: Sequence[int], duration: float, rounds: int, methods: Sequence[str] = ALL, rows: int = ROWS
    ) -> None:
        self._duration = duration
        self._rounds = rounds
        self._methods = methods
        self._rows = rows
        self._numbers = itertools.count(1)
        """Of prompts: none is sent twice."""
        self.requests: dict[RequestKey, list[Round]] = {
            RequestKey(name, TOKENS, level): [] for level in connections for name in FLOWS
        }
        self.costs: list[dict[str, Any]] = []
        self.failures = 0

    @property
    def steps(self) -> int:
        """Measurements to come."""
        return len(self.requests) * self._rounds + steps(self._methods)

    def work(self, stage: SelectorStage, tick: Callable[[], None]) -> None:
        """Measure everything; the set-ups take turns."""
        for _ in range(self._rounds):
            for key, rounds in self.requests.items():
                setup = stage.setup(key.setup)
                requests = (request_bytes(chat(text), headers=setup.headers) for text in prompts(self._numbers, TOKENS))
                warm(setup, requests, key.connections, self._duration)
                measured, cpu_s = timed(setup, requests, key.connections, self._duration)
                self.failures += measured.failures
                rounds.append(request_round(measured, cpu_s))
                tick()
        turns = max(_FEWEST, round(_TURNS * self._duration))
        self.costs = [told(cost) for cost in selector_costs(self._rounds, turns, tick, methods=self._methods, rows=self._rows)]

    def report(self) -> dict[str, Any]:
        """All figures."""
        return {
            "setups": NOTES,
            "requests": list(request_rows(self.requests, "first")),
            "selectors": self.costs,
            "outcomes": self._rows,
            "rounds": self._rounds,
            "failures": self.failures,
            **machine(),
        }


def run_selectors(*, bench: SelectorBench, as_json: bool, models: Path | None, console: Console, progress: Console) -> int:
    """Measure and report; 1 if a request failed, 4 if something could not be started."""
    code = staged(
        lambda processes, directory: start_selectors(processes, directory, models),
        bench.work,
        steps=bench.steps,
        console=progress,
    )
    if code:
        return code
    result = bench.report()
    if as_json:
        console.print(json.dumps(result), soft_wrap=True)
    else:
        show(result, console)
    return _FAILED if result["failures"] else 0


def show(result: dict[str, Any], console: Console) -> None:
    """Print everything for people."""
    table = Table("connections", "set-up", "requests/s", "p50 ms", "p99 ms", "added p50", "CPU us", box=None)
    for row in result["requests"]:
        table.add_row(
            str(row["connections"]),
            row["setup"],
            f"{row['requests_per_second']:.0f}",
            f"{row['p50_ms']:.2f}",
            f"{row['p99_ms']:.2f}",
            f"{row['added_p50_ms']:+.2f}",
            f"{row['server_cpu_us_per_request']:.0f}",
        )
    console.print(f"Prompts of {TOKENS} tokens; added to the set-up `first`:")
    console.print(table)
    for name, note in result["setups"].items():
        console.print(f"  {name}: {note}", soft_wrap=True)
    costs = Table("selector", *(f"{count} candidates" for count in COUNTS), "KiB", box=None)
    for row in result["selectors"]:
        costs.add_row(row["selector"], *(f"{row['micros'][str(count)]:.0f}" for count in COUNTS), f"{row['kilobytes']:.0f}")
    console.print(
        f"\nMicroseconds of one choice, in one thread; quality models of {result['outcomes']} outcomes:", soft_wrap=True
    )
    console.print(costs)
