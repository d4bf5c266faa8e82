"""Exact: a graph that says the same on every processor, out of one that a program of before wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import numpy_helper

from router_extproc.encoders.bundle import GRAPH
from router_extproc.training.quantisation import eight_bits, is_exact

if TYPE_CHECKING:
    from pathlib import Path

_PRODUCT = "MatMulIntegerToFloat"
_TABLE, _SCALES = 1, 3
"""Places of these among a product's inputs."""


def make_exact(folder: Path) -> bool:
    """Round the weights of a bundle's products anew where they are too heavy together; whether any was. Raises OSError.

    The embedding stays alike: it is as near to what the graph said on processors that add up exactly (cosine 0.999) as two roundings
    are to each other. The manifest is not touched.
    """
    path = str(folder / GRAPH)
    model = onnx.load(path)
    known = {each.name: each for each in model.graph.initializer}
    changed = False
    for node in model.graph.node:
        if node.op_type != _PRODUCT:
            continue
        table, scales = known[node.input[_TABLE]], known[node.input[_SCALES]]
        steps = numpy_helper.to_array(table).T
        if is_exact(steps):
            continue
        weight = steps.astype(np.float32) * numpy_helper.to_array(scales)[:, None]
        fresh, sizes = eight_bits(weight)
        table.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(fresh.T), table.name))
        scales.CopyFrom(numpy_helper.from_array(sizes, scales.name))
        changed = True
    if changed:
        onnx.save(model, path)
    return changed
