"""`replay`: what a policy would have made of logged decisions, and whether feedback says that it is better."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from router_extproc.cli.console import fail, out
from router_extproc.cli.exits import Exit
from router_extproc.cli.json_lines import numbered, opened
from router_extproc.cli.policy_file import load_or_exit
from router_extproc.evaluation.past import read
from router_extproc.evaluation.replay import Verdict, Weighing, replay

if TYPE_CHECKING:
    from pathlib import Path

    from router_extproc.evaluation.off_policy import Estimated
    from router_extproc.evaluation.past import Log
    from router_extproc.evaluation.replay import Replay, Values

_ROWS = 20


def run(log: Path, policy: Path, *, feedback: Path | None, weighing: Weighing, models: Path | None, as_json: bool) -> Exit:
    """Replay; see `router-extproc replay --help`."""
    router = load_or_exit(policy, models)
    past = _read(log, feedback)
    if not past.decisions:
        fail(Exit.INPUT, f"{log}: no line is a decision of a decision log")
    found = replay(past, router, weighing)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=2))
    else:
        _show(found)
    return Exit.OK if found.verdict is Verdict.PROMOTE else Exit.FINDINGS


def _read(log: Path, feedback: Path | None) -> Log:
    with opened(log, "rb") as lines:
        if feedback is None:
            return read(text for _, text in numbered(lines, log))
        with opened(feedback, "rb") as said:
            return read((text for _, text in numbered(lines, log)), (text for _, text in numbered(said, feedback)))


def _show(found: Replay) -> None:
    out.print(f"{found.decisions} decisions by {len(found.policies)} policy versions; {found.stay:.1%} stay where they went")
    if len(found.policies) > 1:
        _show_versions(found)
    for text, counts in (
        ("left out, no policy made them", found.left_out),
        ("cannot be made again, the log lacks", found.undetermined),
    ):
        if counts:
            out.print(
                f"{sum(counts.values())} {text}: {', '.join(f'{name} ({count})' for name, count in sorted(counts.items()))}"
            )
    if found.as_logged:
        out.print(f"{found.as_logged} by selectors that learn while they serve: taken as they were")
    if found.unread or found.strangers:
        out.print(f"{found.unread} lines are no log's; {found.strangers} are about decisions that are not in it")
    _show_moves(found)
    if found.costs is not None:
        costs = found.costs
        out.print(f"cost of 1,000 requests: {costs.before:.4f} -> {costs.after:.4f} USD ({costs.requests} with prices)")
    if found.values is not None:
        _show_values(found.values)
    out.print(f"verdict: {found.verdict.value}: {found.why}")


def _show_versions(found: Replay) -> None:
    table = Table(
        "policy",
        "decisions",
        "with feedback",
        "reward",
        "95 % interval",
        "USD/1,000",
        box=None,
        header_style="bold",
        pad_edge=False,
    )
    for version, did in found.policies.items():
        reward = (f"{did.reward.value:.4f}", _interval(did.reward)) if did.reward is not None else ("-", "-")
        table.add_row(version, str(did.decisions), str(did.rated), *reward, "-" if did.cost is None else f"{did.cost:.4f}")
    out.print(table)


def _show_moves(found: Replay) -> None:
    if not found.moves:
        return
    table = Table("from", "to", "share", "requests", "such as", box=None, header_style="bold", pad_edge=False)
    for move in found.moves[:_ROWS]:
        table.add_row(move.before, move.after, f"{move.share:.1%}", f"{move.requests:.0f}", " ".join(move.examples))
    out.print(table)


def _show_values(values: Values) -> None:
    out.print(
        f"feedback on {values.rows} decisions, {values.effective:.0f} effective; "
        f"{values.unsupported:.1%} of the new choices are such as the log never made"
    )
    table = Table("", "value", "95 % interval", box=None, header_style="bold", pad_edge=False)
    named = {
        "logged": values.logged,
        "IPS": values.ips,
        "SNIPS": values.snips,
        "doubly robust": values.doubly_robust,
        "gain": values.gain,
    }
    for name, each in named.items():
        table.add_row(name, f"{each.value:.4f}", _interval(each))
    out.print(table)


def _interval(each: Estimated) -> str:
    return f"{each.low:+.4f} to {each.high:+.4f}"
