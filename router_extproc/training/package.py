"""Package: from a training run to a model bundle: export, quantise, calibrate, describe, verify."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from router_extproc.encoders.bundle import BACKGROUND, GRAPH, TAGS, TOKENIZER, Bundle
from router_extproc.encoders.cpus import available_cpus
from router_extproc.encoders.encoder import Encoder, EncoderOptions
from router_extproc.encoders.heads import CHANCES, CLASSES, POOLED, SPANS
from router_extproc.encoders.manifest import FILE_NAME, FORMAT, Calibration, FileEntry, Manifest, read_manifest, sha256
from router_extproc.encoders.scores import Kind
from router_extproc.pii.merging import merged
from router_extproc.pii.patterns import find
from router_extproc.training.calibrate import best_threshold, chance_calibration, class_calibration, threshold_at
from router_extproc.training.card import CARD, card
from router_extproc.training.corpus import Licence, read
from router_extproc.training.export import Exporter, weights_of
from router_extproc.training.fit import Recipe, trained, training_examples
from router_extproc.training.ranges import ranges
from router_extproc.training.windows import LENGTH, OVERLAP, collate, places, window

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from router_extproc.encoders.reading import Reading
    from router_extproc.encoders.scores import Span
    from router_extproc.encoders.tokens import WordPieces
    from router_extproc.training.corpus import Example
    from router_extproc.training.network import Batch

_PER_HEAD = 48
"""Texts of each head that the activation scales are found with."""
_BACKGROUND = 1200
"""Rows of the background."""
_FALSE_ALARMS = 0.01
"""Of benign user texts of the dev set, at the shipped jailbreak threshold."""
_SPAN_THRESHOLDS = np.linspace(0.3, 0.9, 25)
_DEV_ROWS = 2000
"""Of each head, for calibration."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where things come from."""

    run: Path
    data: Path
    tokenizer: Path


def make_bundle(sources: Sources, folder: Path, *, name: str, version: str) -> Manifest:
    """Write the bundle of a training run. Raises OSError; BundleError if what was written cannot be loaded again."""
    network, recipe = trained(sources.run)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(sources.tokenizer, folder / TOKENIZER)
    pieces = _pieces(folder)
    examples = training_examples(sources.data, Recipe.of(recipe))
    known = ranges(network, _batches(examples, pieces))
    model = Exporter(weights_of(network), known).model(len(recipe["layers"]))
    onnx.save(model, str(folder / GRAPH))
    np.save(folder / BACKGROUND, np.zeros((1, 384), np.int8) + np.int8(1))
    manifest = _manifest(folder, name, version, recipe, examples)
    _write(folder, manifest)
    encoder = Encoder(Bundle(folder), EncoderOptions())
    np.save(folder / BACKGROUND, _background(encoder, examples))
    calibration, thresholds = calibrated(encoder, sources.data)
    cut = span_threshold(encoder, sources.data)
    manifest = _manifest(folder, name, version, recipe, examples, calibration, thresholds, cut)
    _write(folder, manifest)
    Bundle(folder)
    return manifest


def note(folder: Path, figures: Mapping[str, Any]) -> None:
    """Add figures to the `evaluation` of a bundle's manifest. Raises OSError, BundleError."""
    manifest = read_manifest(folder)
    _write(folder, manifest.model_copy(update={"evaluation": {**manifest.evaluation, **figures}}))


def _pieces(folder: Path) -> WordPieces:
    from router_extproc.encoders.tokens import WordPieces  # noqa: PLC0415 - only needed here

    return WordPieces(folder / TOKENIZER)


def _batches(examples: Mapping[str, Sequence[Example]], pieces: WordPieces) -> list[Batch]:
    random = Random(7)
    made = []
    for task in sorted(examples):
        chosen = random.sample(examples[task], _PER_HEAD)
        read = [(pieces.encode(example.text[:4000]), example.kind) for example in chosen]
        windows = [window(tokens, places(tokens)[0], pieces, kind) for tokens, kind in read]
        windows.sort(key=lambda each: len(each.ids))
        made += [collate(windows[at : at + 8], pieces.pad)[0] for at in range(0, len(windows), 8)]
    return made


def _background(encoder: Encoder, examples: Mapping[str, Sequence[Example]]) -> Any:
    random = Random(11)
    pool = [
        example.text for task in ("domain", "fact_check", "modality") for example in examples[task] if len(example.text) < 1000
    ]
    pool += [example.text for example in examples["jailbreak"] if example.target == 0 and len(example.text) < 1000]
    readings = encoder.read(random.sample(pool, _BACKGROUND), Kind.USER, outputs=("embedding",))
    rows = np.stack([reading.embedding for reading in readings])
    return np.round(rows / np.abs(rows).max(1, keepdims=True) * 127).astype(np.int8)


