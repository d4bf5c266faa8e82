"""`refit` and `amend`: heads of a finished bundle learn on, on the encoder as it is."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from router_extproc.cli.console import err, fail, out, require_training
from router_extproc.cli.exits import Exit
from router_extproc.cli.output_file import check_folder
from router_extproc.encoders.bundle import bundled
from router_extproc.encoders.errors import StrangeError
from router_extproc.encoders.manifest import BundleError
from router_extproc.evaluation.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from router_extproc.encoders.manifest import Manifest

    Stage = Callable[[str, int], Callable[[], None]]
    Way = Callable[["LearningOptions", Path, Stage], tuple[dict[str, int], Manifest]]


@dataclass(frozen=True, slots=True)
class LearningOptions:
    """What the command line says."""

    data: Path
    bundle: Path | None
    output: Path
    heads: Sequence[str]
    version: str
    as_json: bool
    held_to: Path | None = None
    """Of `amend`: the bundle whose answers the heads are held to; itself if there is none."""
    share: float = 1.0
    """Of `amend`: how much of what the heads learn counts."""
    tails_only: bool = False
    """Of `amend`: `jailbreak` alone, and of what it lacks tails alone."""


def refit(options: LearningOptions) -> Exit:
    """Write a copy of a bundle with heads refitted; see `router-extproc refit --help`."""
    return _run(options, _refitted, "train-experts, eval --record")


def amend(options: LearningOptions) -> Exit:
    """Write a copy of a bundle with heads amended; see `router-extproc amend --help`."""
    return _run(options, _amended, "eval --record")


def _run(options: LearningOptions, way: Way, following: str) -> Exit:
    require_training()
    source, output, began = options.bundle or bundled(), options.output, time.perf_counter()
    if any(output.exists() and each.exists() and output.samefile(each) for each in (source, options.held_to or source)):
        fail(Exit.INPUT, f"{output}: the bundle would be written over itself: choose another --output")
    check_folder(output)
    try:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=err) as progress:
            texts, manifest = way(options, source, partial(_begun, progress))
    except (OSError, ValueError, BundleError, StrangeError, DataError) as error:
        fail(Exit.INPUT, str(error))
    figures = {
        "bundle": str(output),
        "texts": texts,
        "thresholds": {head: manifest.thresholds[head] for head in texts if head in manifest.thresholds},
        "total_s": round(time.perf_counter() - began),
    }
    out.print(json.dumps(figures) if options.as_json else f"{_line(figures)} Next: router-extproc {following}", soft_wrap=True)
    return Exit.OK


def _refitted(options: LearningOptions, source: Path, begun: Stage) -> tuple[dict[str, int], Manifest]:
    """How many texts each head learned from, and the new bundle."""
    from router_extproc.training import package  # noqa: PLC0415 - not wanted before the extra was found

    composed = begun("reading the data and composing examples", 1)
    learnt = package.composed_lessons(source, options.data, options.heads)
    composed()
    manifest = package.refitted(source, learnt, options.data, options.output, version=options.version, stage=begun)
    return {head: len(rows) for head, rows in learnt.items()}, manifest


def _amended(options: LearningOptions, source: Path, begun: Stage) -> tuple[dict[str, int], Manifest]:
    """How many texts were new to each head, and the new bundle."""
    from router_extproc.training import package  # noqa: PLC0415 - as above

    composed = begun("reading the data and composing examples", 1)
    learnt = package.composed_amendments(source, options.data, options.heads, share=options.share, tails_only=options.tails_only)
    composed()
    manifest = package.amended(
        source, learnt, options.output, version=options.version, held_to=options.held_to, share=options.share, stage=begun
    )
    return {head: len(rows.new) for head, rows in learnt.items()}, manifest


def _line(figures: Mapping[str, Any]) -> str:
    texts = ", ".join(f"{head} from {count:,} texts" for head, count in figures["texts"].items())
    return f"{figures['bundle']}: {texts}; {figures['total_s']} s."


def _begun(progress: Progress, name: str, steps: int) -> Callable[[], None]:
    """A bar for a stage; what it gives moves the bar."""
    return partial(progress.advance, progress.add_task(name, total=steps))
