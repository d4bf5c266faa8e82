"""Verify: the int8 bundle beside the same network in float32, on the dev set."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import onnx

from router_extproc.encoders.bundle import GRAPH, Bundle
from router_extproc.encoders.cpus import available_cpus
from router_extproc.encoders.encoder import Encoder, EncoderOptions
from router_extproc.encoders.local import LocalClassifier
from router_extproc.encoders.manifest import FILE_NAME, FileEntry, sha256
from router_extproc.evaluation.datasets import SOURCES, read
from router_extproc.training.comparison import compared
from router_extproc.training.export import Exporter, weights_of
from router_extproc.training.fit import trained
from router_extproc.training.refit import HEADS
from router_extproc.training.states import head_weights, put_head

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from router_extproc.training.comparison import Comparison

ROWS = 300
"""Of each head."""


def compare(run: Path, bundle: Path, scratch: Path, data: Path, tick: Callable[[], None]) -> list[Comparison]:
    """All heads. `scratch` gets the float32 bundle. Raises OSError, DataError."""
    float_bundle(run, bundle, scratch)
    whole, floats = (
        LocalClassifier(Encoder(Bundle(folder), EncoderOptions()), threads=available_cpus()) for folder in (bundle, scratch)
    )
    found = []
    for head in SOURCES:
        rows = read(data, head, "dev", ROWS)
        found.append(compared(head, rows, whole, floats))
        tick()
    return found


def check_dev(data: Path) -> None:
    """That the dev set can be read as `compare` will read it, hours later. Raises DataError."""
    for head in SOURCES:
        read(data, head, "dev", ROWS)


def float_bundle(run: Path, bundle: Path, folder: Path) -> None:
    """The bundle's network without quantisation, as a bundle of its own. Raises OSError."""
    network, recipe = trained(run)
    shutil.copytree(bundle, folder, dirs_exist_ok=True)
    onnx.save(Exporter(weights_of(network), None).model(len(recipe["layers"])), str(folder / GRAPH))
    for head in HEADS:
        put_head(folder, head, head_weights(bundle, head))  # the run's own have not learnt on
    manifest = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    entry = FileEntry(sha256=sha256(folder / GRAPH), bytes=(folder / GRAPH).stat().st_size)
    manifest["files"][GRAPH] = entry.model_dump()
    (folder / FILE_NAME).write_text(json.dumps(manifest), encoding="utf-8")
