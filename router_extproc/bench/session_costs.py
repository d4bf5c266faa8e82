"""Session costs: what sessions and fallback add to one decision, on against off, in one thread and without Envoy."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from rich.table import Table

from router_extproc.bench.machine import machine
from router_extproc.policy.load import compile_policy
from router_extproc.pools import PoolStats
from router_extproc.request import Message, Part, PartKind, Request, Role
from router_extproc.router import Router
from router_extproc.selectors.registry import SELECTORS
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

ROUTES: Mapping[str, str] = {
    "plain": "",
    "fallback": ", fallback: {}",
    "session": ", session: {}",
    "all": ", session: {escalate: {}, budget: {usd: 1000000000}}, fallback: {}",
}
"""What each route has beside its candidates and `cheapest-sufficient`."""
STEPS = 40
"""Turns of the tool loop that is measured."""
COUNTS = (2, 8)
"""Candidates."""
_TURNS = 100
"""Decisions of one measurement."""


def requests() -> dict[str, Request]:
    """A first turn, and the last one of a long tool loop with 1 KB from each tool."""
    said = Message(Role.USER, (Part(PartKind.TEXT, "Please fix the failing test of load. " * 5),))
    loop: list[Message] = []
    for number in range(STEPS):
        loop.append(Message(Role.ASSISTANT, (Part(PartKind.TOOL_CALL, f'{{"path": "{number}.py"}}', "read"),)))
        loop.append(Message(Role.TOOL, (Part(PartKind.TOOL_RESULT, "x = 1\n" * 170, "call"),)))
    return {"first": Request("openai_chat", "auto", (said,)), "loop": Request("openai_chat", "auto", (said, *loop))}


def router(count: int, more: str) -> Router:
    """A router of one route with that many candidates."""
    pools = "".join(
        f"  p{at}: {{cluster: c{at}, contextWindow: 200000, price: {{input: {at + 1}, output: 2, cached: 0.1}}}}\n"
        for at in range(count)
    )
    names = ", ".join(f"p{at}" for at in range(count))
    text = f"version: 1\npools:\n{pools}default: {{candidates: [{names}], select: cheapest-sufficient{more}}}\n"
    services = SignalServices()
    policy = compile_policy(text, source="bench", services=services, selectors=SELECTORS).policy
    return Router(policy, services=services, stats=PoolStats())


def session_costs(rounds: int) -> list[dict[str, Any]]:
    """Microseconds of a decision by route, candidates and request; all take turns in each round.

    The fastest round is told: what else the machine does only adds.
    """
    routers = {(count, name): router(count, more) for count in COUNTS for name, more in ROUTES.items()}
    asked = requests()
    found: dict[tuple[int, str, str], list[float]] = {(*key, shape): [] for key in routers for shape in asked}
    for _ in range(rounds):
        for (count, name, shape), times in found.items():
            times.append(_micros(routers[count, name], asked[shape]))
    plain = {(count, shape): min(times) for (count, name, shape), times in found.items() if name == "plain"}
    return [
        {
            "candidates": count,
            "request": shape,
            "route": name,
            "micros": round(min(times), 1),
            "over_plain": round(min(times) / plain[count, shape], 2),
        }
        for (count, name, shape), times in found.items()
    ]


def _micros(made: Router, request: Request) -> float:
    start = time.perf_counter()
    for _ in range(_TURNS):
        # As if it had just been parsed.
        request.memo.clear()
        made.begin(request).step()
    return (time.perf_counter() - start) / _TURNS * 1e6


def run_session_costs(*, rounds: int, as_json: bool, console: Console) -> int:
    """Measure and report."""
    rows = session_costs(rounds)
    if as_json:
        console.print(json.dumps({"decisions": rows, "rounds": rounds, **machine()}), soft_wrap=True)
        return 0
    table = Table("candidates", "request", "route", "us", "over plain", box=None)
    for row in rows:
        table.add_row(str(row["candidates"]), row["request"], row["route"], f"{row['micros']:.0f}", f"{row['over_plain']:.2f}")
    console.print(table)
    return 0
