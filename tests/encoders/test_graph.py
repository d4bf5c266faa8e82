from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

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
