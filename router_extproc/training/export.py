"""Export: the trained network as an ONNX graph with int8 weights and fixed activation scales, written node by node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from router_extproc.encoders.heads import CONTENTS, OUTPUTS, POOLED, SPANS, TAGS, width
from router_extproc.training.blocks import product
from router_extproc.training.gates import gated
from router_extproc.training.shape import EPSILON, HEADS, HIDDEN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from onnx import NodeProto

    from router_extproc.training.quantisation import Range

_MICROSOFT = "com.microsoft"
_OPSET = 18
_IR = 10
_MASKED = -1e4
_ATTENDED = {"attend": POOLED, "attend_contents": (CONTENTS,)}
"""Outputs whose weights over the tokens stand in one initialiser, a column each: those that are asked for of the same windows."""


class Writer:
    """Collects nodes and initialisers."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self._constants: dict[str, Any] = {}

    @property
    def constants(self) -> list[Any]:
        """All initialisers."""
        return list(self._constants.values())

    def constant(self, name: str, value: NDArray[Any]) -> str:
        """An initialiser; the same name twice is one."""
        self._constants.setdefault(name, numpy_helper.from_array(np.array(value, order="C"), name))
        return name

    def op(self, kind: str, *inputs: str, domain: str = "", out: str = "", **attributes: Any) -> str:
        """A node with one output; its name."""
        name = out or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, domain=domain, **attributes))
        return name

    def add(self, node: NodeProto, constants: Sequence[Any]) -> str:
        """A node that is made already, with one output, and its initialisers; its name."""
        self.nodes.append(node)
        self._constants |= {each.name: each for each in constants}
        return str(node.output[0])

    def either(self, condition: str, yes: Any, no: Any) -> str:
        """One of two nodes, each with one output, by a condition."""
        branches = []
        for node in (yes, no):
            value = helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, ["B", "T", HIDDEN])
            branches.append(helper.make_graph([node], node.output[0], [], [value]))
        return self.op("If", condition, then_branch=branches[0], else_branch=branches[1])


