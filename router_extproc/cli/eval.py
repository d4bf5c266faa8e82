"""`eval`: how right a model bundle is, on labelled data."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from router_extproc.cli.console import err, fail, out
from router_extproc.cli.exits import Exit
from router_extproc.cli.output_file import check_folder, unwritten
from router_extproc.encoders.bundle import bundled
from router_extproc.encoders.manifest import FILE_NAME, BundleError
from router_extproc.evaluation import plots
from router_extproc.evaluation.datasets import FIELD, MEASURED, measured
from router_extproc.evaluation.errors import ClassifierError, DataError
from router_extproc.evaluation.report import markdown, number, shown
from router_extproc.evaluation.run import Options, evaluate, plan
from router_extproc.training.card import CARD
from router_extproc.training.notes import check_told, note

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from router_extproc.encoders.local import LocalClassifier
    from router_extproc.evaluation.results import Evaluation
    from router_extproc.evaluation.run import Work

_FILES, _PLOTS = ("EVAL.md", "eval.json"), "eval"


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are, and where they go."""

    data: Path | None
    """Of the field split, which comes with the program, none."""
    bundle: Path | None
    output: Path
    draw: bool = True
    record: bool = False
    """Whether the figures go into the bundle's manifest too."""


def run(options: Options, places: Places, *, as_json: bool) -> Exit:
    """Measure, and write EVAL.md, eval.json and the plots; progress goes to stderr, results to stdout."""
    if wrong := _misused(options, places):
        fail(Exit.USAGE, wrong)
    if places.draw and not plots.available():
        fail(Exit.ENVIRONMENT, "plots need matplotlib: pip install 'router-extproc[plots]', or go on with --no-plots")
    try:
        work = plan(places.data or FIELD, options)
        classifier = _opened(places.bundle)
        _check(places)
        found = _measured(classifier, work, options)
    except DataError as error:
        fail(Exit.INPUT, str(error))
    except ClassifierError as error:
        fail(Exit.INPUT, f"{places.bundle or 'the bundle of this package'}: {error}")
    except BundleError as error:
        fail(Exit.INPUT, f"the figures could not be recorded: {error}")
    with ExitStack() as last:  # whatever becomes of the files, what was measured is told
        last.callback(_tell, found, as_json=as_json)
        if places.record:
            last.callback(_record, found, places.bundle or bundled())
        _write(found, places.output, draw=places.draw)
    return Exit.OK


def _misused(options: Options, places: Places) -> str | None:
    """What of the command line does not go together."""
    if places.record and (options.split, options.limit) != ("eval", None):
        return "--record is for all rows of the eval split"
    if options.split == "field" and places.data is not None:
        return "--split field takes no --data: its rows come with the program"
    if options.split != "field" and places.data is None:
        return f"--split {options.split} needs --data, a folder of data sets; --split field needs none"
    if without := [head for head in options.heads if not MEASURED[head].files(options.split)]:
        return f"--split {options.split} has no rows of {', '.join(without)}; it measures {', '.join(measured(options.split))}"
    return None


def _check(places: Places) -> None:
    """That all can be written, before anything is measured. Raises BundleError."""
    check_folder(places.output, *_FILES)
    if places.draw:
        check_folder(places.output / _PLOTS)
    if places.record:
        bundle = places.bundle or bundled()
        check_folder(bundle, FILE_NAME, CARD)
        check_told(bundle)


def _tell(found: Evaluation, *, as_json: bool) -> None:
    if as_json:
        out.print(json.dumps(found.as_json()), soft_wrap=True)
    else:
        _show(found)


def _record(found: Evaluation, bundle: Path) -> None:
    try:
        note(bundle, recorded(found))
    except OSError as error:
        fail(Exit.INPUT, f"{error.filename or bundle}: the figures were not recorded: {error.strerror or error}")
    except BundleError as error:
        fail(Exit.INPUT, f"the figures were not recorded: {error}")


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
    page, figures = (output / name for name in _FILES)
    try:
        output.mkdir(parents=True, exist_ok=True)
        drawn = plots.draw(found, output / _PLOTS) if draw else {}
        page.write_text(markdown(found, drawn, all_heads=len(measured(found.split))), encoding="utf-8")
        figures.write_text(json.dumps(found.as_json(), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        fail(Exit.INPUT, unwritten(error.filename or output, error))
    err.print(f"wrote {page}, {figures}" + (f" and plots in {output / _PLOTS}" if draw else ""))


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
