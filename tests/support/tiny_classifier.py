"""A tiny text classifier as an operator might bring it: an ONNX file and a tokenizer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tiny_bundle import tokenizer, vocabulary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

WORDS: Mapping[str, Sequence[float]] = {
    "thanks": (8.0, 0.0),
    "wrong": (0.0, 8.0),
    "weather": (-0.3, -1.5),
    "court": (500.0, -500.0),
    "ignore": (float("nan"), 0.0),
}
"""What each word adds to the logits of the two labels; the others add nothing."""


def write_classifier(
    folder: Path,
    *,
    inputs: Sequence[str] = ("input_ids", "attention_mask"),
    kind: int = TensorProto.INT64,
    labels: int | str = 2,
    positions: int = 512,
    rank: int = 2,
    batch: int | str = "B",
    length: int | str = "T",
    missing: int = 0,
    gives: int = TensorProto.FLOAT,
    apart: bool = False,
    first: bool = False,
) -> tuple[Path, Path]:
    """Write a model and its tokenizer and give their paths.

    `labels` is what the graph says of its outputs' width: 2, or a name where it does not say. `positions` is how many tokens it can
    read at once. Of rank 3, it gives logits for each token. `batch` and `length` are what the graph says of its inputs; the last `missing`
    pieces of the vocabulary are beyond its table; its outputs are of the type that it `gives`; if they are kept `apart`, the weights
    are in model.onnx.data. Only the `first` token may count, as in most such models, which cannot read what has none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model, pieces = folder / "model.onnx", folder / "tokenizer.json"
    weights = np.zeros((len(vocabulary()) - missing, 2), np.float32)
    for word, row in WORDS.items():
        weights[vocabulary().index(word)] = row
    node = helper.make_node
    nodes = [
        node("Gather", ["weights", "input_ids"], ["rows"]),
        node("Shape", ["input_ids"], ["length"], start=1, end=2),
        node("Squeeze", ["length"], ["count"]),
        node("Range", ["zero", "count", "one"], ["places"]),
        node("Gather", ["known", "places"], ["there"]),
        node("Add", ["rows", "there"], ["tokens"]),
        _summed(rank, first=first),
        node("Cast", ["sums"], ["logits"], to=gives),
    ]
    tables = {
        "weights": weights,
        "known": np.zeros((positions, 1), np.float32),
        "zero": np.array(0, np.int64),
        "one": np.array(1, np.int64),
        "axis": np.array([1], np.int64),
    }
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info(name, kind, [batch, length]) for name in inputs],
        [helper.make_tensor_value_info("logits", gives, ["B", labels] if rank == 2 else ["B", "T", labels])],
        [numpy_helper.from_array(table, name) for name, table in tables.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(made, model, save_as_external_data=apart, location="model.onnx.data", size_threshold=0)
    tokenizer().save(str(pieces))
    return model, pieces


def _summed(rank: int, *, first: bool) -> onnx.NodeProto:
    if rank != 2:
        return helper.make_node("Identity", ["tokens"], ["sums"])
    if first:
        return helper.make_node("Gather", ["tokens", "zero"], ["sums"], axis=1)
    return helper.make_node("ReduceSum", ["tokens", "axis"], ["sums"], keepdims=0)
