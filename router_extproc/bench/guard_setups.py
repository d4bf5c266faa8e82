"""Guard set-ups: one Envoy, a model server that says what it was told, and a router for each guard behind it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from router_extproc.bench.setups import POLICY, Setup, add_listener, quiet
from router_extproc.demo.envoy_config import EnvoyPlan, rendered
from router_extproc.demo.processes import answers, free_ports
from router_extproc.demo.stack import start_envoy, start_router

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from router_extproc.demo.processes import Processes

_MASK = "  - {name: private, action: {pii: {types: {EMAIL: mask, PHONE: mask, PERSON: mask}}}}\n"
_RESTORE = _MASK.replace(": mask", ": restore")
# Of every text, so that the user's is one of them; and it never goes, whatever the weights say of it.
_STRIP = "  - {name: clean, action: {strip: {texts: [user, tool_results], atLeast: 1}}}\n"
_RESPONSE = "  - {name: look, action: {response: {pii: {API_KEY: block, EMAIL: mask, PHONE: tag}}}}\n"
# It asks for the signal and never holds, whatever the weights say: a condition and its opposite.
_SIGNAL = (
    "  - name: never\n"
    "    when: {all: [{signal: pii, in: [PERSON]}, {not: {signal: pii, in: [PERSON]}}]}\n"
    "    action: {reject: {status: 403}}\n"
)
GUARDS: Mapping[str, str] = {
    "rules": "",
    "observe": "",
    "signal": _SIGNAL,
    "mask": _MASK,
    "restore": _RESTORE,
    "strip": _STRIP,
    "response": _RESPONSE,
    "all": _RESTORE + _STRIP + _RESPONSE,
}
"""What stands before the benchmark's rules, by set-up."""
FLOWS = ("none", *GUARDS)
BASE = "rules"
"""The set-up without guards that the others are told against."""
_TOP = "limits: {deadlineMs: 5000}\n"
"""More than a queue of this benchmark's length takes: a guard that does not know refuses."""
_OBSERVE = "record: {observe: true}\n"
_TIMEOUT_S = 6.0
_PORTS = 3
"""Of each router: Envoy's listener, the router's own, its admin port."""


@dataclass(frozen=True, slots=True)
class GuardStage:
    """All that runs."""

    setups: tuple[Setup, ...]

    def setup(self, name: str) -> Setup:
        """One of FLOWS."""
        return next(setup for setup in self.setups if setup.name == name)


def policy_text(name: str) -> str:
    """The policy of a set-up: the benchmark's rules, and its guard before them."""
    top = _TOP + (_OBSERVE if name == "observe" else "")
    return top + POLICY.read_text().replace("decisions:\n", "decisions:\n" + GUARDS[name])


def start_guards(processes: Processes, directory: Path, models: Path | None) -> GuardStage:
    """Start everything. Raises StartError."""
    # All at once: two calls may give the same port.
    direct, admin, upstream, *ports = free_ports(3 + _PORTS * len(GUARDS))
    places = dict(zip(GUARDS, zip(*[iter(ports)] * _PORTS, strict=True), strict=True))
    plan = EnvoyPlan(
        places[BASE][0],
        admin,
        places[BASE][1],
        dict.fromkeys(("small", "large", "code"), upstream),
        direct=direct,
        message_timeout_s=_TIMEOUT_S,
    )
    model = processes.start("upstream", [sys.executable, "-m", "router_extproc.bench.upstream", str(upstream)])
    processes.wait(model, lambda: answers(f"http://127.0.0.1:{upstream}/"))
    more = ("--decision-log", "off", *(("--models", str(models)) if models else ()))
    setups = [Setup("none", direct, None)]
    config = json.loads(rendered(plan))
    quiet(config)
    for name, (port, server, router_admin) in places.items():
        path = directory / f"{name}.yaml"
        path.write_text(policy_text(name))
        setups.append(Setup(name, port, start_router(processes, replace(plan, router=server), router_admin, path, more)))
        if name != BASE:
            add_listener(config, name, port=port, server=server)
    start_envoy(processes, plan, directory, configuration=json.dumps(config))
    return GuardStage(tuple(setups))
