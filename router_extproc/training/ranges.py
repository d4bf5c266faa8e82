"""Ranges: what goes into each matrix product of the encoder, so that its scale can be fixed once.

A scale that is found per run (dynamic quantisation) would make a text's scores depend on the texts that share its batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from router_extproc.training.network import Batch, Network

PRODUCTS = ("qkv", "out", "up", "down")
"""The matrix products of a layer."""
_KEPT = 4_000
"""Tokens of each batch that are looked at, at most."""
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


def observe(network: Network, batches: Iterable[Batch]) -> dict[tuple[int, str], NDArray[np.float32]]:
    """A sample of each product's inputs, (tokens, inputs), by layer and product."""
    seen: dict[tuple[int, str], list[NDArray[np.float32]]] = {}
    hooks = []
    mask: list[Any] = []
    for number, layer in enumerate(network.encoder.layers):
        for product in PRODUCTS:

            def note(_module: Any, inputs: Any, key: tuple[int, str] = (number, product)) -> None:
                rows = inputs[0].detach().float()[mask[0]][:_KEPT]
                seen.setdefault(key, []).append(rows.numpy())

            hooks.append(getattr(layer, product).register_forward_pre_hook(note))
    with torch.no_grad():
        for batch in batches:
            mask[:] = [batch.mask]
            network.encoder(batch)
    for hook in hooks:
        hook.remove()
    return {key: np.concatenate(rows) for key, rows in seen.items()}


def ranges(network: Network, batches: Iterable[Batch]) -> dict[tuple[int, str], Range]:
    """The fixed range of each product's input."""
    found = {}
    for (number, product), rows in observe(network, batches).items():
        weight = getattr(network.encoder.layers[number], product).weight.detach().float().numpy()
        found[number, product] = _range(rows, weight, smoothed=product != "down")
    return found


def _range(rows: NDArray[np.float32], weight: NDArray[np.float32], *, smoothed: bool) -> Range:
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
