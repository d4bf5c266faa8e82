"""Restore: a network out of a bundle's graph, so that training can go on where its weights are all that is left of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from router_extproc.encoders.bundle import GRAPH
from router_extproc.encoders.heads import OUTPUTS
from router_extproc.training.network import Network
from router_extproc.training.quantisation import PRODUCTS
from router_extproc.training.shape import Shape
from router_extproc.training.states import weights_in

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[np.float32]]

_QUERY_KEY_VALUE = ("query", "key", "value")


def restored(folder: Path) -> Network:
    """The network of a bundle whose graph has int8 weights. Raises OSError; ValueError if it has none.

    Its weights are those that were rounded. What quantisation moved from the attention's values to the product behind them stays
    there: the two together say the same.
    """
    graph = onnx.load(str(folder / GRAPH)).graph
    known = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    if "encoder.layers.0.up.int8" not in known:
        raise ValueError(f"{folder / GRAPH}: it has no int8 weights as `train` writes them, from which training could go on")
    layers = 1 + max(int(name.split(".")[2]) for name in known if name.startswith("encoder.layers."))
    words = known["words"] * known["word_scales"]
    inner = known["encoder.layers.0.up.int8"].shape[1]
    network = Network(Shape(vocabulary=len(words), positions=len(known["places"]), layers=layers, inner=inner))
    weights = {
        "encoder.words.weight": words, "encoder.positions.weight": known["places"], "encoder.marks.weight": known["mark_table"],
        "tags.weight": known["tags.weight"].T, "tags.bias": known["tags.bias"],
    }  # fmt: skip
    weights |= {name: known[name] for name in network.state_dict() if "norm" in name}
    for number in range(layers):
        weights |= _layer(known, f"encoder.layers.{number}")
    for head in OUTPUTS:
        weights |= _head(known, head)
    network.load_state_dict({name: torch.tensor(np.ascontiguousarray(value)) for name, value in weights.items()})
    return network.eval()


def _layer(known: Arrays, layer: str) -> dict[str, NDArray[np.float32]]:
    found: dict[str, NDArray[np.float32]] = {}
    for product in PRODUCTS:
        name = f"{layer}.{product}"
        parts = [f"{name}.{part}" for part in _QUERY_KEY_VALUE] if product == "qkv" else [name]
        rows = np.concatenate([known[f"{part}.int8"].T * known[f"{part}.scales"][:, None] for part in parts])
        found[f"{name}.weight"] = (rows / _smooth(known, name, rows.shape[1])).astype(np.float32)
        found[f"{name}.bias"] = np.concatenate([known[f"{part}.bias"] for part in parts])
    return found


def _smooth(known: Arrays, name: str, inputs: int) -> NDArray[np.float32]:
    """What the weights were multiplied with: the graph holds what their input is multiplied with instead, if it is."""
    inverse = known.get(f"{name}.smooth")
    return np.ones(inputs, np.float32) if inverse is None else (1 / inverse).astype(np.float32)


def _head(known: Arrays, head: str) -> dict[str, NDArray[np.float32]]:
    found = {f"heads.{head}.{part}": value for part, value in weights_in(known, head).items()}
    # A constant added to all tokens would change nothing, so that the graph has none.
    return found | {f"heads.{head}.attend.bias": np.zeros(1, np.float32)}
