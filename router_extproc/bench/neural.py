"""Neural: what the neural signals cost end to end, through the real Envoy; every prompt another, so that no cache helps."""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
from typing import TYPE_CHECKING, Any

import uvloop

from router_extproc.bench.cells import Cell, Key, gains, latencies, rows
from router_extproc.bench.counters import asked
from router_extproc.bench.load import measure, request_bytes
from router_extproc.bench.machine import machine
from router_extproc.bench.neural_report import show
from router_extproc.bench.neural_setups import FLOWS, chat, start_stage
from router_extproc.bench.process_facts import resident_mb
from router_extproc.bench.staging import staged
from router_extproc.bench.timing import timed, warm
from router_extproc.bench.words import easy_prompts, prompts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from rich.console import Console

    from router_extproc.bench.load import Measured
    from router_extproc.bench.neural_setups import ColdStart, Flow, Stage

SIZES = (64, 500)
"""Tokens of the prompts."""
_SATURATING = 16
"""Connections that keep the encoder busy while easy requests are measured."""
_FAILED = 1

NOTES = {
    "none": "no ext_proc",
    "heuristic": "20 rules over 8 signals, none of them neural",
    "neural": "every request asks for domain, jailbreak, pii and difficulty, in micro-batches",
    "unbatched": "the same with --encoder-batch 1",
    "eager": "half of the prompts are easy, and the first rule, which never matches, asks for all four signals",
    "lazy": "the same prompts and rules, but the rule that decides the easy half comes first",
}


class NeuralBench:
    """Measurements of one run."""

    def __init__(self, *, connections: Sequence[int], duration: float, rounds: int, sizes: Sequence[int] = SIZES) -> None:
        self._connections = connections
        self._duration = duration
        self._rounds = rounds
        self._sizes = sizes
        self._numbers = itertools.count(1)
        """Of prompts: none is sent twice."""
        self.cells: dict[Key, Cell] = {
            Key(name, tokens, level): Cell() for tokens in sizes for level in connections for name in FLOWS
        }
        self.mixed: list[dict[str, Any]] = []
        self.failures = 0
        self.cold_starts: tuple[ColdStart, ...] = ()
        self.memory: dict[str, dict[str, float]] = {}

    @property
    def steps(self) -> int:
        """Measurements to come."""
        return len(self.cells) * self._rounds + len(self._sizes)

    def work(self, stage: Stage, tick: Callable[[], None]) -> None:
        """Measure everything; the set-ups take turns."""
        self.cold_starts = stage.cold_starts
        for _ in range(self._rounds):
            for key, cell in self.cells.items():
                self._measure(stage.flow(key.setup), key, cell)
                tick()
        for tokens in self._sizes:
            self.mixed.append(self._mix(stage.flow("lazy"), tokens))
            tick()
        self.failures += sum(cell.measured.failures for cell in self.cells.values())
        self.memory = {flow.name: _memory(flow) for flow in stage.flows if flow.setup.server and flow.name != "eager"}

    def _measure(self, flow: Flow, key: Key, cell: Cell) -> None:
        requests = _requests(flow.texts(self._numbers, key.tokens), flow.setup.headers)
        warm(flow.setup, requests, key.connections, self._duration)
        before = asked(flow.admin)
        measured, cpu_s = timed(flow.setup, requests, key.connections, self._duration)
        cell.add(measured, cpu_s, asked(flow.admin).since(before))

    def _mix(self, flow: Flow, tokens: int) -> dict[str, Any]:
        """Requests that need no model, over one connection: alone, and while others keep the encoder busy."""
        easy = _requests(easy_prompts(self._numbers, tokens))
        hard = _requests(prompts(self._numbers, tokens))
        seconds = self._duration * self._rounds
        port = flow.setup.port
        alone = uvloop.run(measure(port, easy, connections=1, seconds=seconds))
        busy, others = uvloop.run(_together(port, easy, hard, seconds))
        self.failures += alone.failures + busy.failures + others.failures
        return {
            "prompt_tokens": tokens,
            "alone": latencies(alone),
            "saturated": latencies(busy),
            "others": {
                "connections": _SATURATING,
                "requests_per_second": round(others.per_second, 1),
                **latencies(others),
            },
        }

    def report(self) -> dict[str, Any]:
        """All figures."""
        told = rows(self.cells)
        return {
            "setups": NOTES,
            "runs": told,
            "gains": gains(told),
            "heuristic_requests": self.mixed,
            "cold_start_s": cold_start_figures(self.cold_starts),
            "memory_mb": self.memory,
            "failures": self.failures,
            **machine(),
        }


def cold_start_figures(starts: Sequence[ColdStart]) -> dict[str, Any]:
    """Medians and worst of several starts."""
    if not starts:
        return {"starts": 0}
    ready, routed = [each.ready for each in starts], [each.routed for each in starts]
    return {
        "ready": round(statistics.median(ready), 3),
        "ready_worst": round(max(ready), 3),
        "first_request": round(statistics.median(routed), 3),
        "first_request_worst": round(max(routed), 3),
        "starts": len(starts),
    }


def _memory(flow: Flow) -> dict[str, float]:
    """What the router holds after all load, and held at most."""
    pid = flow.setup.server.process.pid if flow.setup.server else 0
    return {"rss": round(resident_mb(pid), 1), "peak": round(resident_mb(pid, peak=True), 1)}


def _requests(texts: Iterator[str], headers: str = "") -> Iterator[bytes]:
    return (request_bytes(chat(text), headers=headers) for text in texts)


async def _together(port: int, easy: Iterator[bytes], hard: Iterator[bytes], seconds: float) -> tuple[Measured, Measured]:
    """Both loads at once."""
    return await asyncio.gather(
        measure(port, easy, connections=1, seconds=seconds),
        measure(port, hard, connections=_SATURATING, seconds=seconds),
    )


def run_neural(*, bench: NeuralBench, as_json: bool, models: Path | None, console: Console, progress: Console) -> int:
    """Measure and report; 1 if a request failed, 4 if something could not be started."""
    code = staged(
        lambda processes, directory: start_stage(processes, directory, models), bench.work, steps=bench.steps, console=progress
    )
    if code:
        return code
    result = bench.report()
    if as_json:
        console.print(json.dumps(result), soft_wrap=True)
    else:
        show(result, console)
    return _FAILED if result["failures"] else 0
