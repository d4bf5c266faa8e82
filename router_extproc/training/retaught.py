"""Retaught: a bundle whose experts are learned anew; the graph, and so all that was made with its embeddings, stays."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from router_extproc.encoders.bundle import Bundle
from router_extproc.encoders.encoder import Encoder, EncoderOptions
from router_extproc.encoders.heads import OUTPUTS, head_of
from router_extproc.encoders.manifest import Calibration, read_manifest
from router_extproc.training.corpus import Licence
from router_extproc.training.experts import HEADS, taught
from router_extproc.training.notes import files_of, write
from router_extproc.training.staged import staged
from router_extproc.training.tuning import calibrated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from router_extproc.encoders.manifest import Manifest
    from router_extproc.training.corpus import Example


def retaught(
    source: Path,
    folder: Path,
    data: Path,
    examples: Mapping[str, Sequence[Example]],
    *,
    version: str,
    heads: Sequence[str] = HEADS,
) -> Manifest:
    """Write a copy of a bundle whose experts of these heads are learned from examples, and these heads calibrated, anew.

    Of its evaluation only what int8 costs the graph is left: the rest is the old one's. `folder` may be the bundle's own: until all is
    done, the old one stands there. Raises OSError, BundleError.
    """
    with staged(folder) as place:
        return _made(source, place, data, examples, version=version, heads=heads)


def _made(
    source: Path, folder: Path, data: Path, examples: Mapping[str, Sequence[Example]], *, version: str, heads: Sequence[str]
) -> Manifest:
    old, tuned = read_manifest(source), tuple(name for name in OUTPUTS if head_of(name) in heads)
    kept = {head: found for head, found in old.experts.items() if head not in heads}
    lasting = {"int8_vs_fp32": old.evaluation["int8_vs_fp32"]} if "int8_vs_fp32" in old.evaluation else {}
    fresh = old.model_copy(
        update={
            "version": version, "experts": kept,
            "files": files_of(source, kept), "evaluation": lasting,
            "calibration": {**old.calibration, **dict.fromkeys(tuned, Calibration())},
        }
    )  # fmt: skip
    for name in fresh.files:
        shutil.copyfile(source / name, folder / name)
    write(folder, fresh)
    encoder = Encoder(Bundle(folder), EncoderOptions())
    try:
        licence = Licence(old.training["recipe"]["licence"])
        experts = kept | taught(encoder, examples, data, licence, heads)
        calibration, thresholds = calibrated(encoder, data, licence, tuned)
    finally:
        encoder.close()
    made = fresh.model_copy(
        update={
            "experts": experts, "files": files_of(folder, experts),
            "calibration": {**fresh.calibration, **calibration}, "thresholds": {**fresh.thresholds, **thresholds},
        }
    )  # fmt: skip
    write(folder, made)
    return made
