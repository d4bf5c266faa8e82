"""`route`: a file of requests decided offline, line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from router_extproc.cli.console import err
from router_extproc.cli.exits import Exit
from router_extproc.cli.json_lines import keep_apart, numbered, opened
from router_extproc.cli.policy_file import load_or_exit
from router_extproc.config.loader import policy_file
from router_extproc.config.offline import decide
from router_extproc.routing import Signal, SignalResult

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from router_extproc.router import Router
    from router_extproc.routing import Outcome

DEFAULT_PATH = "/v1/chat/completions"


class Line(msgspec.Struct, forbid_unknown_fields=True):
    """One line of the input."""

    id: str | int
    body: msgspec.Raw
    """A JSON object as it would be sent; or a JSON string, whose text is sent as it is (for bodies that are no JSON)."""
    path: str = DEFAULT_PATH
    headers: dict[str, str] = {}

    def payload(self) -> bytes:
        """The body's bytes."""
        raw = bytes(self.body)
        return msgspec.json.decode(raw, type=str).encode() if raw.startswith(b'"') else raw


def plain(result: SignalResult) -> float | str | bool | None:
    """A signal as one JSON value: its label, its measure or its value; None if unknown."""
    if not isinstance(result, Signal):
        return None
    if result.label is not None:
        return result.label
    return result.value if result.measure is None else result.measure


def decision_line(identifier: str | int, outcome: Outcome) -> dict[str, object]:
    """One line of the output."""
    selection = outcome.selection
    return {
        "id": identifier,
        "decision": outcome.decision.name,
        "action": outcome.verdict.value,
        "pool": selection.pool.name if selection else None,
        "model": selection.model if selection else None,
        "reason": outcome.decision.reason.value,
        "signals": {name: plain(result) for name, result in outcome.signals.items()},
    }


def decide_line(router: Router, text: bytes, number: int) -> tuple[dict[str, object], bool]:
    """The line out for a line in, and whether the line could be read."""
    try:
        line = msgspec.json.decode(text, type=Line)
        body = line.payload()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return {"id": None, "line": number, "error": str(error)}, False
    return decision_line(line.id, decide(router, path=line.path, headers=line.headers, body=body)), True


def run(policy: Path, *, source: Path, target: Path, models: Path | None = None) -> Exit:
    """Decide every line of `source`; see `router-extproc route --help`."""
    for read in (source, policy_file(policy)):
        keep_apart(read, target)
    router = load_or_exit(policy, models)
    bad = 0
    counts: dict[str, int] = {}
    columns = (SpinnerColumn(), TextColumn("{task.completed} requests"), TimeElapsedColumn())
    with (
        opened(source, "rb") as lines,
        opened(target, "wb") as sink,
        Progress(*columns, console=err, transient=True) as progress,
    ):
        task = progress.add_task("route", total=None)
        for number, text in numbered(lines, source):
            answer, readable = decide_line(router, text, number)
            bad += not readable
            _count(counts, answer)
            sink.write(msgspec.json.encode(answer) + b"\n")
            progress.advance(task)
        sink.flush()
    _report(counts, bad)
    return Exit.INPUT if bad else Exit.OK


def _count(counts: dict[str, int], answer: Mapping[str, object]) -> None:
    """Add one line to the summary by pool or action."""
    key = str(answer.get("pool") or answer.get("action") or "unreadable")
    counts[key] = counts.get(key, 0) + 1


def _report(counts: Mapping[str, int], bad: int) -> None:
    """The summary on stderr."""
    shares = ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda item: -item[1]))
    err.print(f"{sum(counts.values())} requests: {shares or 'none'}")
    if bad:
        err.print(Text.assemble((f"{bad} lines could not be read", "red"), "; their lines in the output say why"))