def calibrated(encoder: Encoder, data: Path) -> tuple[dict[str, Calibration], dict[str, float]]:
    """Calibrations and thresholds, from the dev set, with an encoder that has none yet."""
    dev = read(data, "dev", Licence.ALL)
    calibration: dict[str, Calibration] = {}
    thresholds: dict[str, float] = {}
    for head in POOLED:
        rows = Random(3).sample(dev[head], min(len(dev[head]), _DEV_ROWS))
        readings = _readings(encoder, rows, head)
        if head in CLASSES:
            logits = np.log([[reading.classes[head][label] for label in CLASSES[head]] for reading in readings])
            calibration[head] = class_calibration(logits, np.array([row.target for row in rows]))
            continue
        chances = np.array([reading.chances[head] for reading in readings]).clip(1e-9, 1 - 1e-9)
        targets = np.array([row.target for row in rows], np.float64)
        logits = np.log(chances / (1 - chances))
        calibration[head] = chance_calibration(logits, targets)
        made = 1 / (1 + np.exp(-(logits + calibration[head].bias) / calibration[head].temperature))
        thresholds[head] = round(_threshold(head, made, targets, rows), 4)
    return calibration, thresholds


def _readings(encoder: Encoder, rows: Sequence[Example], output: str) -> list[Reading]:
    with ThreadPoolExecutor(available_cpus()) as pool:
        return list(pool.map(lambda row: encoder.read([row.text], row.kind, outputs=(output,))[0], rows))


def span_threshold(encoder: Encoder, data: Path) -> float:
    """From which score on a span counts: the one with the best F1 on the dev set, together with what patterns find."""
    rows = read(data, "dev", Licence.ALL)["pii"]
    found = [
        (merged(find(row.text), reading.spans), frozenset(row.target), row.types)
        for row, reading in zip(rows, _readings(encoder, rows, TAGS), strict=True)
    ]
    return float(max(_SPAN_THRESHOLDS, key=lambda cut: _span_f1(found, cut)))


def _span_f1(found: Sequence[tuple[Sequence[Span], frozenset[Any], frozenset[str]]], cut: float) -> float:
    hits = given = wanted = 0
    for spans, truth, types in found:
        said = {(span.start, span.end, span.type) for span in spans if span.score >= cut and span.type in types}
        hits, given, wanted = hits + len(said & truth), given + len(said), wanted + len(truth)
    return 2 * hits / max(given + wanted, 1)


def _threshold(head: str, chances: Any, targets: Any, rows: Sequence[Example]) -> float:
    if head == "jailbreak":
        benign = np.array([row.kind is Kind.USER and row.target == 0 for row in rows])
        return max(0.5, threshold_at(chances[benign], _FALSE_ALARMS))
    if head == "difficulty":
        return 0.5
    return best_threshold(chances, targets)


def _manifest(
    folder: Path,
    name: str,
    version: str,
    recipe: Mapping[str, Any],
    examples: Mapping[str, Sequence[Example]],
    calibration: Mapping[str, Calibration] | None = None,
    thresholds: Mapping[str, float] | None = None,
    spans_from: float = 0.0,
) -> Manifest:
    files = {
        each: FileEntry(sha256=sha256(folder / each), bytes=(folder / each).stat().st_size)
        for each in (GRAPH, TOKENIZER, BACKGROUND)
    }
    return Manifest(
        format=FORMAT,
        name=name,
        version=version,
        files=files,
        window=LENGTH,
        overlap=OVERLAP,
        classes=CLASSES,
        chances=CHANCES,
        spans=SPANS,
        calibration=dict(calibration or dict.fromkeys(POOLED, Calibration())),
        thresholds=dict(thresholds or dict.fromkeys(CHANCES, 0.5)),
        span_threshold=spans_from,
        training={
            "base": "sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0)",
            "recipe": dict(recipe),
            "examples": {task: len(rows) for task, rows in examples.items()},
            "sources": {task: sorted({row.source for row in rows}) for task, rows in examples.items()},
        },
        evaluation={},
    )


def _write(folder: Path, manifest: Manifest) -> None:
    """The manifest, and the card that says the same to people."""
    text = json.dumps(manifest.model_dump(mode="json"), indent=2, ensure_ascii=False)
    (folder / FILE_NAME).write_text(text + "\n", encoding="utf-8")
    (folder / CARD).write_text(card(manifest), encoding="utf-8")
