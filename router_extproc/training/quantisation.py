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


_PAIR = 128
"""What the weights of two neighbouring inputs add up to at most, those of either sign by themselves. Processors without instructions for
products of bytes (VNNI) add two neighbours' products up in 16 bits and cut off what is beyond: 128 times 255 is not.
"""


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


def eight_bits(weight: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Weights, (outputs, inputs), in steps of a scale for each output, (outputs,). Their products with uint8 are exact everywhere.

    The steps of nine outputs in ten are a fifth larger for it. Without that, an encoder says other things on one processor than on
    another: embeddings of one text had a cosine of 0.99.
    """
    scales = (np.abs(weight).max(1) / 127).clip(1e-9).astype(np.float32)
    scales *= (_heaviest(weight / scales[:, None]) / _PAIR).clip(1)
    while (beyond := _heaviest(np.round(weight / scales[:, None])) > _PAIR).any():
        scales[beyond] *= 1.002
    return np.round(weight / scales[:, None]).astype(np.int8), scales


def is_exact(table: NDArray[np.int8]) -> bool:
    """Whether products of these weights, (outputs, inputs), with uint8 are the same on every processor."""
    return bool((_heaviest(table.astype(np.float32)) <= _PAIR).all())


def _heaviest(steps: NDArray[np.float32]) -> NDArray[np.float32]:
    """The most that two neighbours of either sign add up to, of each output."""
    even = np.pad(steps, ((0, 0), (0, steps.shape[1] % 2)))
    sums = [np.clip(sign * even, 0, None).reshape(len(even), -1, 2).sum(2).max(1) for sign in (1, -1)]
    found: NDArray[np.float32] = np.maximum(*sums)
    return found
