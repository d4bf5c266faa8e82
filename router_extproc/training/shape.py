"""Shape: the sizes of the network that are not a matter of a recipe. Needs no torch, so that the export does not either."""

from __future__ import annotations

BASE_LAYERS = 6
HIDDEN, HEADS, INNER = 384, 12, 1536
"""The base model's: all-MiniLM-L6-v2."""
BOTTLENECK = 96
EPSILON = 1e-12
