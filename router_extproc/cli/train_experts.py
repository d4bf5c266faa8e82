"""`train-experts`: a bundle with the same graph and experts that were learned anew."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from router_extproc.cli.console import err, fail, out, require_training
from router_extproc.cli.exits import Exit
from router_extproc.cli.output_file import check_folder
from router_extproc.encoders.bundle import bundled
from router_extproc.encoders.errors import StrangeError
from router_extproc.encoders.manifest import BundleError
from router_extproc.evaluation.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from router_extproc.encoders.manifest import Manifest


def run(*, data: Path, source: Path | None, output: Path, heads: Sequence[str], version: str, as_json: bool) -> Exit:
    """Learn, weigh and calibrate; see `router-extproc train-experts --help`."""
    require_training()
    check_folder(output)
    try:
        made = _made(data, source or bundled(), output, heads, version)
    except (OSError, ValueError, BundleError, StrangeError, DataError) as error:
        fail(Exit.INPUT, str(error))
    found = {
        head: {name: {"weight": entry.weight, "kinds": list(entry.kinds)} for name, entry in entries.items()}
        for head, entries in made.experts.items()
        if head in heads
    }
    if as_json:
        out.print(json.dumps({"bundle": str(output), "experts": found, "thresholds": dict(made.thresholds)}), soft_wrap=True)
        return Exit.OK
    for head, experts in found.items():
        for name, entry in experts.items():
            threshold = f", threshold {made.thresholds[head]:.4f}" if head in made.thresholds else ""
            out.print(f"{head}: {name}, weight {entry['weight']:g}{threshold}")
    for head in sorted(set(heads) - set(found)):
        out.print(f"{head}: no expert: none makes it better on the dev set")
    out.print(f"Next: router-extproc eval --data {data} --models {output} --record")
    return Exit.OK


def _made(data: Path, source: Path, output: Path, heads: Sequence[str], version: str) -> Manifest:
    from router_extproc.training.fit import training_examples  # noqa: PLC0415 - not wanted before the extra was found
    from router_extproc.training.notes import check_told  # noqa: PLC0415 - as above
    from router_extproc.training.recipe import recipe_of  # noqa: PLC0415 - as above
    from router_extproc.training.retaught import retaught  # noqa: PLC0415 - as above

    recipe = recipe_of(source)
    check_told(source)
    err.print("reading the data and composing examples")
    examples = training_examples(data, recipe)
    err.print("learning, and weighing on the dev set")
    return retaught(source, output, data, examples, version=version, heads=heads)
