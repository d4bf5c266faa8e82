"""A bundle as `train` writes it, in small: one layer with weights by chance, and the tiny bundle's tokenizer."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from reference_encoder import random_weights
from tiny_bundle import seal, vocabulary

from router_extproc.encoders.bundle import GRAPH
from router_extproc.training.export import Exporter
from router_extproc.training.recipe import Recipe
from router_extproc.training.shape import HIDDEN

if TYPE_CHECKING:
    from pathlib import Path

_POSITIONS = 200
HEADS = ("domain", "jailbreak")
"""Those that the manifest has figures of."""


def graph() -> Any:
    """A graph for the tiny bundle's pieces, some of which stand twice in their list."""
    chance = np.random.default_rng(3)
    weights = random_weights(1)
    weights["encoder.words.weight"] = chance.standard_normal((len(vocabulary()), HIDDEN), np.float32)
    weights["encoder.positions.weight"] = chance.standard_normal((_POSITIONS, HIDDEN), np.float32) * np.float32(0.05)
    return Exporter(weights, None).model(1)


def write_grown(folder: Path, tiny: Path) -> Path:
    """Write the bundle."""
    shutil.copytree(tiny, folder)
    onnx.save(graph(), str(folder / GRAPH))
    recipe = {**asdict(Recipe()), "done": 1}
    training = {
        "base": "base", "recipe": recipe, "examples": dict.fromkeys(HEADS, 1), "sources": {head: ["made"] for head in HEADS}
    }  # fmt: skip
    figures = {"rows": 3, "agreement": 1.0, "measure": "accuracy", "int8": 0.5, "fp32": 0.5}
    return seal(folder, training=training, evaluation={"int8_vs_fp32": dict.fromkeys(HEADS, figures), "floors": []})
