"""`simulate`: how learning fares in a simulated world that changes, and whether off-policy intervals are honest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from router_extproc.cli.console import err, fail, out
from router_extproc.cli.exits import Exit
from router_extproc.evaluation.online import collapsed, draw, evaluate, page
from router_extproc.evaluation.plots import available

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from router_extproc.evaluation.regret import Run


def run(*, output: Path | None, requests: int, seeds: int, logs: int, as_json: bool, plots: bool) -> Exit:
    """Simulate; see `router-extproc simulate --help`."""
    if output is not None and plots and not available():
        fail(Exit.ENVIRONMENT, "plots need matplotlib: pip install 'router-extproc[train]', or --no-plots")
    with err.status("simulating") as status:
        found, runs = evaluate(requests, range(seeds), logs, status.update)
    if output is not None:
        _write(output, page(found), json.dumps(found.to_dict(), indent=2), runs if plots else {})
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=2))
    else:
        out.print(page(found), markup=False, highlight=False, soft_wrap=True)
    return Exit.FINDINGS if collapsed(found) else Exit.OK


def _write(output: Path, text: str, figures: str, runs: Mapping[str, Sequence[Run]]) -> None:
    try:
        output.mkdir(parents=True, exist_ok=True)
        (output / "ROUTING_EVAL_ONLINE.md").write_text(text, encoding="utf-8")
        (output / "online.json").write_text(figures + "\n", encoding="utf-8")
        if runs:
            draw(runs, output / "online_regret.png")
    except OSError as error:
        fail(Exit.INPUT, f"{error.filename or output}: {error.strerror or error}")
