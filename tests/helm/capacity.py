"""What the chart's standalone pod costs, with the chart's own settings: for docs/operations.md. `make capacity` runs it; no test does."""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop
from pod import until
from release import ENVOY, Running
from ruamel.yaml import YAML

import router_extproc
from router_extproc.bench.load import measure, request_bytes
from router_extproc.bench.machine import machine
from router_extproc.bench.neural_setups import chat
from router_extproc.bench.process_facts import cpu_seconds, resident_mb
from router_extproc.bench.words import prompt

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest
    from conftest import Helm
    from pod import Pod

POLICIES = {"keywords and structure": "policy.yaml", "four neural signals": "neural.yaml"}
"""Those of `router-extproc bench`."""
TOKENS, CONNECTIONS, ROUNDS, SECONDS = 64, 16, 3, 10.0
CONTAINERS = ("router", "envoy")


@dataclass(frozen=True, slots=True)
class Round:
    """One measurement of one pod."""

    per_second: float
    cpu_ms: tuple[float, ...]
    """Of each container, for a request."""
    memory_mb: tuple[float, ...]
    """Of each container, held at its end; MB of 10^6 bytes."""
    unknown: float
    """Signals without a value, of each request: work that was left undone and is missing above."""


def values(policy: str) -> dict[str, Any]:
    """The chart's defaults, and a policy of the benchmark's."""
    told = YAML(typ="safe").load(Path(router_extproc.__file__).parent / "bench" / policy)
    known = {name: {key: value for key, value in pool.items() if key != "cluster"} for name, pool in told.pop("pools").items()}
    del told["version"]
    return {
        "pools": {name: {"service": {"name": name, "port": 8100}, "policy": own} for name, own in known.items()},
        "policy": told,
    }


def timed(running: Running, requests: Iterator[bytes], seconds: float) -> Round:
    """Load for so long."""
    pod = running.pod
    before, unknown = _cpu(pod), _unknown(running)
    with pod.network():
        measured = uvloop.run(measure(ENVOY, requests, connections=CONNECTIONS, seconds=seconds))
    assert measured.failures == 0
    answered = len(measured.latencies_ms)
    spent = tuple((after - earlier) * 1e3 / answered for after, earlier in zip(_cpu(pod), before, strict=True))
    held = tuple(resident_mb(pod.pid(name)) for name in CONTAINERS)
    return Round(measured.per_second, spent, held, (_unknown(running) - unknown) / answered)


def _cpu(pod: Pod) -> list[float]:
    return [cpu_seconds(pod.pid(name)) for name in CONTAINERS]


def _unknown(running: Running) -> float:
    try:
        return running.metric("router_extproc_signals_unknown_total")
    except KeyError:
        return 0.0


def row(name: str, rounds: list[Round]) -> str:
    """A line of the table: medians, and the range of what a core does."""
    router, envoy = (statistics.median(each.cpu_ms[place] for each in rounds) for place in range(2))
    cores = sorted(1e3 / sum(each.cpu_ms) for each in rounds)
    held = [max(each.memory_mb[place] for each in rounds) for place in range(2)]
    return (
        f"| {name} | {router:.2f} | {envoy:.2f} | {statistics.median(cores):.0f} ({cores[0]:.0f} to {cores[-1]:.0f}) "
        f"| {statistics.median(each.per_second for each in rounds):.0f} | {held[0]:.0f} | {held[1]:.0f} "
        f"| {statistics.median(each.unknown for each in rounds):.3f} |"
    )


def test_capacity(helm: Helm, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both pods run all the time and take turns."""
    requests = (request_bytes(chat(prompt(number, TOKENS))) for number in count())
    pods = {name: Running(helm, tmp_path / policy, values(policy)) for name, policy in POLICIES.items()}
    try:
        for pod in pods.values():
            pod.serve(8100, "-m", "router_extproc.demo.model_server", "--name", "all", "--port", "8100")
            pod.pod.start()
            until(lambda pod=pod: pod.ask("hello")[0] == 200, "a routed request")  # type: ignore[misc]  # a default binds the loop's value
            timed(pod, requests, 2)
        rounds = [{name: timed(pod, requests, SECONDS) for name, pod in pods.items()} for _ in range(ROUNDS)]
    finally:
        for pod in pods.values():
            pod.pod.stop()
    lines = [
        f"\n{machine()}, {TOKENS} tokens, {CONNECTIONS} connections, {ROUNDS} rounds of {SECONDS:.0f} s\n",
        "| policy | router ms | Envoy ms | requests/s of a core (range) | requests/s here | router MB | Envoy MB | unknown |",
        "|---|---|---|---|---|---|---|---|",
        *(row(name, [each[name] for each in rounds]) for name in POLICIES),
    ]
    with capsys.disabled():
        sys.stdout.write("\n".join([*lines, ""]))
