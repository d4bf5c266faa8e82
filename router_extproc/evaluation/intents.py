"""Intents: labels by a few examples of each, fitted on an embedder's vectors with no training."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from router_extproc.encoders.prototypes import Example, fitted
from router_extproc.evaluation.datasets import INTENT, MEASURED, read_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from router_extproc.encoders.prototypes import Prototypes
    from router_extproc.evaluation.datasets import Row, Split

    Vectors = NDArray[np.float32]
    """(texts, size), each of length 1."""

EXAMPLES = 10
"""Of each intent."""
_SEED = 0


def collection(row: Row) -> str:
    """Whose intents a row is about: that of a file's name after the split."""
    return row.file.partition("_")[2]


def examples(data: Path, split: Split) -> list[Row]:
    """EXAMPLES rows of each intent that a split asks for, from the train files. Raises DataError."""
    names = [f"train_{name.partition('_')[2]}" for name in MEASURED[INTENT].files(split)]
    return [row for name in names for row in drawn(read_file(data, INTENT, name))]


def drawn(rows: Iterable[Row]) -> list[Row]:
    """EXAMPLES rows of each label, by chance, the same at each call; all of a label that has no more."""
    chance = Random(_SEED)  # noqa: S311 - repeatable, not secret
    by_label: dict[str, list[Row]] = {}
    for row in rows:
        by_label.setdefault(row.label, []).append(row)
    return [row for found in by_label.values() for row in chance.sample(found, min(EXAMPLES, len(found)))]


def prototypes(rows: Sequence[Row], vectors: Vectors) -> dict[str, Prototypes]:
    """By collection, from examples and their vectors."""
    by_label: dict[str, dict[str, list[Example]]] = {}
    for row, vector in zip(rows, vectors, strict=True):
        by_label.setdefault(collection(row), {}).setdefault(row.label, []).append(Example(row.item.text, vector))
    return {name: fitted(found, None) for name, found in by_label.items()}
