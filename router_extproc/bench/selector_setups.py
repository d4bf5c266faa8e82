"""Selector set-ups: one Envoy, and routers that choose without a model, with one neural signal, and by a quality model."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from router_extproc.bench.selector_costs import outcomes
from router_extproc.bench.setups import Setup, add_listener, add_upstream, quiet
from router_extproc.demo.envoy_config import EnvoyPlan, rendered
from router_extproc.demo.processes import free_ports
from router_extproc.demo.stack import start_envoy, start_router
from router_extproc.encoders.bundle import embedder
from router_extproc.encoders.models import Models
from router_extproc.quality.artifact import packed
from router_extproc.quality.training import held_out, train

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from router_extproc.demo.processes import Processes

_POOLS = """\
version: 1
pools:
  small: {cluster: pool-small, model: model-0, price: {input: 0.2, output: 0.4}}
  large: {cluster: pool-large, model: model-1, price: {input: 2, output: 6}}
"""
POLICIES: Mapping[str, str] = {
    "first": _POOLS + "default: {candidates: [small, large], select: first}\n",
    "difficulty": _POOLS
    + "default: small\nsignals: {hard: {type: difficulty}}\n"
    + "decisions: [{name: hard, when: {signal: hard, atLeast: 0.5}, route: large}]\n",
    "quality": _POOLS + "default: {candidates: [small, large], select: {type: cheapest-sufficient, quality: bench.quality}}\n",
}
"""By set-up."""
NOTES = {
    "none": "no ext_proc",
    "first": "the first candidate; no model",
    "difficulty": "a rule that asks for the difficulty signal",
    "quality": "cheapest-sufficient by a quality model of the default method",
}
FLOWS = ("none", *POLICIES)
METHOD = "blend"
_PORTS = 3


@dataclass(frozen=True, slots=True)
class SelectorStage:
    """All that runs."""

    setups: tuple[Setup, ...]

    def setup(self, name: str) -> Setup:
        """One of FLOWS."""
        return next(setup for setup in self.setups if setup.name == name)


def start_selectors(processes: Processes, directory: Path, models: Path | None) -> SelectorStage:
    """Start everything. Raises StartError, or BundleError."""
    direct, admin, upstream, *ports = free_ports(3 + _PORTS * len(POLICIES))
    places = dict(zip(POLICIES, zip(*[iter(ports)] * _PORTS, strict=True), strict=True))
    listener, server, _ = places["first"]
    plan = EnvoyPlan(listener, admin, server, dict.fromkeys(("small", "large"), upstream), direct=direct)
    manifest = Models(folder=models).encoder().bundle.manifest
    fit, held = held_out(outcomes(1000, 2))
    (directory / "bench.quality").write_bytes(packed(train(METHOD, fit, held), embedder(manifest), {}))
    more = ("--decision-log", "off", *(("--models", str(models)) if models else ()))
    setups = [Setup("none", direct, None)]
    config = json.loads(rendered(plan))
    quiet(config)
    add_upstream(config, upstream)
    for name, (port, server, router_admin) in places.items():
        path = directory / f"{name}.yaml"
        path.write_text(POLICIES[name])
        setups.append(Setup(name, port, start_router(processes, replace(plan, router=server), router_admin, path, more)))
        if name != "first":
            add_listener(config, name, port=port, server=server)
    start_envoy(processes, plan, directory, configuration=json.dumps(config))
    return SelectorStage(tuple(setups))
