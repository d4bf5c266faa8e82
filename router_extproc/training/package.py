"""Package: from a training run to a model bundle: export, quantise, calibrate, describe, verify."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from router_extproc.encoders.bundle import BACKGROUND, GRAPH, TOKENIZER, Bundle, embedder
from router_extproc.encoders.encoder import Encoder, EncoderOptions
from router_extproc.encoders.heads import CHANCES, CLASSES, OUTPUTS, SPANS
from router_extproc.encoders.manifest import FORMAT, Calibration, Manifest, read_manifest
from router_extproc.encoders.scores import Kind
from router_extproc.training.amend import Amendment, amend, amendments, tails
from router_extproc.training.experts import taught
from router_extproc.training.export import Exporter, weights_of
from router_extproc.training.fit import trained, training_examples
from router_extproc.training.notes import check_told, files_of, write
from router_extproc.training.overlap import Forbidden
from router_extproc.training.ranges import ranges
from router_extproc.training.recipe import Recipe, recipe_of
from router_extproc.training.refit import lessons, refit, untold
from router_extproc.training.staged import copied, staged
from router_extproc.training.tuning import calibrated, span_threshold
from router_extproc.training.windows import LENGTH, OVERLAP, collate, places, window

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from router_extproc.encoders.tokens import WordPieces
    from router_extproc.training.corpus import Example
    from router_extproc.training.network import Batch
    from router_extproc.training.refit import Stage

_PER_HEAD = 48
"""Texts of each head that the activation scales are found with."""
_BACKGROUND = 1200
"""Rows of the background."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where things come from."""

    run: Path
    data: Path
    tokenizer: Path


def make_bundle(sources: Sources, folder: Path, *, name: str, version: str, before: Path | None = None) -> Manifest:
    """Write the bundle of a training run. Raises OSError; BundleError if what was written cannot be loaded again.

    `before`: the bundle that was polished. Its heads were held to what they said: they do not learn on again, and what it heard beside
    them, their calibration and their thresholds stay, so that what operators have set on top of these stays right.
    """
    with staged(folder) as place:
        return _packed(sources, place, name, version, before)


def _packed(sources: Sources, folder: Path, name: str, version: str, before: Path | None) -> Manifest:
    network, recipe = trained(sources.run)
    shutil.copyfile(sources.tokenizer, folder / TOKENIZER)
    pieces = _pieces(folder)
    wanted = Recipe.of(recipe)
    examples = training_examples(sources.data, wanted)
    known = ranges(network, _batches(examples, pieces))
    model = Exporter(weights_of(network), known).model(len(recipe["layers"]))
    onnx.save(model, str(folder / GRAPH))
    if before is None:
        refit(folder, lessons(examples, wanted.seed), wanted.seed)
    np.save(folder / BACKGROUND, np.zeros((1, 384), np.int8) + np.int8(1))
    manifest = _manifest(folder, name, version, recipe, examples)
    write(folder, manifest)
    encoder = Encoder(Bundle(folder), EncoderOptions())
    np.save(folder / BACKGROUND, _background(encoder, examples))
    cut = span_threshold(encoder, sources.data, wanted.licence)
    update = _judged(encoder, examples, sources.data, wanted) if before is None else _kept(before, folder, manifest)
    manifest = manifest.model_copy(update=update | {"files": files_of(folder, update["experts"]), "span_threshold": cut})
    write(folder, manifest)
    return manifest


def _judged(encoder: Encoder, examples: Mapping[str, Sequence[Example]], data: Path, recipe: Recipe) -> dict[str, Any]:
    """What a manifest tells of the heads: experts, which are written beside the graph, and what the dev set says of both."""
    experts = taught(encoder, examples, data, recipe.licence)
    calibration, thresholds = calibrated(encoder, data, recipe.licence)
    return {"experts": experts, "calibration": calibration, "thresholds": thresholds}


_TAUGHT = ("refitted", "amended", "amended_shares", "tailed", "tailed_shares")
"""What the manifest tells of heads that learned on."""


def _kept(before: Path, folder: Path, manifest: Manifest) -> dict[str, Any]:
    """The same of the bundle that was polished, whose experts are copied."""
    known = read_manifest(before)
    for name in known.files.keys() - manifest.files.keys():
        shutil.copyfile(before / name, folder / name)
    taught = {name: known.training[name] for name in _TAUGHT if name in known.training}
    history = taught | {"polished": known.version}
    return {
        "experts": known.experts,
        "calibration": known.calibration,
        "thresholds": known.thresholds,
        "training": manifest.training | history,
    }


def composed_lessons(bundle: Path, data: Path, heads: Sequence[str]) -> dict[str, list[Example]]:
    """What these heads of a bundle can learn on from the data, by the recipe that made it. Raises OSError, BundleError, DataError."""
    wanted = recipe_of(bundle)
    check_told(bundle)
    return lessons(training_examples(data, wanted), wanted.seed, heads)


