"""Models whose weights are in other files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from tiny_classifier import write_classifier

from router_extproc.encoders.external import external_data

if TYPE_CHECKING:
    from pathlib import Path


def _tensor(location: str | None) -> TensorProto:
    tensor = numpy_helper.from_array(np.arange(300, dtype=np.float32), "weights")
    if location is not None:
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("offset", "4096"), ("location", location), ("length", "1200")):
            tensor.external_data.add(key=key, value=value)
    return tensor


def _initializer(tensor: TensorProto) -> onnx.ModelProto:
    return helper.make_model(helper.make_graph([helper.make_node("Identity", ["weights"], ["out"])], "g", [], [], [tensor]))


def _constant(tensor: TensorProto) -> onnx.ModelProto:
    return helper.make_model(helper.make_graph([helper.make_node("Constant", [], ["out"], value=tensor)], "g", [], []))


def _branch(tensor: TensorProto) -> onnx.ModelProto:
    inner = helper.make_graph([], "inner", [], [], [tensor])
    return helper.make_model(helper.make_graph([helper.make_node("If", ["c"], ["out"], then_branch=inner)], "g", [], []))


def _sparse(tensor: TensorProto) -> onnx.ModelProto:
    model = helper.make_model(helper.make_graph([], "g", [], []))
    model.graph.sparse_initializer.add(dims=[300]).values.CopyFrom(tensor)
    return model


def _function(tensor: TensorProto) -> onnx.ModelProto:
    model = helper.make_model(helper.make_graph([], "g", [], []))
    model.functions.add(name="f").node.append(helper.make_node("Constant", [], ["out"], value=tensor))
    return model


class TestExternalData:
    @pytest.mark.parametrize("make", [_initializer, _constant, _branch, _sparse, _function])
    def test_is_found_wherever_a_tensor_is(self, tmp_path: Path, make: object) -> None:
        """By the file's name; the same model with its weights in it has none."""
        path = tmp_path / "model.onnx"
        assert callable(make)

        path.write_bytes(make(_tensor("weights.bin")).SerializeToString())
        assert external_data(path) == "weights.bin"
        path.write_bytes(make(_tensor(None)).SerializeToString())
        assert external_data(path) is None

    def test_is_found_as_it_is_saved(self, tmp_path: Path) -> None:
        """And no more once the model is made one file, as the error says."""
        model, _ = write_classifier(tmp_path, apart=True)
        assert external_data(model) == "model.onnx.data"

        onnx.save(onnx.load(model), tmp_path / "one.onnx")
        assert external_data(tmp_path / "one.onnx") is None

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.binary())
    def test_leaves_what_is_no_model_to_onnxruntime(self, tmp_path: Path, data: bytes) -> None:
        """Whatever it is."""
        path = tmp_path / "model.onnx"
        path.write_bytes(data)

        assert external_data(path) is None

    @pytest.mark.parametrize("data", [b"", b"\x3a", b"\x3a\x7f\x00", b"\x80" * 100_000, b"\x3b", b"\x3a\x02\x2a\x7f"])
    def test_ends_at_a_field_that_is_none(self, tmp_path: Path, data: bytes) -> None:
        """Cut short, longer than its message, of no end, or of no known kind."""
        path = tmp_path / "model.onnx"
        path.write_bytes(data)

        assert external_data(path) is None
