"""A text classifier that breaks by word: one word makes it give NaN, one makes it fail, one makes it hang. An ONNX file like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tiny_bundle import tokenizer, vocabulary

if TYPE_CHECKING:
    from pathlib import Path

BAD, NAN, CRASH, HANG = "wrong", "unclear", "draw", "prove"
"""Words: one that the model finds bad, and those that break it. Without any of them a text is good."""
LABELS = ("good", "bad")


def write_faulty(folder: Path, *, turns: int = 50_000_000) -> tuple[Path, Path]:
    """Write the model and its tokenizer and give their paths. `turns` of a loop are what it hangs for; a million take half a second."""
    folder.mkdir(parents=True, exist_ok=True)
    model, pieces = folder / "faulty.onnx", folder / "faulty-tokenizer.json"
    size = len(vocabulary())
    weights, jumps, spins = np.zeros((size, 2), np.float32), np.zeros(size, np.int64), np.zeros(size, np.int64)
    weights[:, 0] = 1.0
    weights[vocabulary().index(BAD)] = (0.0, 100.0)
    weights[vocabulary().index(NAN), 0] = np.nan
    jumps[vocabulary().index(CRASH)] = 10 * size
    spins[vocabulary().index(HANG)] = turns
    node = helper.make_node
    nodes = [
        node("Gather", ["spins", "input_ids"], ["spin"]),
        node("ReduceSum", ["spin"], ["turns"], keepdims=0),
        node("Loop", ["turns", "yes", "nought"], ["turned"], body=_body()),
        node("Gather", ["jumps", "input_ids"], ["jump"]),
        node("Add", ["input_ids", "jump"], ["places"]),
        node("Add", ["places", "turned"], ["reached"]),
        node("Gather", ["weights", "reached"], ["rows"]),
        node("ReduceSum", ["rows", "axis"], ["logits"], keepdims=0),
    ]
    tables = {
        "weights": weights,
        "jumps": jumps,
        "spins": spins,
        "yes": np.array(True),  # noqa: FBT003 - an array of one boolean
        "nought": np.array(0, np.int64),
        "axis": np.array([1], np.int64),
    }
    graph = helper.make_graph(
        nodes,
        "faulty",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["B", "T"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["B", 2])],
        [numpy_helper.from_array(table, name) for name, table in tables.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), model)
    tokenizer().save(str(pieces))
    return model, pieces


def _body() -> onnx.GraphProto:
    """One turn of the loop: nothing changes."""
    info = helper.make_tensor_value_info
    return helper.make_graph(
        [helper.make_node("Identity", ["on"], ["on_out"]), helper.make_node("Identity", ["value"], ["value_out"])],
        "turn",
        [info("turn", TensorProto.INT64, []), info("on", TensorProto.BOOL, []), info("value", TensorProto.INT64, [])],
        [info("on_out", TensorProto.BOOL, []), info("value_out", TensorProto.INT64, [])],
    )
