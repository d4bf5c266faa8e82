"""`eval`: how right a model bundle is, on labelled data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from router_extproc.cli.console import err, fail, out
from router_extproc.cli.exits import Exit
from router_extproc.encoders.bundle import bundled
from router_extproc.evaluation import plots
from router_extproc.evaluation.datasets import MEASURED
from router_extproc.evaluation.errors import ClassifierError, DataError
from router_extproc.evaluation.report import markdown, number, shown
from router_extproc.evaluation.run import Options, evaluate, plan
from router_extproc.training.notes import note

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from router_extproc.encoders.local import LocalClassifier
    from router_extproc.evaluation.results import Evaluation
    from router_extproc.evaluation.run import Work


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are, and where they go."""

    data: Path
    bundle: Path | None
    output: Path
    draw: bool = True
    record: bool = False
    """Whether the figures go into the bundle's manifest too."""


def run(options: Options, places: Places, *, as_json: bool) -> Exit:
    """Measure, and write EVAL.md, eval.json and the plots; progress goes to stderr, results to stdout."""
    if places.record and (options.split, options.limit) != ("eval", None):
        fail(Exit.USAGE, "--record is for all rows of the eval split")
    if places.draw and not plots.available():
        fail(Exit.ENVIRONMENT, "plots need matplotlib: pip install 'router-extproc[train]', or go on with --no-plots")
    try:
        work = plan(places.data, options)
        found = _measured(_opened(places.bundle), work, options)
    except DataError as error:
        fail(Exit.INPUT, str(error))
    except ClassifierError as error:
        fail(Exit.INPUT, f"{places.bundle or 'the bundle of this package'}: {error}")
    _write(found, places.output, draw=places.draw)
    if places.record:
        note(places.bundle or bundled(), recorded(found))
    if as_json:
        out.print(json.dumps(found.as_json()), soft_wrap=True)
    else:
        _show(found)
    return Exit.OK


def recorded(found: Evaluation) -> dict[str, Any]:
    """What a manifest says of an evaluation: each head's figure, and each floor."""
    heads = {head.head: {"figure": head.main.measure, "value": round(head.main.value, 4)} for head in found.heads}
    floors = [
        {
            "head": each.floor.head,
            "rows": each.floor.group,
            "figure": each.floor.measure,
            "value": round(each.value, 4),
            "floor": each.floor.floor,
            "met": each.met,
        }
        for each in found.floors
    ]
    return {"eval": heads, "floors": floors}


def _opened(bundle: Path | None) -> LocalClassifier:
    from router_extproc.encoders.local import open_classifier  # noqa: PLC0415 - loads the inference runtime
    from router_extproc.encoders.manifest import BundleError  # noqa: PLC0415 - as above

    try:
        return open_classifier(bundle)
    except BundleError as error:
        fail(Exit.INPUT, str(error))


def _measured(classifier: LocalClassifier, work: Sequence[Work], options: Options) -> Evaluation:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err) as progress:
        bars = {each.head: progress.add_task(each.head, total=each.texts) for each in work}
        return evaluate(classifier, work, options, lambda head, texts: progress.advance(bars[head], texts), embedder=classifier)


def _write(found: Evaluation, output: Path, *, draw: bool) -> None:
    try:
        output.mkdir(parents=True, exist_ok=True)
        drawn = plots.draw(found, output / "eval") if draw else {}
        (output / "EVAL.md").write_text(markdown(found, drawn, all_heads=len(MEASURED)), encoding="utf-8")
        (output / "eval.json").write_text(json.dumps(found.as_json(), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        fail(Exit.INPUT, f"{error.filename or output}: cannot be written: {error.strerror}")
    err.print(f"wrote {output / 'EVAL.md'}, {output / 'eval.json'}" + (f" and plots in {output / 'eval'}" if draw else ""))


def _show(found: Evaluation) -> None:
    table = Table("head", "figure", "value", "95 % interval", box=None)
    for head in found.heads:
        main = head.main
        table.add_row(head.head, main.measure, number(main.value), f"{number(main.low)} to {number(main.high)}")
    out.print(table)
    if found.floors:
        out.print(_floors(found))


def _floors(found: Evaluation) -> Table:
    table = Table("head", "rows", "figure", "measured", "floor", "aim", "met", box=None)
    for each in found.floors:
        floor = each.floor
        bound = ("<= " if floor.at_most else ">= ") + shown(floor.measure, floor.floor)
        table.add_row(
            floor.head,
            floor.group,
            floor.measure,
            shown(floor.measure, each.value),
            bound,
            shown(floor.measure, floor.aim),
            "yes" if each.met else "no",
        )
    return table
