"""`train-quality`: a quality model from outcomes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from router_extproc.cli.console import err, fail, out
from router_extproc.cli.exits import Exit
from router_extproc.cli.json_lines import keep_apart
from router_extproc.cli.output_file import check_folder, check_place, replaced
from router_extproc.encoders.manifest import BundleError
from router_extproc.encoders.models import Models
from router_extproc.evaluation.errors import DataError
from router_extproc.evaluation.plain import finite
from router_extproc.evaluation.routing.figures import mean_auc
from router_extproc.evaluation.routing.profiles import profiles_for, read_profiles
from router_extproc.evaluation.routing.readings import Readings
from router_extproc.evaluation.routing.rows import read_rows
from router_extproc.evaluation.routing.table import names_of, outcomes_of
from router_extproc.quality.artifact import packed, read
from router_extproc.quality.calibration import calibration_error
from router_extproc.quality.errors import QualityError
from router_extproc.quality.shipped import NAME, shipped
from router_extproc.quality.training import FEW_ROWS, cross_taught, cross_trained, held_out, losses, taught, train

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from router_extproc.evaluation.routing.rows import Row
    from router_extproc.quality.outcomes import Doubles, Outcomes
    from router_extproc.quality.predictor import Predictor


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are, and where the file goes."""

    data: tuple[Path, ...]
    dev: tuple[Path, ...]
    profiles: Path | None
    bundle: Path | None
    cache: Path | None
    output: Path
    onto: Path | None = None
    """A quality model that learns of more models."""


def run(method: str, places: Places, without: frozenset[str], *, as_json: bool) -> Exit:
    """Train and write; see `router-extproc train-quality --help`."""
    for source in (*places.data, *places.dev, *filter(None, (places.profiles,))):
        keep_apart(source, places.output)
    check_place(places.output)
    if places.cache is not None:
        check_folder(places.cache)
    try:
        told, content = made(method, places, without) if places.onto is None else more(places, without)
    except (DataError, QualityError, BundleError) as error:
        fail(Exit.INPUT, str(error))
    problem = replaced(places.output, content)
    if as_json:
        typer.echo(json.dumps(finite({"file": None if problem else str(places.output), "bytes": len(content), **told})))
    else:
        _show(told)
    if problem:
        fail(Exit.INPUT, problem)
    if not as_json:
        # As Text: rich makes pictures of words between colons.
        out.print(Text(f"Wrote {places.output}"), soft_wrap=True)
    return Exit.OK


def made(method: str, places: Places, without: frozenset[str]) -> tuple[dict[str, Any], bytes]:
    """What is told of the training, and the file's content. Raises DataError, QualityError or BundleError."""
    known = read_profiles(places.profiles) if places.profiles is not None else {}
    rows, held = (_rows(paths, without) for paths in (places.data, places.dev))
    readings = Readings(Models(folder=places.bundle).encoder(), places.cache)
    models = profiles_for(names_of(rows), known)
    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=err) as bars:
        bar = bars.add_task("read", total=len(rows) + len(held))
        inputs = readings.inputs([row.prompt for row in (*rows, *held)], lambda count: bars.advance(bar, count))
    table = outcomes_of(rows, inputs[: len(rows)], models)
    predictor, told = _trained(method, table, outcomes_of(held, inputs[len(rows) :], models) if held else None)
    told |= {"sources": sorted({row.source for row in rows if row.source})}
    return told, packed(predictor, readings.graph, told)


def more(places: Places, without: frozenset[str]) -> tuple[dict[str, Any], bytes]:
    """The same for a quality model that learns of the models in the data, and keeps what it knows of requests."""
    known = read_profiles(places.profiles) if places.profiles is not None else {}
    rows = _rows(places.data, without)
    readings = Readings(Models(folder=places.bundle).encoder(), places.cache)
    path = shipped() if str(places.onto) == NAME else places.onto
    predictor, header = read(path or shipped(), encoder=readings.graph)
    table = outcomes_of(rows, readings.inputs([row.prompt for row in rows]), profiles_for(names_of(rows), known))
    before, after = predictor.predict_all(table.inputs, table.models), cross_taught(predictor, table)
    told = {
        "method": predictor.method,
        "rows": len(table),
        "models": len(table.models),
        "brier_before": round(losses(before, table)["brier"], 4),
        "brier_after": round(losses(after, table)["brier"], 4),
        "ece_after": round(calibration_error(after, table.scores), 4),
        "sources": sorted({row.source for row in rows if row.source}),
    }
    return told, packed(taught(predictor, table), readings.graph, {**header.training, "then": told})


def _trained(method: str, table: Outcomes, held: Outcomes | None) -> tuple[Predictor, dict[str, Any]]:
    """Calibrated on the held rows; else on a tenth of the table; else, where that is small, on each row by fits without it."""
    if held is None and len(table) < FEW_ROWS:
        predictor, said = cross_trained(method, table)
        return predictor, figures(method, len(table), said, table)
    fitted, tuned = (table, held) if held is not None else held_out(table)
    predictor = train(method, fitted, tuned)
    return predictor, figures(method, len(fitted), predictor.predict_all(tuned.inputs, tuned.models), tuned)


def figures(method: str, fitted: int, said: Doubles, tuned: Outcomes) -> dict[str, Any]:
    """How right it is on rows that it was calibrated on, of which what is said is by a fit without them."""
    return {
        "method": method,
        "rows": fitted,
        "calibration_rows": len(tuned),
        "models": len(tuned.models),
        **{name: round(value, 4) for name, value in losses(said, tuned).items()},
        "auc": round(mean_auc(said, tuned.scores), 4),
        "ece": round(calibration_error(said, tuned.scores), 4),
    }


def _rows(paths: Sequence[Path], without: frozenset[str]) -> list[Row]:
    rows = [row for path in paths for row in read_rows(path) if row.source not in without]
    if paths and not rows:
        raise DataError(f"{paths[0]}: no rows are left without {', '.join(sorted(without))}")
    return rows


def _show(told: dict[str, Any]) -> None:
    table = Table("figure", "value", box=None)
    for name, value in told.items():
        table.add_row(name.replace("_", " "), ", ".join(value) if isinstance(value, list) else str(value))
    out.print(table)
