"""Run: the benchmarks behind `router-extproc bench`."""

from __future__ import annotations

import itertools
import json
import os
import statistics
import time
from typing import TYPE_CHECKING, Any

import uvloop
from rich.table import Table

from router_extproc.bench.load import Measured, measure, request_bytes
from router_extproc.bench.process_facts import reset_peak, resident_mb
from router_extproc.bench.setups import POLICY, SETUPS, start_setups
from router_extproc.bench.staging import staged
from router_extproc.bench.timing import timed, warm
from router_extproc.config.loader import load
from router_extproc.config.offline import parsed
from router_extproc.pools import PoolStats
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console

    from router_extproc.bench.setups import Setup

_FAILED = 1
_ROUTES = 20_000
_SOAK = (10_000, 100_000)
_GROWTH = 0.05
_SENTENCE = "Tell me how the lighthouse keepers of the northern coast spent the long winter nights, and what they read. "


def chat_body(size: int) -> bytes:
    """A chat body of that many bytes."""
    frame = '{"model":"auto","messages":[{"role":"system","content":"You are a helpful guide."},{"role":"user","content":""}]}'
    text = (_SENTENCE * (size // len(_SENTENCE) + 1))[: max(0, size - len(frame))]
    return frame.replace('content":""', f'content":"{text}"').encode()


def padded_body(size: int) -> bytes:
    """A chat body of that many bytes with few words: one of nothing but words would be longer than any model's context."""
    frame = chat_body(1024)[:-1] + b',"prompt_cache_key":""}'
    return frame[:-2] + b"x" * (size - len(frame)) + frame[-2:]


def run_bench(
    *, as_json: bool, connections: Sequence[int], duration: float, rounds: int, console: Console, progress: Console
) -> int:
    """Requests per second, latency and CPU for each set-up, the set-ups taking turns; medians over the rounds."""
    cells: dict[tuple[str, int], list[tuple[Measured, float]]] = {}

    def work(setups: Sequence[Setup], tick: Callable[[], None]) -> None:
        body = chat_body(1024)
        for _ in range(rounds):
            for level in connections:
                for setup in setups:
                    cells.setdefault((setup.name, level), []).append(_timed(setup, body, level, duration))
                    tick()

    code = _with_setups(work, rounds * len(connections) * len(SETUPS), progress)
    if code:
        return code
    result: dict[str, Any] = {
        "runs": [
            _cell(*key, runs) for key, runs in sorted(cells.items(), key=lambda item: (item[0][1], SETUPS.index(item[0][0])))
        ]
    }
    result |= {"route_us_median": route_us(), "cores": os.cpu_count()}
    failures = sum(run.failures for runs in cells.values() for run, _ in runs)
    if as_json:
        console.print(json.dumps({**result, "failures": failures}), soft_wrap=True)
    else:
        _table(result, console)
    return _FAILED if failures else 0


def _timed(setup: Setup, body: bytes, connections: int, duration: float) -> tuple[Measured, float]:
    """One measurement, and the server's CPU microseconds for each request."""
    requests = itertools.repeat(request_bytes(body, headers=setup.headers))
    warm(setup, requests, connections, duration)
    measured, used = timed(setup, requests, connections, duration)
    return measured, used * 1e6 / max(1, len(measured.latencies_ms))


def _cell(setup: str, connections: int, runs: Sequence[tuple[Measured, float]]) -> dict[str, Any]:
    def middle(values: Iterator[float]) -> float:
        return statistics.median(values)

    return {
        "setup": setup,
        "connections": connections,
        "requests_per_second": round(middle(run.per_second for run, _ in runs), 1),
        "p50_ms": round(middle(run.percentile(0.5) for run, _ in runs), 3),
        "p99_ms": round(middle(run.percentile(0.99) for run, _ in runs), 3),
        "server_cpu_us_per_request": round(middle(cpu for _, cpu in runs), 1),
    }


def route_us() -> float:
    """Median time of Router.route for the benchmark's request and policy, microseconds, in this process alone."""
    router = load(POLICY, services=SignalServices(), stats=PoolStats()).router
    request = parsed(router, path="/v1/chat/completions", headers={}, body=chat_body(1024))
    times: list[float] = []
    for _ in range(_ROUTES):
        began = time.perf_counter()
        router.route(request)
        times.append(time.perf_counter() - began)
    return round(statistics.median(times) * 1e6, 1)


def _table(result: dict[str, Any], console: Console) -> None:
    table = Table(
        "connections", "set-up", "requests/s", "of floor", "p50 ms", "p99 ms", "added p50", "added p99", "CPU us", box=None
    )
    for row in result["runs"]:
        base = {each["setup"]: each for each in result["runs"] if each["connections"] == row["connections"]}
        table.add_row(
            str(row["connections"]),
            row["setup"],
            f"{row['requests_per_second']:.0f}",
            f"{row['requests_per_second'] / base['floor']['requests_per_second']:.2f}",
            f"{row['p50_ms']:.2f}",
            f"{row['p99_ms']:.2f}",
            f"{row['p50_ms'] - base['none']['p50_ms']:+.2f}",
            f"{row['p99_ms'] - base['none']['p99_ms']:+.2f}",
            f"{row['server_cpu_us_per_request']:.0f}" if row["setup"] != "none" else "-",
        )
    console.print(table)
    console.print(
        f"Router.route: {result['route_us_median']} us in the median; {result['cores']} cores for load, Envoy and server."
    )


def run_bodies(*, as_json: bool, console: Console, progress: Console, rounds: int = 15) -> int:
    """Added latency and peak memory of the server with large bodies, four at a time."""
    rows: list[dict[str, Any]] = []

    def work(setups: Sequence[Setup], tick: Callable[[], None]) -> None:
        for megabytes in (1, 10):
            body = padded_body(megabytes * 1024 * 1024 - 1024)
            for setup in setups:
                rows.append({"megabytes": megabytes, **_large(setup, body, rounds)})
                tick()

    code = _with_setups(work, 2 * len(SETUPS), progress)
    if code:
        return code
    failed = _FAILED if any(row["failures"] for row in rows) else 0
    if as_json:
        console.print(json.dumps({"bodies": rows, "cores": os.cpu_count()}), soft_wrap=True)
        return failed
    table = Table("MB", "set-up", "p50 ms", "added p50", "peak MB of the server at 4 connections", box=None)
    for row in rows:
        base = next(each for each in rows if each["megabytes"] == row["megabytes"] and each["setup"] == "none")
        peak = "-" if row["peak_mb"] is None else f"{row['peak_mb']:.0f}"
        table.add_row(str(row["megabytes"]), row["setup"], f"{row['p50_ms']:.1f}", f"{row['p50_ms'] - base['p50_ms']:+.1f}", peak)
    console.print(table)
    return failed


def _large(setup: Setup, body: bytes, rounds: int) -> dict[str, Any]:
    requests = itertools.repeat(request_bytes(body, headers=setup.headers))
    pid = setup.server.process.pid if setup.server else None
    one = uvloop.run(measure(setup.port, requests, connections=1, seconds=60, limit=rounds))
    if pid:
        reset_peak(pid)
    four = uvloop.run(measure(setup.port, requests, connections=4, seconds=60, limit=rounds))
    peak = round(resident_mb(pid, peak=True), 1) if pid else None
    failures = one.failures + four.failures
    return {"setup": setup.name, "p50_ms": round(one.percentile(0.5), 2), "failures": failures, "peak_mb": peak}


def run_soak(*, as_json: bool, console: Console, progress: Console) -> int:
    """Memory of the router after 10,000 and after 100,000 requests of varied size; 1 if it grew by more than 5 %."""
    found: dict[int, float] = {}

    def work(setups: Sequence[Setup], tick: Callable[[], None]) -> None:
        router = next(setup for setup in setups if setup.name == "router")
        sizes = (300, 1024, 4096, 20_000)
        sent = 0
        while sent < _SOAK[-1]:
            body = chat_body(sizes[(sent // 1000) % len(sizes)])
            requests = itertools.repeat(request_bytes(body))
            uvloop.run(measure(router.port, requests, connections=10, seconds=120, limit=100))
            sent += 1000
            tick()
            if sent in _SOAK and router.server is not None:
                found[sent] = resident_mb(router.server.process.pid)

    code = _with_setups(work, _SOAK[-1] // 1000, progress)
    if code:
        return code
    growth = found[_SOAK[1]] / found[_SOAK[0]] - 1
    told = {
        "rss_mb_after_10000": round(found[_SOAK[0]], 1),
        "rss_mb_after_100000": round(found[_SOAK[1]], 1),
        "growth": round(growth, 4),
    }
    console.print(
        json.dumps(told)
        if as_json
        else f"Memory: {told['rss_mb_after_10000']} MB, then {told['rss_mb_after_100000']} MB ({growth:+.1%})"
    )
    return _FAILED if growth > _GROWTH else 0


def _with_setups(work: Callable[[Sequence[Setup], Callable[[], None]], None], steps: int, console: Console) -> int:
    return staged(lambda processes, directory: start_setups(processes, directory)[0], work, steps=steps, console=console)