class Exporter:
    """Writes one network. With `ranges` the products are int8; without them they stay float32, for comparison."""

    def __init__(self, weights: Mapping[str, NDArray[np.float32]], ranges: Mapping[tuple[int, str], Range] | None) -> None:
        self._weights = weights
        self._ranges = ranges
        self._writer = Writer()

    def model(self, layers: int) -> onnx.ModelProto:
        """The whole graph. Inputs are (B, T) int64, but for its gates; outputs are float32."""
        write = self._writer
        hidden = self._embedded()
        self._masks()
        for number in range(layers):
            hidden = self._layer(number, hidden)
        self._outputs(hidden)
        values = [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["B", "T"])
            for name in ("input_ids", "attention_mask", "marks")
        ]
        shapes: dict[str, list[Any]] = {
            "embedding": ["B", HIDDEN],
            "tags": ["B", "T", TAGS],
            "types": ["B", "T", 1 + len(SPANS)],
            "peaks": ["B", 1 + len(SPANS)],
            **{head: ["B", width(head)] for head in OUTPUTS},
        }
        outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
        graph = helper.make_graph(write.nodes, "router", values, outputs, write.constants)
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_MICROSOFT, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR)
        gated(model)
        return model

    def _weight(self, name: str) -> NDArray[np.float32]:
        return self._weights[name]

    def _embedded(self) -> str:
        """Sum of word, place and mark, normalised. The word table is int8 with a scale a row."""
        write = self._writer
        words = self._weight("encoder.words.weight")
        scales = (np.abs(words).max(1, keepdims=True) / 127).clip(1e-9).astype(np.float32)
        table = write.constant("words", np.round(words / scales).astype(np.int8))
        rows = write.op("Cast", write.op("Gather", table, "input_ids"), to=TensorProto.FLOAT)
        rows = write.op("Mul", rows, write.op("Gather", write.constant("word_scales", scales), "input_ids"))
        length = write.op("Shape", "input_ids", start=1, end=2)
        places = write.constant("places", self._weight("encoder.positions.weight"))
        rows = write.op("Add", rows, write.op("Slice", places, write.constant("zero", np.array([0], np.int64)), length))
        rows = write.op(
            "Add", rows, write.op("Gather", write.constant("mark_table", self._weight("encoder.marks.weight")), "marks")
        )
        return self._norm(rows, "encoder.norm")

    def _masks(self) -> None:
        """Whether no window is padded; and _MASKED where there is no token, for heads' scores, (B, T, 1), and attention, (B, 1, T, T)."""
        write = self._writer
        least = write.op("ReduceMin", "attention_mask", keepdims=0)
        write.op("Cast", least, to=TensorProto.BOOL, out="unpadded")
        present = write.op("Cast", "attention_mask", to=TensorProto.FLOAT, out="present")
        missing = write.op("Sub", write.constant("one", np.array(1, np.float32)), present)
        masked = write.op("Mul", missing, write.constant("masked", np.array(_MASKED, np.float32)), out="missing")
        write.op("Unsqueeze", masked, write.constant("axis_2", np.array([2], np.int64)), out="gone")
        length = write.op("Shape", "input_ids", start=1, end=2)
        rows = write.op("Shape", "input_ids", start=0, end=1)
        shape = write.op("Concat", rows, write.constant("one_row", np.array([1], np.int64)), length, length, axis=0)
        wide = write.op("Unsqueeze", masked, write.constant("axes_1_2", np.array([1, 2], np.int64)))
        write.op("Expand", wide, shape, out="mask_bias")

    def _norm(self, value: str, name: str, out: str = "") -> str:
        write = self._writer
        gain = write.constant(f"{name}.weight", self._weight(f"{name}.weight"))
        shift = write.constant(f"{name}.bias", self._weight(f"{name}.bias"))
        return write.op("LayerNormalization", value, gain, shift, axis=-1, epsilon=EPSILON, out=out)

    def _layer(self, number: int, hidden: str) -> str:
        write, name = self._writer, f"encoder.layers.{number}"
        mixed = self._attention(number, self._projected(number, hidden))
        hidden = self._norm(write.op("Add", self._product(number, "out", mixed), hidden), f"{name}.norm_attention")
        inner = write.op("Gelu", self._product(number, "up", hidden), domain=_MICROSOFT)
        return self._norm(write.op("Add", self._product(number, "down", inner), hidden), f"{name}.norm_inner")

    def _attention(self, number: int, projected: Sequence[str]) -> str:
        """Without a mask where no window is padded: that kernel is up to a fifth faster."""
        plain, masked = (
            helper.make_node(
                "MultiHeadAttention",
                [*projected, *extra],
                [f"attention_{number}_{kind}"],
                name=f"attention_{number}_{kind}",
                domain=_MICROSOFT,
                num_heads=HEADS,
            )
            for kind, extra in (("plain", ()), ("masked", ("", "", "mask_bias")))
        )
        return self._writer.either("unpadded", plain, masked)

    def _projected(self, number: int, hidden: str) -> list[str]:
        """Query, key and value. What smooths the attention's output is taken into the value, which it is a weighted mean of."""
        name = f"encoder.layers.{number}.qkv"
        weights, shifts = np.split(self._weight(f"{name}.weight"), 3), np.split(self._weight(f"{name}.bias"), 3)
        after = None if self._ranges is None else self._ranges[number, "out"].smooth
        if after is not None:
            weights[2], shifts[2] = weights[2] / after[:, None], shifts[2] / after
        value = self._quantised(number, "qkv", hidden)
        return [
            self._times(number, "qkv", value, f"{name}.{part}", weight, shift)
            for part, weight, shift in zip(("query", "key", "value"), weights, shifts, strict=True)
        ]

    def _product(self, number: int, product: str, value: str) -> str:
        """A matrix product with its bias."""
        name = f"encoder.layers.{number}.{product}"
        weight, shift = self._weight(f"{name}.weight"), self._weight(f"{name}.bias")
        return self._times(number, product, self._quantised(number, product, value), name, weight, shift)

    def _quantised(self, number: int, product: str, value: str) -> str:
        """A product's input as uint8, or as it is."""
        write, name = self._writer, f"encoder.layers.{number}.{product}"
        if self._ranges is None:
            return value
        known = self._ranges[number, product]
        if product != "out" and not np.all(known.smooth == 1):
            value = write.op("Mul", value, write.constant(f"{name}.smooth", 1 / known.smooth))
        scale, zero = self._scale(number, product)
        return write.op("QuantizeLinear", value, scale, zero)

    def _scale(self, number: int, product: str) -> tuple[str, str]:
        assert self._ranges is not None  # noqa: S101 - only asked for where there are ranges
        write, name, known = self._writer, f"encoder.layers.{number}.{product}", self._ranges[number, product]
        scale = write.constant(f"{name}.scale", np.array(known.scale, np.float32))
        return scale, write.constant(f"{name}.zero", np.array(known.zero, np.uint8))

    def _times(
        self, number: int, product: str, value: str, name: str, weight: NDArray[np.float32], shift: NDArray[np.float32]
    ) -> str:
        """Value times weight plus shift; int8 with a scale for each output if there are ranges."""
        write = self._writer
        bias = write.constant(f"{name}.bias", shift)
        if self._ranges is None:
            return write.op("Add", write.op("MatMul", value, write.constant(f"{name}.weight", weight.T)), bias)
        weight = weight * self._ranges[number, product].smooth
        scales = (np.abs(weight).max(1) / 127).clip(1e-9).astype(np.float32)
        table = write.constant(f"{name}.int8", np.round(weight / scales[:, None]).astype(np.int8).T)
        scale, zero = self._scale(number, product)
        return write.op(
            "MatMulIntegerToFloat",
            value, table, scale, write.constant(f"{name}.scales", scales), zero, "", bias,
            domain=_MICROSOFT,
        )  # fmt: skip

    def _outputs(self, hidden: str) -> None:
        write = self._writer
        axis = write.constant("axis_1", np.array([1], np.int64))
        column = write.op("Unsqueeze", "present", write.constant("axis_2", np.array([2], np.int64)))
        total = write.op("ReduceSum", write.op("Mul", hidden, column), axis, keepdims=0)
        mean = write.op("Div", total, write.op("ReduceSum", "present", axis, keepdims=1), out="mean")
        write.op("LpNormalization", mean, axis=-1, p=2, out="embedding")
        weight = write.constant("tags.weight", self._weight("tags.weight").T)
        write.op("Add", write.op("MatMul", hidden, weight), write.constant("tags.bias", self._weight("tags.bias")), out="tags")
        for name, outputs in _ATTENDED.items():
            chosen = self._chosen(hidden, name)
            for number, head in enumerate(outputs):
                self._head(head, hidden, chosen, number, mean)
        self._types(column)

    def _types(self, column: str) -> None:
        """What the tags say of each type, and the most that they say of it anywhere: in numpy this takes ten times as long.

        `column` is 1 for each token and 0 for padding, (B, T, 1).
        """
        write = self._writer
        sums = np.zeros((TAGS, 1 + len(SPANS)), np.float32)
        sums[range(TAGS), [(1 + tag) // 2 for tag in range(TAGS)]] = 1
        shares = write.op("Softmax", "tags", axis=-1)
        types = write.op("MatMul", shares, write.constant("types.sums", sums), out="types")
        kept = write.op("Mul", types, column)
        write.op("ReduceMax", kept, write.constant("axis_1", np.array([1], np.int64)), keepdims=0, out="peaks")

    def _chosen(self, hidden: str, name: str) -> str:
        """The weighted mean of the tokens of each of some outputs, (B, outputs, HIDDEN), in two products for all of them."""
        write = self._writer
        attend = np.concatenate([self._weight(f"heads.{head}.attend.weight") for head in _ATTENDED[name]])
        scores = write.op("MatMul", hidden, write.constant(name, attend.T))  # a constant added to all tokens would change nothing
        shares = write.op("Softmax", write.op("Add", scores, "gone"), axis=1)
        return write.op("MatMul", write.op("Transpose", shares, perm=[0, 2, 1]), hidden)

    def _head(self, head: str, hidden: str, chosen: str, number: int, mean: str) -> None:
        write, name = self._writer, f"heads.{head}"
        own = write.op("Gather", chosen, write.constant(f"head_{number}", np.array(number, np.int64)), axis=1)
        heard = [own, mean]
        if f"{name}.maxima.weight" in self._weights:
            heard.append(highest(write, head, hidden, "gone", self._weight(f"{name}.maxima.weight")))
        value = write.op("Concat", *heard, axis=-1)
        value = self._inner(f"{name}.inner", value)
        write.op("Gemm", write.op("Gelu", value, domain=_MICROSOFT), *self._pair(f"{name}.outer"), transB=1, out=head)

    def _inner(self, name: str, value: str) -> str:
        """What a head makes of all that it hears; int8 if there are ranges, though it needs none."""
        write = self._writer
        if self._ranges is None:
            return write.op("Gemm", value, *self._pair(name), transB=1)
        write.constant(f"{name}.bias", self._weight(f"{name}.bias"))
        return write.add(*product(name, value, f"{name}.made", self._weight(f"{name}.weight")))

    def _pair(self, name: str) -> tuple[str, str]:
        write = self._writer
        return write.constant(f"{name}.weight", self._weight(f"{name}.weight")), write.constant(
            f"{name}.bias", self._weight(f"{name}.bias")
        )


def highest(write: Writer, head: str, hidden: str, gone: str, weight: NDArray[np.float32]) -> str:
    """The maxima over the tokens that an output of SEEKING hears, (B, MAXIMA).

    `gone` is added to what is said of tokens, (B, T, 1); `weight` is (MAXIMA, HIDDEN).
    """
    name = f"heads.{head}.maxima"
    scores = write.op("MatMul", hidden, write.constant(f"{name}.weight", weight.T), out=f"{name}.scores")
    seen = write.op("Add", scores, gone, out=f"{name}.seen")
    return write.op("ReduceMax", seen, write.constant("axis_1", np.array([1], np.int64)), keepdims=0, out=name)


def attended(head: str) -> tuple[str, int]:
    """Where the graph has the weights over the tokens of one of OUTPUTS: the initialiser and the column in it."""
    name = next(name for name, outputs in _ATTENDED.items() if head in outputs)
    return name, _ATTENDED[name].index(head)


def weights_of(network: Any) -> dict[str, NDArray[np.float32]]:
    """A network's weights as arrays."""
    return {name: value.detach().float().numpy() for name, value in network.state_dict().items()}
