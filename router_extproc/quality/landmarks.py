"""Landmarks: spherical k-means: points that stand for regions of the embedding space (Dhillon and Modha 2001)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from router_extproc.quality.outcomes import Singles

_ROUNDS = 15
_ROWS_EACH = 6
"""A landmark stands for that many rows at least, on average."""


def landmarks(embeddings: Singles, most: int, seed: int = 0) -> Singles:
    """(k, d), each of length 1; k is `most`, or less where there are few rows."""
    count = max(1, min(most, len(embeddings) // _ROWS_EACH))
    chosen = np.random.default_rng(seed).choice(len(embeddings), count, replace=False)
    centres = embeddings[np.sort(chosen)].astype(np.float32)
    for _ in range(_ROUNDS):
        nearest = (embeddings @ centres.T).argmax(1)
        sums = np.zeros_like(centres)
        np.add.at(sums, nearest, embeddings)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(lengths > 0, sums / np.maximum(lengths, 1e-9), centres).astype(np.float32)
    return centres
