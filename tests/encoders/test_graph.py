from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from router_extproc.encoders.bundle import GRAPH
from router_extproc.encoders.graph import Graph
from router_extproc.encoders.manifest import BundleError

if TYPE_CHECKING:
    from pathlib import Path


class TestGraph:
    def test_gives_the_outputs_that_are_asked_for(self, tiny_bundle: Path) -> None:
        """By name, in any order."""
        graph = Graph(tiny_bundle / GRAPH)
        row = np.array([[2, 9, 3]], np.int64)
        found = graph.run(("tags", "domain"), {"input_ids": row, "attention_mask": row // row, "marks": row * 0})

        assert {name: rows.shape for name, rows in found.items()} == {"tags": (1, 3, 31), "domain": (1, 14)}

    def test_tells_its_inputs_and_outputs(self, tiny_bundle: Path) -> None:
        """With their shapes."""
        graph = Graph(tiny_bundle / GRAPH)

        assert set(graph.inputs) == {"input_ids", "attention_mask", "marks"}
        assert graph.outputs["modality"] == ["B", 3]

    @pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\x08\x07" * 10])
    def test_refuses_what_is_no_model(self, tmp_path: Path, data: bytes) -> None:
        """The error names the file, in one line."""
        path = tmp_path / "model.onnx"
        path.write_bytes(data)

        with pytest.raises(BundleError, match=r"model\.onnx: onnxruntime cannot load it") as caught:
            Graph(path)
        assert "\n" not in str(caught.value)


class TestExact:
    def test_sums_are_not_cut_off(self, tmp_path: Path) -> None:
        """The heaviest weights and the largest inputs: without VNNI instructions a processor adds two neighbours up in 16 bits."""
        width = 64
        weights = np.full((width, 8), 127, np.int8)
        scale, one = np.array(1, np.float32), np.ones(8, np.float32)
        constants = {"w": weights, "s": scale, "ws": one, "z": np.array(0, np.uint8)}
        nodes = [
            helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
            helper.make_node("MatMulIntegerToFloat", ["q", "w", "s", "ws", "z"], ["y"], domain="com.microsoft"),
        ]
        graph = helper.make_graph(
            nodes,
            "heavy",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["B", width])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["B", 8])],
            [numpy_helper.from_array(value, name) for name, value in constants.items()],
        )
        opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), tmp_path / "model.onnx")

        found = Graph(tmp_path / "model.onnx").run(("y",), {"x": np.full((1, width), 255, np.float32)})["y"]

        assert found.tolist() == [[255.0 * 127 * width] * 8]