def composed_amendments(
    bundle: Path, data: Path, heads: Sequence[str], *, share: float = 1.0, tails_only: bool = False
) -> dict[str, Amendment]:
    """What these heads of a bundle lack, and what they are held to; nothing where a share of 0 counts. `tails_only`: of one head, tails.

    Raises OSError, BundleError, DataError.
    """
    wanted = recipe_of(bundle)
    check_told(bundle)
    if not share:
        return {head: Amendment([], []) for head in heads}
    forbidden = Forbidden(data)
    examples = training_examples(data, wanted)
    found = tails(examples, wanted.seed) if tails_only else amendments(examples, wanted.seed, heads)
    return {head: rows._replace(new=[row for row in rows.new if not forbidden.holds(row.text)]) for head, rows in found.items()}


def amended(
    bundle: Path,
    learnt: Mapping[str, Amendment],
    folder: Path,
    *,
    version: str,
    held_to: Path | None = None,
    share: float = 1.0,
    stage: Stage = untold,
) -> Manifest:
    """Write a copy of a bundle whose heads were amended; calibration, thresholds and experts stay. Raises OSError, BundleError.

    `held_to` is the bundle whose answers the heads are held to, itself unless given; `share` how much of what they learn counts.
    """
    before = Bundle(bundle).manifest
    if held_to is not None:
        Bundle(held_to)
    with staged(folder) as place:
        copied(bundle, place)
        amend(place, learnt, Recipe.of(before.training["recipe"]).seed, stage, held_to=held_to, share=share)
        return _amended(before, learnt, place, version, share)


def _amended(before: Manifest, learnt: Mapping[str, Amendment], folder: Path, version: str, share: float) -> Manifest:
    training = {"amended": {}, "amended_shares": {}, **before.training}
    for head, rows in learnt.items() if share else ():
        for name, value in ((rows.noted, len(rows.new)), (f"{rows.noted}_shares", share)):
            training[name] = training.get(name, {}) | {head: value}
    manifest = before.model_copy(
        update={
            "version": version, "files": files_of(folder, before.experts),
            # What quality models were made of is the difficulty, too.
            "embedder": None if "difficulty" in learnt else embedder(before),
            "training": training, "evaluation": _lasting(before),
        }
    )  # fmt: skip
    write(folder, manifest)
    return manifest


def _lasting(before: Manifest) -> dict[str, Any]:
    """What int8 costs the encoder; figures of the heads as they were would be wrong."""
    return {"int8_vs_fp32": before.evaluation.get("int8_vs_fp32", {})}


def refitted(
    bundle: Path, learnt: Mapping[str, Sequence[Example]], data: Path, folder: Path, *, version: str, stage: Stage = untold
) -> Manifest:
    """Write a copy of a bundle whose heads have learnt on, calibrated anew. Raises OSError, BundleError."""
    before = Bundle(bundle).manifest
    with staged(folder) as place:
        copied(bundle, place)
        return _refitted(before, learnt, data, place, version, stage)


def _refitted(
    before: Manifest, learnt: Mapping[str, Sequence[Example]], data: Path, folder: Path, version: str, stage: Stage
) -> Manifest:
    wanted = Recipe.of(before.training["recipe"])
    refit(folder, learnt, wanted.seed, stage)
    counts = before.training.get("refitted", {}) | {head: len(rows) for head, rows in learnt.items()}
    blank = before.calibration | dict.fromkeys(learnt, Calibration())
    manifest = before.model_copy(
        update={
            "version": version, "files": files_of(folder, before.experts), "calibration": blank,
            "embedder": embedder(before),
        }
    )  # fmt: skip
    write(folder, manifest)
    encoder = Encoder(Bundle(folder), EncoderOptions())
    calibration, thresholds = calibrated(encoder, data, wanted.licence, tuple(learnt))
    update = {
        "calibration": before.calibration | calibration,
        "thresholds": before.thresholds | thresholds,
        "training": before.training | {"refitted": counts},
        "evaluation": _lasting(before),
    }
    manifest = manifest.model_copy(update=update)
    write(folder, manifest)
    return manifest


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


def _manifest(
    folder: Path,
    name: str,
    version: str,
    recipe: Mapping[str, Any],
    examples: Mapping[str, Sequence[Example]],
) -> Manifest:
    """Before anything is known of the heads."""
    return Manifest(
        format=FORMAT,
        name=name,
        version=version,
        files=files_of(folder, {}),
        window=LENGTH,
        overlap=OVERLAP,
        classes=CLASSES,
        chances=CHANCES,
        spans=SPANS,
        calibration=dict.fromkeys(OUTPUTS, Calibration()),
        thresholds=dict.fromkeys(CHANCES, 0.5),
        span_threshold=0.0,
        training={
            "base": "sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0)",
            "teacher": "sentence-transformers/all-mpnet-base-v2 (Apache-2.0)" if recipe["teacher_steps"] else None,
            "recipe": dict(recipe),
            "examples": {task: len(rows) for task, rows in examples.items()},
            "sources": {task: sorted({row.source for row in rows}) for task, rows in examples.items()},
        },
        evaluation={},
    )
