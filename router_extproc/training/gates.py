"""Gates: branches of a graph that run only where what they give is asked for.

onnxruntime runs all nodes of a graph, whichever outputs are fetched; its option to run only the path to them does nothing but in builds
for training. So what is needed for some outputs alone stands in the branch of an `If` that an input of the graph opens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from router_extproc.encoders.bundle import PEAKS, TAGS, TYPES
from router_extproc.encoders.graph import GATE
from router_extproc.encoders.heads import OUTPUTS, POOLED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

_GROUPS: tuple[tuple[str, ...], ...] = (*((head,) for head in OUTPUTS), (TAGS, TYPES, PEAKS), POOLED)
"""Outputs that share a gate: what is needed for them and no other goes behind the first that it fits."""
_NOTHING = "nothing"
_GIVEN = ".given"
"""What a branch calls its outputs: a name is one value, whatever graph it stands in."""


def gated(model: ModelProto) -> None:
    """Put what is needed for one of the groups of outputs alone behind a gate. The graph has none yet."""
    graph = model.graph
    outputs = {each.name for each in graph.output}
    wanted = _wanted_for(graph.node, outputs)
    behind: dict[tuple[str, ...], list[NodeProto]] = {group: [] for group in _GROUPS if outputs.issuperset(group)}
    rest: list[NodeProto] = []
    for node in graph.node:
        needed = set().union(*(wanted[name] for name in node.output))
        group = next((group for group in behind if needed.issubset(group)), None)
        (rest if group is None else behind[group]).append(node)
    graph.initializer.append(numpy_helper.from_array(np.zeros(0, np.float32), _NOTHING))
    for group, nodes in behind.items():
        if nodes:
            others = [node for each in (rest, *behind.values()) if each is not nodes for node in each]
            leaving = outputs.union(*map(read, others))
            gate = GATE + ".".join(group)
            graph.input.append(helper.make_tensor_value_info(gate, TensorProto.BOOL, []))
            rest.append(_branching(gate, nodes, [name for node in nodes for name in node.output if name in leaving]))
            nodes.clear()
    ordered = in_order(rest)
    del graph.node[:]
    graph.node.extend(ordered)


def flat(model: ModelProto) -> None:
    """Undo `gated`, if it was done."""
    graph = model.graph
    gates = {each.name for each in graph.input if each.name.startswith(GATE)}
    nodes: list[NodeProto] = []
    for node in graph.node:
        if node.op_type == "If" and node.input[0] in gates:
            then = next(each.g for each in node.attribute if each.name == "then_branch")
            nodes += (_renamed(inner, lambda name: name.removesuffix(_GIVEN)) for inner in then.node)
        else:
            nodes.append(node)
    nodes = [_copy(node) for node in in_order(nodes)]
    for field, gone in ((graph.input, gates), (graph.initializer, {_NOTHING})):
        kept = [each for each in field if each.name not in gone]
        del field[:]
        field.extend(kept)
    del graph.node[:]
    graph.node.extend(nodes)


def only(model: ModelProto, name: str) -> None:
    """Make a value of a graph without gates its one output, and leave out what it does not need."""
    graph = model.graph
    needed, kept = {name}, []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed |= read(node)
            kept.append(_copy(node))
    constants = [each for each in graph.initializer if each.name in needed]
    del graph.node[:], graph.output[:], graph.initializer[:]
    graph.node.extend(reversed(kept))
    graph.initializer.extend(constants)
    graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))


def read(node: NodeProto) -> set[str]:
    """The values that a node reads, those that its branches read from outside among them."""
    inside = [inner for each in node.attribute if each.type == AttributeProto.GRAPH for inner in each.g.node]
    given = {name for inner in inside for name in inner.output}
    return {name for name in node.input if name}.union(*map(read, inside)) - given


def in_order(nodes: Iterable[NodeProto]) -> list[NodeProto]:
    """Nodes behind those whose values they read, else as they come."""
    nodes = list(nodes)
    makers = {name: at for at, node in enumerate(nodes) for name in node.output}
    found: dict[int, NodeProto] = {}

    def place(at: int) -> None:
        if at not in found:
            for name in sorted(read(nodes[at]), key=lambda name: makers.get(name, -1)):
                if name in makers:
                    place(makers[name])
            found[at] = nodes[at]

    for at in range(len(nodes)):
        place(at)
    return list(found.values())


def _wanted_for(nodes: Sequence[NodeProto], outputs: Collection[str]) -> Mapping[str, set[str]]:
    """The outputs that each value is needed for."""
    found = {name: ({name} if name in outputs else set()) for node in nodes for name in node.output}
    for node in reversed(nodes):
        needed = set().union(*(found[name] for name in node.output))
        for name in read(node):
            if name in found:
                found[name] |= needed
    return found


def _branching(gate: str, nodes: Sequence[NodeProto], leaving: Sequence[str]) -> NodeProto:
    """The branch that a gate opens; the other gives no number at all."""
    inner = {name: name + _GIVEN for name in leaving}
    given = [_value(name) for name in inner.values()]
    then = helper.make_graph([_renamed(node, lambda name: inner.get(name, name)) for node in nodes], gate, [], given)
    none = [helper.make_node("Identity", [_NOTHING], [f"{name}.none"]) for name in leaving]
    otherwise = helper.make_graph(none, f"{gate}.not", [], [_value(f"{name}.none") for name in leaving])
    return helper.make_node("If", [gate], list(leaving), name=gate, then_branch=then, else_branch=otherwise)


def _value(name: str) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, None)


def _renamed(node: NodeProto, rename: Callable[[str], str]) -> NodeProto:
    """With other names for what it reads and gives."""
    found = _copy(node)
    for names in (found.input, found.output):
        names[:] = [rename(name) for name in names]
    return found


def _copy(node: NodeProto) -> NodeProto:
    found = NodeProto()
    found.CopyFrom(node)
    return found
