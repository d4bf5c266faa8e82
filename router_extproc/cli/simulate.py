"""`simulate`: how learning fares in a simulated world that changes, and whether off-policy intervals are honest."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING

import typer

from router_extproc.cli.console import err, fail, out
from router_extproc.cli.exits import Exit
from router_extproc.cli.output_file import check_folder, unwritten
from router_extproc.evaluation.online import collapsed, draw, evaluate, page
from router_extproc.evaluation.plots import available

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from router_extproc.evaluation.regret import Run

_PAGE, _FIGURES, _PLOT = "ROUTING_EVAL_ONLINE.md", "online.json", "online_regret.png"


def run(*, output: Path | None, requests: int, seeds: int, logs: int, as_json: bool, plots: bool) -> Exit:
    """Simulate; see `router-extproc simulate --help`."""
    if output is not None and plots and not available():
        fail(Exit.ENVIRONMENT, "plots need matplotlib: pip install 'router-extproc[plots]', or --no-plots")
    if output is not None:
        check_folder(output, _PAGE, _FIGURES, _PLOT)
    with err.status("simulating") as status:
        found, runs = evaluate(requests, range(seeds), logs, status.update)
    text, figures = page(found), json.dumps(found.to_dict(), indent=2)
    with ExitStack() as last:  # whatever becomes of the files, what was measured is told
        last.callback(_tell, text, figures, as_json=as_json)
        if output is not None:
            _write(output, text, figures, runs if plots else {})
    return Exit.FINDINGS if collapsed(found) else Exit.OK


def _tell(text: str, figures: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(figures)
    else:
        out.print(text, markup=False, highlight=False, soft_wrap=True)


def _write(output: Path, text: str, figures: str, runs: Mapping[str, Sequence[Run]]) -> None:
    try:
        output.mkdir(parents=True, exist_ok=True)
        (output / _PAGE).write_text(text, encoding="utf-8")
        (output / _FIGURES).write_text(figures + "\n", encoding="utf-8")
        if runs:
            draw(runs, output / _PLOT)
    except OSError as error:
        fail(Exit.INPUT, unwritten(error.filename or output, error))
