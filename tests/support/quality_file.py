"""A quality model for the tiny bundle: small answers what is easy, large answers everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from tiny_bundle import SIZE

from router_extproc.encoders.bundle import GRAPH
from router_extproc.encoders.manifest import sha256
from router_extproc.quality.artifact import packed
from router_extproc.quality.outcomes import Outcomes
from router_extproc.quality.profile import ModelProfile
from router_extproc.quality.training import held_out, train

if TYPE_CHECKING:
    from pathlib import Path

MODELS = (ModelProfile("small-model"), ModelProfile("large-model"))


def write_quality(path: Path, bundle: Path, *, method: str = "ridge") -> Path:
    """Write the file, for that bundle."""
    chance = np.random.default_rng(7)
    embeddings = chance.normal(size=(400, SIZE))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    hard = np.arange(400) % 2
    inputs = np.concatenate((embeddings, hard[:, None]), 1).astype(np.float32)
    scores = np.stack((chance.random(400) < 0.95 - 0.9 * hard, chance.random(400) < 0.97), 1).astype(np.float64)
    fit, held = held_out(Outcomes(inputs, scores, MODELS))
    path.write_bytes(packed(train(method, fit, held), sha256(bundle / GRAPH), {}))
    return path
