"""`eval-routing`: how good and how dear answers are if quality models choose who gives them."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from router_extproc.cli.console import err, fail, out
from router_extproc.cli.exits import Exit
from router_extproc.cli.output_file import check_folder, unwritten
from router_extproc.encoders.manifest import BundleError
from router_extproc.encoders.models import Models
from router_extproc.evaluation.errors import DataError
from router_extproc.evaluation.plots import available
from router_extproc.evaluation.routing import plots
from router_extproc.evaluation.routing.profiles import read_profiles
from router_extproc.evaluation.routing.readings import Readings
from router_extproc.evaluation.routing.report import markdown
from router_extproc.evaluation.routing.run import evaluate
from router_extproc.quality.errors import QualityError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from router_extproc.evaluation.routing.run import Options, RoutingEvaluation
    from router_extproc.quality.outcomes import Singles

_FILES, _PLOTS = ("ROUTING_EVAL.md", "routing_eval.json"), "routing_eval"
_COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are, and where they go."""

    data: Path
    profiles: Path
    bundle: Path | None
    cache: Path | None
    """The folder in which readings are kept."""
    output: Path
    draw: bool = True


def run(options: Options, places: Places, *, as_json: bool) -> Exit:
    """Measure, and write ROUTING_EVAL.md, routing_eval.json and the plots; progress goes to stderr, results to stdout."""
    if places.draw and not available():
        fail(Exit.ENVIRONMENT, "plots need matplotlib: pip install 'router-extproc[plots]', or go on with --no-plots")
    _check(places)
    try:
        found = _measured(options, places)
    except (DataError, QualityError, BundleError, OSError) as error:
        fail(Exit.INPUT, str(error))
    with ExitStack() as last:  # whatever becomes of the files, what was measured is told
        last.callback(_tell, found, as_json=as_json)
        _write(found, places)
    return Exit.OK


def _check(places: Places) -> None:
    """That all can be written, before anything is measured."""
    check_folder(places.output, *_FILES)
    if places.draw:
        check_folder(places.output / _PLOTS)
    if places.cache is not None:
        check_folder(places.cache)


def _tell(found: RoutingEvaluation, *, as_json: bool) -> None:
    if as_json:
        out.print(json.dumps(found.as_json()), soft_wrap=True)
    else:
        _show(found)


def _measured(options: Options, places: Places) -> RoutingEvaluation:
    profiles = read_profiles(places.profiles)
    readings = Readings(Models(folder=places.bundle).encoder(), places.cache)
    with Progress(*_COLUMNS, console=err) as progress:

        def reads(texts: Sequence[str]) -> Singles:
            bar = progress.add_task("read", total=len(texts))
            found = readings.inputs(texts, lambda count: progress.advance(bar, count))
            progress.remove_task(bar)
            return found

        def stage(name: str, steps: int) -> Callable[[], None]:
            bar = progress.add_task(name, total=steps)
            return lambda: progress.advance(bar)

        return evaluate(places.data, profiles, reads, readings.graph, options, stage)


def _write(found: RoutingEvaluation, places: Places) -> None:
    output = places.output
    page, figures = (output / name for name in _FILES)
    try:
        output.mkdir(parents=True, exist_ok=True)
        drawn = plots.draw(found, output / _PLOTS) if places.draw else {}
        page.write_text(markdown(found, drawn), encoding="utf-8")
        figures.write_text(json.dumps(found.as_json()) + "\n", encoding="utf-8")
    except OSError as error:
        fail(Exit.INPUT, unwritten(error.filename or output, error))
    err.print(f"wrote {page}, {figures}" + (f" and plots in {output / _PLOTS}" if drawn else ""))


def _show(found: RoutingEvaluation) -> None:
    table = Table("set", "method", "accuracy", "cost", "over the best single model", "95 % interval", "area", box=None)
    for each in found.sets:
        best = each.baselines
        table.add_row(each.name, f"only {best.best}", f"{best.best_accuracy:.3f}", "1.00", "", "", f"{best.mixture_area:.3f}")
        for one in each.methods:
            table.add_row(
                "",
                one.method,
                f"{one.accuracy:.3f}",
                f"{one.cost:.2f}",
                f"{one.gain:+.3f}",
                f"{one.gain_low:+.3f} to {one.gain_high:+.3f}",
                f"{one.area:.3f}",
            )
    out.print(table)
