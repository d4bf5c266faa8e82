"""Products with int8 weights in blocks. Needs no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from router_extproc.encoders.graph import Graph
from router_extproc.training.blocks import blocks, product, put_in_blocks, weight_in, whole

if TYPE_CHECKING:
    from pathlib import Path

CHANCE = np.random.default_rng(3)
WEIGHT = (CHANCE.normal(size=(24, 96)) * CHANCE.uniform(0.1, 3, (24, 1))).astype(np.float32)
BIAS = CHANCE.normal(size=24).astype(np.float32)


def model(*, in_blocks: bool) -> onnx.ModelProto:
    """A graph whose y is WEIGHT x + BIAS."""
    if in_blocks:
        node, constants = product("p", "x", "y", WEIGHT)
    else:
        node = helper.make_node("Gemm", ["x", "p.weight", "p.bias"], ["y"], name="y", transB=1)
        constants = [numpy_helper.from_array(WEIGHT, "p.weight")]
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", size]) for name, size in (("x", 96), ("y", 24))]
    graph = helper.make_graph([node], "product", value[:1], value[1:], [*constants, numpy_helper.from_array(BIAS, "p.bias")])
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def test_weights_are_close() -> None:
    """Half a step of the block's scale at most; what was rounded stays as it is."""
    numbers, scales = blocks(WEIGHT)
    found = whole(numbers, scales)

    assert numbers.shape == (24, 3, 32)
    assert np.all(np.abs(found - WEIGHT).reshape(24, 3, 32).max(-1) <= scales.reshape(24, 3) * 0.51)
    again = blocks(found)
    np.testing.assert_array_equal(again[0], numbers)
    np.testing.assert_allclose(again[1], scales, rtol=1e-6)


def test_rows_are_of_whole_blocks() -> None:
    """The kernel would read beyond them."""
    with pytest.raises(ValueError, match="rows of 40 numbers"):
        blocks(np.zeros((2, 40), np.float32))


def test_a_block_of_zeros() -> None:
    """Has no scale, and is zeros."""
    assert not whole(*blocks(np.zeros((2, 32), np.float32))).any()


@pytest.mark.parametrize("in_blocks", [True, False])
def test_product(tmp_path: Path, *, in_blocks: bool) -> None:
    """Is what numpy makes of it, and no row depends on the others."""
    onnx.save(model(in_blocks=in_blocks), tmp_path / "model.onnx")
    graph = Graph(tmp_path / "model.onnx")
    rows = CHANCE.normal(size=(4, 96)).astype(np.float32) * np.array([[1], [100], [0.01], [1]], np.float32)
    found = graph.run(("y",), {"x": rows})["y"]

    wanted = rows @ WEIGHT.T + BIAS
    sizes = np.abs(wanted).max(
        1, keepdims=True
    )  # each row is rounded by itself, the small one beside one of a hundred times its size, too
    np.testing.assert_allclose(found / sizes, wanted / sizes, atol=0.02 if in_blocks else 1e-5)
    for at, row in enumerate(rows):
        np.testing.assert_allclose(graph.run(("y",), {"x": row[None]})["y"][0], found[at], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("in_blocks", [True, False])
def test_put_in_blocks(*, in_blocks: bool) -> None:
    """Whatever it was; its bias stays."""
    before = model(in_blocks=in_blocks)
    put_in_blocks(before.graph, "p", WEIGHT * 2)
    known = {each.name: numpy_helper.to_array(each) for each in before.graph.initializer}

    assert sorted(known) == ["p.bias", "p.int8", "p.scales"]
    assert [node.op_type for node in before.graph.node] == ["MatMulNBits"]
    np.testing.assert_allclose(weight_in(known, "p"), whole(*blocks(WEIGHT * 2)))
    np.testing.assert_array_equal(known["p.bias"], BIAS)


def test_weight_in_float32() -> None:
    """Is a copy of what the graph has."""
    found = weight_in({"p.weight": WEIGHT}, "p")

    np.testing.assert_array_equal(found, WEIGHT)
    assert found is not WEIGHT
