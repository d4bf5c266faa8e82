"""States: what a bundle's encoder makes of texts before any head reads it, and the weights of a head in its graph."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import numpy_helper

from router_extproc.encoders.bundle import GRAPH, TOKENIZER
from router_extproc.encoders.cpus import available_cpus
from router_extproc.encoders.heads import OUTPUTS, origin
from router_extproc.encoders.passages import cut
from router_extproc.encoders.plain import plain
from router_extproc.encoders.runtime import onnxruntime, session_options
from router_extproc.encoders.tokens import CASES, WordPieces
from router_extproc.training.blocks import put_in_blocks, weight_in
from router_extproc.training.export import Writer, attended, highest
from router_extproc.training.gates import flat, gated, only
from router_extproc.training.shape import MAXIMA, SEEKING, WIDE_BOTTLENECK
from router_extproc.training.windows import LENGTH, OVERLAP

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    from router_extproc.encoders.passages import Slice
    from router_extproc.training.corpus import Example

    Arrays = dict[str, NDArray[np.float32]]
    Tick = Callable[[], None]

_CHARACTERS = 3000
"""Read of a text at most: four windows."""
_PARTS = ("inner.bias", "outer.weight", "outer.bias")
_INNER, _MAXIMA = "inner.weight", "maxima.weight"
_IS_INT8 = "encoder.layers.0.up.int8"
"""An initialiser of graphs whose products are int8."""


@dataclass(frozen=True, slots=True)
class States:
    """The last layer's output for the windows of many texts."""

    windows: list[NDArray[np.float16]]
    """(tokens, hidden) each; half precision, as there are many."""
    owners: NDArray[np.int64]
    """Each window's text."""
    targets: NDArray[np.float32]
    """Of each text: one number, or a row of probabilities."""


def states(folder: Path, examples: Sequence[Example], tick: Tick = lambda: None) -> States:
    """The states of examples that have one number for a target, read as serving reads them; `tick` is told of each. Raises OSError."""
    read, found = _Reading(folder), []
    once = {(example.text, origin(example.kind)): example for example in examples}  # many come several times
    with ThreadPoolExecutor(available_cpus()) as pool:
        reading = {key: pool.submit(read.windows, example) for key, example in once.items()}
        for example in examples:
            found.append(reading[example.text, origin(example.kind)].result())
            tick()
    return States(
        [window for windows in found for window in windows],
        np.array([owner for owner, windows in enumerate(found) for _ in windows]),
        np.array([example.target for example in examples], np.float32),
    )


class _Reading:
    """The bundle's graph with its last layer as the only output."""

    def __init__(self, folder: Path) -> None:
        model = onnx.load(str(folder / GRAPH))
        flat(model)
        only(model, _hidden(model.graph))
        options = session_options()  # of one thread each: texts are read side by side
        self._session = onnxruntime().InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        self._pieces = WordPieces(folder / TOKENIZER)

    def windows(self, example: Example) -> list[NDArray[np.float16]]:
        """One for each window."""
        passage = cut(plain(example.text[:_CHARACTERS]), self._pieces, window=LENGTH, overlap=OVERLAP, budget=4)
        return [self._state(piece, origin(example.kind)) for piece in passage.slices]

    def _state(self, piece: Slice, kind: int) -> NDArray[np.float16]:
        ids = np.array([piece.ids], np.int64)
        marks = np.array([piece.cases], np.int64) + kind * CASES
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "marks": marks}
        state: NDArray[np.float16] = self._session.run(None, inputs)[0][0].astype(np.float16)
        return state


def head_weights(folder: Path, head: str) -> Arrays:
    """The weights of one of OUTPUTS, by their names in Pooled. Raises OSError."""
    graph = onnx.load(str(folder / GRAPH)).graph
    return weights_in({each.name: numpy_helper.to_array(each) for each in graph.initializer}, head)


def weights_in(known: Mapping[str, NDArray[Any]], head: str) -> Arrays:
    """The same from a graph's initialisers. An output of SEEKING in a graph that was written before it heard maxima gets some."""
    found = {_INNER: weight_in(known, f"heads.{head}.inner")} | {part: known[f"heads.{head}.{part}"].copy() for part in _PARTS}
    attend, number = attended(head)
    found["attend.weight"] = known[attend][:, number][None].copy()
    maxima = known.get(f"heads.{head}.{_MAXIMA}")
    if maxima is not None:
        return found | {_MAXIMA: maxima.T.copy()}
    return _widened(found) if head in SEEKING else found


