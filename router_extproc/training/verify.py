"""Verify: the int8 bundle beside the same network in float32, on the dev set."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx

from router_extproc.encoders.bundle import GRAPH, Bundle
from router_extproc.encoders.cpus import available_cpus
from router_extproc.encoders.encoder import Encoder, EncoderOptions
from router_extproc.encoders.heads import CHANCES, CLASSES
from router_extproc.encoders.local import LocalClassifier
from router_extproc.encoders.manifest import FILE_NAME, FileEntry, sha256
from router_extproc.evaluation.datasets import SOURCES, read
from router_extproc.evaluation.tables import table
from router_extproc.training.export import Exporter, weights_of
from router_extproc.training.fit import trained

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from router_extproc.encoders.scores import Scores

ROWS = 300
"""Of each head."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One head."""

    head: str
    rows: int
    agreement: float
    """Share of rows on which both say the same: the label, yes or no at the threshold, the same spans."""
    measure: str
    int8: float
    fp32: float


def compare(run: Path, bundle: Path, scratch: Path, data: Path, tick: Callable[[], None]) -> list[Comparison]:
    """All heads. `scratch` gets the float32 bundle. Raises OSError, DataError."""
    float_bundle(run, bundle, scratch)
    whole, floats = (
        LocalClassifier(Encoder(Bundle(folder), EncoderOptions()), threads=available_cpus()) for folder in (bundle, scratch)
    )
    found = []
    for head in SOURCES:
        rows = read(data, head, "dev", ROWS)
        items = [row.item for row in rows]
        said, meant = whole.classify(items), floats.classify(items)
        tables = [table(head, rows, scores, whole) for scores in (said, meant)]
        same = sum(_same(head, *pair, whole.thresholds.get(head, 0.5)) for pair in zip(said, meant, strict=True))
        measure = tables[0].main
        found.append(Comparison(head, len(rows), same / len(rows), measure, tables[0].figure(measure), tables[1].figure(measure)))
        tick()
    return found


def float_bundle(run: Path, bundle: Path, folder: Path) -> None:
    """The bundle's network without quantisation, as a bundle of its own. Raises OSError."""
    network, recipe = trained(run)
    shutil.copytree(bundle, folder, dirs_exist_ok=True)
    onnx.save(Exporter(weights_of(network), None).model(len(recipe["layers"])), str(folder / GRAPH))
    manifest = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    entry = FileEntry(sha256=sha256(folder / GRAPH), bytes=(folder / GRAPH).stat().st_size)
    manifest["files"][GRAPH] = entry.model_dump()
    (folder / FILE_NAME).write_text(json.dumps(manifest), encoding="utf-8")


def _same(head: str, said: Scores, meant: Scores, threshold: float) -> bool:
    if head in CLASSES:
        left, right = said.classes.get(head, {}), meant.classes.get(head, {})
        return not left or max(left, key=left.__getitem__) == max(right, key=right.__getitem__)
    if head in CHANCES:
        return (said.chances[head] >= threshold) == (meant.chances[head] >= threshold)
    return [(span.start, span.end, span.type) for span in said.pii] == [(span.start, span.end, span.type) for span in meant.pii]
