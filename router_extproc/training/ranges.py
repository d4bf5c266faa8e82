"""Ranges: what goes into each matrix product of the encoder, so that its scale can be fixed once.

A scale that is found per run (dynamic quantisation) would make a text's scores depend on the texts that share its batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from router_extproc.training.quantisation import PRODUCTS, range_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from router_extproc.training.network import Batch, Network
    from router_extproc.training.quantisation import Range

_KEPT = 4_000
"""Tokens of each batch that are looked at, at most."""


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
        found[number, product] = range_of(rows, weight, smoothed=product != "down")
    return found
