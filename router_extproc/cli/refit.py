"""`refit`: heads of a finished bundle learn on, on the encoder as it is."""

from __future__ import annotations

import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from router_extproc.cli.console import err, fail, out, require_training
from router_extproc.cli.exits import Exit
from router_extproc.encoders.bundle import bundled
from router_extproc.encoders.errors import StrangeError
from router_extproc.encoders.manifest import BundleError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_NEEDED = ("torch", "onnx")


def run(*, data: Path, bundle: Path | None, output: Path, heads: Sequence[str], version: str, as_json: bool) -> Exit:
    """Write a copy of a bundle with heads refitted; see `router-extproc refit --help`."""
    require_training(*_NEEDED)
    from router_extproc.training.package import composed_lessons, refitted  # noqa: PLC0415 - not wanted before the extra was found

    source, began = bundle or bundled(), time.perf_counter()
    if output.exists() and output.samefile(source):
        fail(Exit.INPUT, f"{output}: the bundle would be written over itself: choose another --output")
    try:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=err) as progress:
            begun = partial(_begun, progress)
            composed = begun("reading the data and composing examples", 1)
            learnt = composed_lessons(source, data, heads)
            composed()
            manifest = refitted(source, learnt, data, output, version=version, stage=begun)
    except (OSError, ValueError, BundleError, StrangeError) as error:
        fail(Exit.INPUT, str(error))
    figures = {
        "bundle": str(output),
        "texts": {head: len(rows) for head, rows in learnt.items()},
        "thresholds": {head: manifest.thresholds[head] for head in learnt if head in manifest.thresholds},
        "total_s": round(time.perf_counter() - began),
    }
    out.print(json.dumps(figures) if as_json else _line(figures), soft_wrap=True)
    return Exit.OK


def _line(figures: Mapping[str, Any]) -> str:
    texts = ", ".join(f"{head} from {count:,} texts" for head, count in figures["texts"].items())
    return f"{figures['bundle']}: {texts}; {figures['total_s']} s. Next: router-extproc train-experts, eval --record"


def _begun(progress: Progress, name: str, steps: int) -> Callable[[], None]:
    """A bar for a stage; what it gives moves the bar."""
    return partial(progress.advance, progress.add_task(name, total=steps))
