"""Shape: the sizes of a network. Needs no torch, so that the export does not either."""

from __future__ import annotations

from dataclasses import dataclass

BASE_LAYERS = 6
HIDDEN, HEADS, INNER = 384, 12, 1536
"""The base model's: all-MiniLM-L6-v2."""
BOTTLENECK = 96
EPSILON = 1e-12
DISTANCES = 32
"""Buckets of distances between tokens, in networks that attend by them."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a network is built by; what has a default is the base model's."""

    vocabulary: int
    positions: int
    layers: int
    inner: int = INNER
    hidden: int = HIDDEN
    epsilon: float = EPSILON
    relative: bool = False
    """Whether attention leans on distances (MPNet)."""
