"""Features: the few numbers of a request that bandits learn from, the same on every replica."""

from __future__ import annotations

from functools import lru_cache
from hashlib import shake_256
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router_extproc.encoders.reading import Reading

    Floats = NDArray[np.float64]

VERSION = 1
"""Of how features are made; another one makes learned state worthless, so it is part of the state's key."""
BESIDE = 2
"""Features beside the projected embedding: difficulty, and the constant 1."""
MAX_DIMENSION = 64
DIFFICULTY = "difficulty"


@lru_cache(maxsize=16)
def projection(rows: int, columns: int) -> NDArray[np.float32]:
    """The matrix that makes `rows` numbers of an embedding: random signs, scaled so that a vector of length 1 keeps that on average.

    Achlioptas, Database-friendly random projections, JCSS 2003. The signs are the bits of SHAKE-256 of the shape: no generator whose
    stream another version of a library could change, so that all replicas and all restarts have the same one.
    """
    bits = shake_256(f"router-extproc features {VERSION}: {rows}x{columns}".encode()).digest((rows * columns + 7) // 8)
    signs = np.unpackbits(np.frombuffer(bits, np.uint8))[: rows * columns].reshape(rows, columns)
    matrix = (signs.astype(np.float32) * 2 - 1) / np.float32(np.sqrt(rows))
    matrix.setflags(write=False)
    return matrix


def features(reading: Reading | None, dimension: int) -> Floats:
    """`dimension` projected numbers, the difficulty in [-1, 1], and 1.

    Without a reading all but the last are 0: what is learned then is each model's mean.
    """
    found = np.zeros(dimension + BESIDE)
    found[-1] = 1.0
    if reading is None:
        return found
    if reading.embedding.size and dimension:
        found[:dimension] = projection(dimension, reading.embedding.size) @ reading.embedding
    if DIFFICULTY in reading.chances:
        found[dimension] = 2 * reading.chances[DIFFICULTY] - 1
    # As it is stored: what was decided on and what is learned from are the same numbers.
    return found.astype(np.float32).astype(np.float64)
