"""Blocks: a product whose weights are int8 with a scale for each block of a row, as MatMulNBits has them.

Its input is rounded block by block and row by row, so that no range of it has to be known, and no row depends on another. Of the few rows
that a head reads the weights take the time: behind the encoder none of them is in a cache, and a quarter of them is there sooner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import NodeProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_MICROSOFT = "com.microsoft"
_BLOCK, _BITS, _MIDDLE = 32, 8, 128
_ROUNDED = 4
"""The accuracy level at which the input is rounded, too."""


def blocks(weight: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """(rows, columns) as (rows, blocks, 32) around 128, and a scale for each block, row by row.

    Raises ValueError unless each row is made of whole blocks.
    """
    if weight.shape[1] % _BLOCK:
        raise ValueError(f"rows of {weight.shape[1]} numbers are not of whole blocks of {_BLOCK}")
    parts = weight.reshape(len(weight), -1, _BLOCK)
    scales = (np.abs(parts).max(-1) / (_MIDDLE - 1)).clip(1e-9).astype(np.float32)
    return (np.round(parts / scales[..., None]) + _MIDDLE).astype(np.uint8), scales.reshape(-1)


def whole(numbers: NDArray[np.uint8], scales: NDArray[np.float32]) -> NDArray[np.float32]:
    """The weights that were rounded: what `blocks` was made of."""
    rows, count, _ = numbers.shape
    weight: NDArray[np.float32] = (numbers.astype(np.float32) - _MIDDLE) * scales.reshape(rows, count, 1)
    return weight.reshape(rows, -1)


def weight_in(known: Mapping[str, NDArray[Any]], name: str) -> NDArray[np.float32]:
    """A product's weight from a graph's initialisers, in blocks or not: a copy."""
    plain = known.get(f"{name}.weight")
    return whole(known[f"{name}.int8"], known[f"{name}.scales"]) if plain is None else plain.copy()


def product(name: str, value: str, out: str, weight: NDArray[np.float32]) -> tuple[NodeProto, list[Any]]:
    """The node of value times weight plus the initialiser `name`.bias, and its own initialisers."""
    numbers, scales = blocks(weight)
    inputs = [value, f"{name}.int8", f"{name}.scales", "", "", f"{name}.bias"]
    rows, columns = weight.shape
    node = helper.make_node(
        "MatMulNBits", inputs, [out], name=out, domain=_MICROSOFT,
        K=columns, N=rows, bits=_BITS, block_size=_BLOCK, accuracy_level=_ROUNDED,
    )  # fmt: skip
    return node, [numpy_helper.from_array(numbers, f"{name}.int8"), numpy_helper.from_array(scales, f"{name}.scales")]


def put_in_blocks(graph: Any, name: str, weight: NDArray[np.float32]) -> None:
    """Replace a product of a graph without gates, in blocks or not yet, by one with these weights in blocks."""
    own = {f"{name}.weight", f"{name}.int8", f"{name}.scales"}
    node = next(node for node in graph.node if own.intersection(node.input))
    other, constants = product(name, node.input[0], node.output[0], weight)
    node.CopyFrom(other)
    kept = [each for each in graph.initializer if each.name not in own]
    del graph.initializer[:]
    graph.initializer.extend([*kept, *constants])
