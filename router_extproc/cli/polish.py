"""`polish`: a finished bundle's network learns more of private data, and is held to what it was in all else."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from router_extproc.cli.console import err, fail, require_training
from router_extproc.cli.exits import Exit
from router_extproc.cli.output_file import check_folder
from router_extproc.cli.train import Took, bundled_run, tell, watched
from router_extproc.encoders.bundle import TOKENIZER, bundled
from router_extproc.encoders.manifest import BundleError
from router_extproc.evaluation.errors import DataError
from router_extproc.training.recipe import recipe_of

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class PolishOptions:
    """What the command was told."""

    data: Path
    run: Path
    output: Path
    models: Path | None
    batches: int
    version: str
    as_json: bool


def run(options: PolishOptions) -> Exit:
    """Train on; an interrupted run goes on where it was. See `router-extproc polish --help`."""
    require_training()
    source, began = options.models or bundled(), time.perf_counter()
    if options.output.exists() and options.output.samefile(source):
        fail(Exit.INPUT, f"{options.output}: the bundle would be written over itself: choose another --output")
    check_folder(options.run)
    check_folder(options.output)
    try:
        _fit(options, source)
        fitted = time.perf_counter() - began
        found = bundled_run(options.run, options.data, source / TOKENIZER, options.output, options.version, source)
    except (OSError, ValueError, BundleError, DataError) as error:
        fail(Exit.INPUT, str(error))
    tell(options.output, options.data, found, Took(fitted, time.perf_counter() - began), as_json=options.as_json)
    return Exit.OK


def _fit(options: PolishOptions, source: Path) -> None:
    from router_extproc.encoders.tokens import WordPieces  # noqa: PLC0415 - none of this is wanted before the extra was found
    from router_extproc.training.curve import DevSet  # noqa: PLC0415 - as above
    from router_extproc.training.fit import training_examples  # noqa: PLC0415 - as above
    from router_extproc.training.polish import Polishing  # noqa: PLC0415 - as above
    from router_extproc.training.verify import check_dev  # noqa: PLC0415 - as above

    recipe = recipe_of(source)
    pieces = WordPieces(source / TOKENIZER)
    err.print("reading the data and composing examples")
    check_dev(options.data)
    dev, examples = DevSet(options.data, pieces, recipe.licence), training_examples(options.data, recipe)
    watched(Polishing(source, examples, recipe, pieces, options.run, options.batches), dev, options.run)
