"""Quantisation: the scale of a matrix product's input, found once from a sample of it. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

PRODUCTS = ("qkv", "out", "up", "down")
"""The matrix products of a layer."""
_TAIL = 1e-5
"""Share of the values on either side that a scale may cut off: one outlier would cost all others their precision."""
_BALANCE = 0.5
"""How much of a channel's range is moved into the weights (SmoothQuant, Xiao et al. 2023, alpha)."""


@dataclass(frozen=True, slots=True)
class Range:
    """One product's input, after smoothing."""

    smooth: NDArray[np.float32]
    """(inputs,): what each channel is divided by."""
    scale: float
    zero: int
    """The uint8 that stands for 0."""


def range_of(rows: NDArray[np.float32], weight: NDArray[np.float32], *, smoothed: bool) -> Range:
    """The range of a product's input: rows are a sample, (tokens, inputs); the weight is (outputs, inputs)."""
    smooth = np.ones(rows.shape[1], np.float32)
    if smoothed:
        inputs = np.quantile(np.abs(rows), 0.9999, axis=0).clip(1e-4)
        weights = np.abs(weight).max(0).clip(1e-4)
        smooth = (inputs**_BALANCE / weights ** (1 - _BALANCE)).astype(np.float32)
        smooth /= np.exp(np.log(smooth).mean())
    scaled = rows / smooth
    low, high = np.quantile(scaled, (_TAIL, 1 - _TAIL))
    low, high = min(float(low), 0.0), max(float(high), 0.0)
    scale = (high - low) / 255
    return Range(smooth, scale, round(-low / scale))
