"""Glossary: what a text's word pieces, each for itself, say for each of a head's labels.

A linear model of term weights (TF-IDF: Salton and Buckley 1988). The encoder reads meaning, with few numbers for a word; this knows
which label's vocabulary each word belongs to. Its terms are the pieces that the encoder reads, so that a text is taken apart once.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.encoders.manifest import BundleError
from router_extproc.encoders.term_weights import CURE, SHORT, arrays_of, eight_bits

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Glossary:
    """Weights of pieces for a head with several outputs. Immutable; safe from several threads."""

    table: Floats
    """(pieces, 1 + labels): a piece's squared inverse document frequency, and what it adds to each label's sum."""
    offsets: tuple[float, ...]
    """(labels,)."""

    def logits(self, ids: Sequence[int]) -> tuple[float, ...]:
        """What a window's pieces add to the head's logits. Raises IndexError for a piece that it has not."""
        if not ids:
            return self.offsets
        square, *sums = np.add.reduce(self.table.take(ids, 0)).tolist()
        share = 1 / sqrt(square + SHORT**2)
        return tuple([total * share + offset for total, offset in zip(sums, self.offsets, strict=True)])


def write_glossary(path: Path, rarity: Floats, weights: Floats, offsets: Floats) -> None:
    """Write it, with weights of 8 bits; the same one makes the same bytes. Raises OSError.

    `rarity` is (pieces,), `weights` (pieces, labels), `offsets` (labels,).
    """
    steps, scale = eight_bits(weights)
    np.savez_compressed(
        path,
        rarity=rarity.astype(np.float16),
        weights=steps,
        scale=scale,
        offsets=offsets.astype(np.float32),
    )


def read_glossary(path: Path) -> Glossary:
    """What write_glossary wrote. Raises BundleError."""
    with arrays_of(path, "glossary") as file:
        rarity, offsets = file["rarity"].astype(np.float32), file["offsets"].astype(np.float32)
        weights = file["weights"].astype(np.float32) * file["scale"]
        table = np.concatenate((np.square(rarity)[:, None], rarity[:, None] * weights), 1)
    shapes = (rarity.shape, weights.shape, offsets.shape)
    if not (np.isfinite(table).all() and np.isfinite(offsets).all()):
        raise BundleError(f"{path}: its numbers are not finite; {CURE}")
    if shapes != ((len(table),), (len(table), len(offsets)), (len(offsets),)):
        raise BundleError(f"{path}: its arrays are not those of a glossary; {CURE}")
    return Glossary(table, tuple(offsets.tolist()))
