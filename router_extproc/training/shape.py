"""Shape: the sizes of a network. Needs no torch, so that the export does not either."""

from __future__ import annotations

from dataclasses import dataclass

from router_extproc.encoders.heads import CONTENTS, JAILBREAK

BASE_LAYERS = 6
HIDDEN, HEADS, INNER = 384, 12, 1536
"""The base model's: all-MiniLM-L6-v2."""
BOTTLENECK = 96
MAXIMA, WIDE_BOTTLENECK = 64, 192
"""Of the outputs in SEEKING: numbers of each token whose maxima over the window they hear, and what they make of all that they hear."""
SEEKING = (JAILBREAK, CONTENTS)
"""Outputs that look for something that may be a few words anywhere, which a mean over the window thins out."""
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
