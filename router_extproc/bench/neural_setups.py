"""Neural set-ups: one Envoy, and routers with and without neural signals, micro-batching and lazy evaluation behind it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from router_extproc.bench.setups import POLICY, Setup, add_listener, add_upstream, quiet
from router_extproc.bench.words import half_easy_prompts, prompt, prompts
from router_extproc.demo.client import Client
from router_extproc.demo.envoy_config import EnvoyPlan, rendered
from router_extproc.demo.processes import StartError, answers, free_ports
from router_extproc.demo.stack import start_envoy, start_router

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from router_extproc.demo.processes import Child, Processes

FLOWS = ("none", "heuristic", "neural", "unbatched", "eager", "lazy")
_HERE = Path(__file__).parent
NEURAL, LAZY = _HERE / "neural.yaml", _HERE / "neural_lazy.yaml"
_POLICIES = {"neural": NEURAL, "unbatched": NEURAL, "lazy": LAZY}
_OPTIONS: dict[str, tuple[str, ...]] = {"unbatched": ("--encoder-batch", "1")}
_QUIET = ("--decision-log", "off")
_COLD_STARTS = 3
_ROUTED_S = 30.0
_LOOK_S = 0.01
_OK = 200
_FRAME = b'{"model":"auto","messages":[{"role":"user","content":"'
_TAIL = b'"}]}'


@dataclass(frozen=True, slots=True)
class Flow:
    """One set-up, and what is sent through it."""

    name: str
    setup: Setup
    texts: Callable[[Iterator[int], int], Iterator[str]] = prompts
    """Makes prompts of so many tokens, no two alike."""
    admin: int = 0
    """The router's admin port; 0: there is no router."""


@dataclass(frozen=True, slots=True)
class ColdStart:
    """Seconds from the start of the router's process."""

    ready: float
    routed: float
    """To the answer of its first request, which asks for all four signals."""


@dataclass(frozen=True, slots=True)
class Stage:
    """All that runs."""

    flows: tuple[Flow, ...]
    cold_starts: tuple[ColdStart, ...]

    def flow(self, name: str) -> Flow:
        """One of FLOWS."""
        return next(flow for flow in self.flows if flow.name == name)


def chat(text: str) -> bytes:
    """A chat body. The text needs no escapes."""
    return _FRAME + text.encode() + _TAIL


def start_stage(processes: Processes, directory: Path, models: Path | None) -> Stage:
    """Start Envoy and all routers, the neural one several times. Raises StartError."""
    listener, direct, admin, router, router_admin, upstream = free_ports(6)
    plan = EnvoyPlan(listener, admin, router, dict.fromkeys(("small", "large", "code"), upstream), direct=direct)
    heuristic = start_router(processes, plan, router_admin, POLICY, _QUIET)
    places = {name: tuple(free_ports(3)) for name in _POLICIES}
    config = json.loads(rendered(plan))
    quiet(config)
    for name, (port, server, _) in places.items():
        add_listener(config, name, port=port, server=server)
    add_upstream(config, upstream)
    envoy = start_envoy(processes, plan, directory, configuration=json.dumps(config))
    processes.wait(envoy, lambda: answers(f"http://127.0.0.1:{upstream}/"))
    more = (*_QUIET, *(("--models", str(models)) if models else ()))
    routers = _Routers(processes, plan, places, more)
    cold = routers.cold_starts("neural")
    flows = [
        Flow("none", Setup("none", direct, None)),
        Flow("heuristic", Setup("heuristic", listener, heuristic), admin=router_admin),
        *(routers.started(name) for name in _POLICIES),
    ]
    neural = next(flow for flow in flows if flow.name == "neural")
    flows.append(replace(neural, name="eager", texts=half_easy_prompts))
    return Stage(tuple(sorted(flows, key=lambda flow: FLOWS.index(flow.name))), cold)


class _Routers:
    """Starts routers at their places behind Envoy: listener, ext_proc and admin port by name."""

    def __init__(self, processes: Processes, plan: EnvoyPlan, places: dict[str, tuple[int, ...]], more: Sequence[str]) -> None:
        self._processes = processes
        self._plan = plan
        self._places = places
        self._more = more
        self._running: dict[str, Child] = {}

    def started(self, name: str) -> Flow:
        """The flow through that router, which is started if it does not run yet."""
        port, _, admin = self._places[name]
        child = self._running.get(name) or self._start(name)
        texts = half_easy_prompts if name == "lazy" else prompts
        return Flow(name, Setup(name, port, child), texts, admin)

    def cold_starts(self, name: str) -> tuple[ColdStart, ...]:
        """Start a router several times; the last one goes on."""
        return tuple(self._cold_start(name) for _ in range(_COLD_STARTS))

    def _cold_start(self, name: str) -> ColdStart:
        running = self._running.get(name)
        if running is not None:
            self._processes.end(running)
        began = time.perf_counter()
        self._start(name)
        ready = time.perf_counter() - began
        _await_route(self._places[name][0], began + _ROUTED_S)
        return ColdStart(ready, time.perf_counter() - began)

    def _start(self, name: str) -> Child:
        _, server, admin = self._places[name]
        options = (*self._more, *_OPTIONS.get(name, ()))
        child = start_router(self._processes, replace(self._plan, router=server), admin, _POLICIES[name], options)
        self._running[name] = child
        return child


def _await_route(port: int, until: float) -> None:
    """Send a request until it is routed. Raises StartError after `until`."""
    client = Client(f"http://127.0.0.1:{port}", timeout_s=5)
    try:
        while client.post("/v1/chat/completions", chat(prompt(0, 64))).status != _OK:
            if time.perf_counter() > until:
                raise StartError("the router is ready, and Envoy routes nothing through it")
            time.sleep(_LOOK_S)
    finally:
        client.close()