def _widened(weights: Arrays) -> Arrays:
    """With maxima, and more that is made of all that is heard. It says what it said: nobody listens to that yet."""
    chance = np.random.default_rng(0)
    old, heard = weights["inner.weight"].shape
    hidden, outputs = heard // 2, len(weights["outer.weight"])
    more, inputs = WIDE_BOTTLENECK - old, heard + MAXIMA

    def table(rows: int, columns: int) -> NDArray[np.float32]:
        limit = columns**-0.5
        return chance.uniform(-limit, limit, (rows, columns)).astype(np.float32)

    inner = np.concatenate((np.pad(weights["inner.weight"], ((0, 0), (0, MAXIMA))), table(more, inputs)))
    return weights | {
        _MAXIMA: table(MAXIMA, hidden),
        "inner.weight": inner,
        "inner.bias": np.pad(weights["inner.bias"], (0, more)),
        "outer.weight": np.concatenate((weights["outer.weight"], np.zeros((outputs, more), np.float32)), 1),
    }


def put_head(folder: Path, head: str, weights: Mapping[str, NDArray[np.float32]]) -> None:
    """Write the weights of one of OUTPUTS into the graph, and bring the rest of it to the form that Exporter gives it. Raises OSError.

    Where an int8 graph still had what heads make of what they hear in float32, it is rounded, but for the difficulty: quality models
    were made of that, too, bit by bit.
    """
    model = onnx.load(str(folder / GRAPH))
    flat(model)
    known = {each.name: each for each in model.graph.initializer}
    name, number = attended(head)
    attend = numpy_helper.to_array(known[name]).copy()
    attend[:, number] = weights["attend.weight"][0]
    if _MAXIMA in weights:
        maxima = known.get(f"heads.{head}.{_MAXIMA}")
        if maxima is None:
            _hear(model.graph, head, weights[_MAXIMA])
        else:
            _replace(maxima, weights[_MAXIMA].T)
    _replace(known[name], attend)
    for part in _PARTS:
        _replace(known[f"heads.{head}.{part}"], weights[part])
    if _IS_INT8 in known:
        arrays = {name: numpy_helper.to_array(each) for name, each in known.items() if ".inner." in name}
        inner = {each: weight_in(arrays, f"heads.{each}.inner") for each in OUTPUTS if each != "difficulty"}
        for each, weight in (inner | {head: weights[_INNER]}).items():
            put_in_blocks(model.graph, f"heads.{each}.inner", weight)
    else:
        _replace(known[f"heads.{head}.{_INNER}"], weights[_INNER])
    gated(model)
    onnx.save(model, str(folder / GRAPH))


def _hear(graph: Any, head: str, weight: NDArray[np.float32]) -> None:
    """Let an output hear maxima, in a graph that was written before it did."""
    known = {each.name for each in graph.initializer}
    nodes, write = list(graph.node), Writer()
    gone = next(
        node.output[0]
        for node in nodes
        if node.op_type == "Unsqueeze" and node.input[0] == "missing" and node.input[1] == "axis_2"
    )
    inner = {f"heads.{head}.inner.weight", f"heads.{head}.inner.int8"}
    heard = next(node.input[0] for node in nodes if inner.intersection(node.input))
    at, together = next((at, node) for at, node in enumerate(nodes) if heard in node.output)
    together.input.append(highest(write, head, _hidden(graph), gone, weight))
    del graph.node[:]
    graph.node.extend([*nodes[:at], *write.nodes, *nodes[at:]])
    graph.initializer.extend(each for each in write.constants if each.name not in known)


def _hidden(graph: Any) -> str:
    """What the last layer gives, in a graph without gates."""
    found: str = next(node.input[0] for node in graph.node if "tags.weight" in node.input)
    return found


def _replace(initializer: Any, value: NDArray[np.float32]) -> None:
    initializer.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(value), initializer.name))
