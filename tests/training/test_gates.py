"""Branches that run only where they are asked for. Needs no torch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from reference_encoder import random_weights, ranges_of

from router_extproc.encoders.graph import GATE, Graph
from router_extproc.encoders.heads import CONTENTS, JAILBREAK, OUTPUTS, POOLED
from router_extproc.encoders.runtime import onnxruntime, session_options
from router_extproc.training.export import Exporter
from router_extproc.training.gates import flat, gated, in_order, only, read

LAYERS = 1
WEIGHTS = random_weights(LAYERS)
TOKEN_HEAD = ("tags", "types", "peaks")
IDS = np.array([[5, 9, 11, 3], [5, 7, 0, 0]])
INPUTS = {"input_ids": IDS, "attention_mask": (IDS > 0).astype(np.int64), "marks": np.zeros_like(IDS)}


def exported() -> onnx.ModelProto:
    """As `train` writes it."""
    return Exporter(WEIGHTS, ranges_of(WEIGHTS, LAYERS)).model(LAYERS)


def names(model: onnx.ModelProto) -> list[str]:
    """Of the nodes that stand in no branch."""
    return [node.name for node in model.graph.node]


def ran(path: Path, outputs: tuple[str, ...]) -> set[str]:
    """The nodes that onnxruntime itself says it ran, with the gates of these outputs open."""
    options = session_options()
    options.enable_profiling, options.profile_file_prefix = True, str(path.parent / "profile")
    session = onnxruntime().InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    gates = [each.name for each in session.get_inputs() if each.name.startswith(GATE)]
    opened = {gate: np.array(not set(outputs).isdisjoint(gate.removeprefix(GATE).split("."))) for gate in gates}
    session.run(outputs, INPUTS | opened)
    events = json.loads(Path(session.end_profiling()).read_text())
    return {event["name"].removesuffix("_kernel_time") for event in events if event["name"].endswith("_kernel_time")}


class TestGated:
    def test_opens_a_gate_for_each_group(self) -> None:
        """Each output of a head, the token head's three together, and what all pooled heads read."""
        gates = [each.name for each in exported().graph.input if each.name.startswith(GATE)]

        assert sorted(gates) == sorted(GATE + ".".join(group) for group in (*((each,) for each in OUTPUTS), TOKEN_HEAD, POOLED))

    @pytest.mark.parametrize("output", ["embedding", "tags", "domain", CONTENTS])
    def test_runs_what_is_asked_for_and_nothing_else(self, tmp_path: Path, output: str) -> None:
        """A run computes every output of a graph, whichever are fetched: without gates each text would pay for all heads."""
        onnx.save(exported(), tmp_path / "model.onnx")
        found = ran(tmp_path / "model.onnx", (output,))

        whole = exported()
        flat(whole)
        makers = {name: node for node in whole.graph.node for name in node.output}
        last = {head: makers[head].input[0] for head in OUTPUTS}  # before the outer product, whose name is the head's in both
        assert {head for head, before in last.items() if makers[before].name in found} == {output} & set(OUTPUTS)
        assert ("peaks" in found) == (output == "tags")

    def test_all_outputs_at_once(self, tmp_path: Path) -> None:
        """Run all of it."""
        onnx.save(exported(), tmp_path / "model.onnx")
        whole = exported()
        flat(whole)
        found = ran(tmp_path / "model.onnx", ("embedding", *TOKEN_HEAD, *OUTPUTS))

        assert len(found) >= len(whole.graph.node) * 0.9  # it joins a few into one

    def test_changes_no_number(self, tmp_path: Path) -> None:
        """Of any output."""
        model = exported()
        onnx.save(model, tmp_path / "gated.onnx")
        flat(model)
        onnx.save(model, tmp_path / "flat.onnx")
        outputs = ("embedding", *TOKEN_HEAD, *OUTPUTS)
        one, other = (Graph(tmp_path / f"{name}.onnx").run(outputs, INPUTS) for name in ("gated", "flat"))

        for name in outputs:
            np.testing.assert_array_equal(one[name], other[name], err_msg=name)

    def test_what_another_output_needs_stays_outside(self) -> None:
        """The mean over the tokens is the embedding's, too."""
        assert "mean" in names(exported())


class TestFlat:
    def test_undoes_it(self) -> None:
        """But for the order of nodes: the same are there, with the same names and inputs."""
        model = exported()
        flat(model)
        first = {node.name: node.SerializeToString() for node in model.graph.node}
        gated(model)
        flat(model)

        assert {node.name: node.SerializeToString() for node in model.graph.node} == first
        assert [each.name for each in model.graph.input] == list(INPUTS)
        assert not [each for each in model.graph.initializer if each.name == "nothing"]

    def test_leaves_other_branches(self) -> None:
        """Attention has two, with a mask and without."""
        model = exported()
        flat(model)

        assert [node.input[0] for node in model.graph.node if node.op_type == "If"] == ["unpadded"] * LAYERS


class TestOnly:
    def test_has_what_the_value_needs(self, tmp_path: Path) -> None:
        """And neither nodes nor weights of anything else."""
        model = exported()
        flat(model)
        only(model, "mean")
        onnx.save(model, tmp_path / "model.onnx")

        assert [each.name for each in model.graph.output] == ["mean"]
        assert not [each.name for each in model.graph.initializer if each.name.startswith(("heads.", "tags."))]
        assert Graph(tmp_path / "model.onnx").run(("mean",), INPUTS)["mean"].shape[0] == len(IDS)


class TestRead:
    def test_what_branches_read_counts(self) -> None:
        """But not what they make for themselves."""
        inner = [helper.make_node("Neg", ["x"], ["y"]), helper.make_node("Add", ["y", "z"], ["w"])]
        branch = helper.make_graph(inner, "branch", [], [helper.make_tensor_value_info("w", TensorProto.FLOAT, None)])
        node = helper.make_node("If", ["c"], ["v"], then_branch=branch, else_branch=branch)

        assert read(node) == {"c", "x", "z"}

    def test_an_input_that_is_left_out_is_none(self) -> None:
        """It has an empty name."""
        assert read(helper.make_node("Clip", ["x", "", "top"], ["y"])) == {"x", "top"}


def test_in_order() -> None:
    """What is read comes first, and what needs nothing keeps its place."""
    first, second, third = (helper.make_node("Neg", [a], [b], name=b) for a, b in (("x", "a"), ("a", "b"), ("x", "c")))

    assert [node.name for node in in_order([second, third, first])] == ["a", "b", "c"]


class TestGraph:
    def test_a_gate_is_opened_for_any_of_its_outputs(self, tmp_path: Path) -> None:
        """And its outputs come from the branch: here the closed one fails, as it asks for what is not there."""
        value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("a", "b")]
        good = [helper.make_node("Neg", ["x"], ["a1"]), helper.make_node("Abs", ["x"], ["b1"])]
        bad = [helper.make_node("Reshape", ["x", "shape"], [name]) for name in ("a2", "b2")]
        branches = [
            helper.make_graph(
                nodes, name, [], [helper.make_tensor_value_info(f"{each}{at}", TensorProto.FLOAT, None) for each in "ab"]
            )
            for at, (name, nodes) in enumerate((("then", good), ("else", bad)), 1)
        ]
        gate = GATE + "a.b"
        nodes = [
            helper.make_node("If", [gate], ["a", "b"], then_branch=branches[0], else_branch=branches[1]),
            helper.make_node("Sqrt", ["x"], ["c"]),
        ]
        inputs = [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N"]),
            helper.make_tensor_value_info(gate, TensorProto.BOOL, []),
        ]
        outputs = [*value, helper.make_tensor_value_info("c", TensorProto.FLOAT, ["N"])]
        shape = numpy_helper.from_array(np.array([7]), "shape")
        graph = helper.make_graph(nodes, "gates", inputs, outputs, [shape])
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), tmp_path / "model.onnx")
        found = Graph(tmp_path / "model.onnx")
        given = {"x": np.array([4.0, 9.0], np.float32)}

        assert list(found.inputs) == ["x"]
        assert found.run(("a",), given)["a"].tolist() == [-4, -9]
        assert found.run(("c", "b"), given)["b"].tolist() == [4, 9]
        with pytest.raises(Exception, match="Reshape"):
            found.run(("c",), given)


def test_an_input_with_such_a_name_that_is_no_switch(tmp_path: Path) -> None:
    """Is one that is given: a model of an operator's may call its inputs anything."""
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N"]) for name in (GATE + "a", "a")]
    graph = helper.make_graph([helper.make_node("Neg", [GATE + "a"], ["a"])], "own", value[:1], value[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), tmp_path / "model.onnx")
    found = Graph(tmp_path / "model.onnx")

    assert list(found.inputs) == [GATE + "a"]
    assert found.run(("a",), {GATE + "a": np.ones(2, np.float32)})["a"].tolist() == [-1, -1]


def test_heads_of_users_pay_for_no_contents() -> None:
    """What tools and documents bring in has an output of its own, with weights over the tokens of its own."""
    model = exported()
    inside = {node.name: {inner.name for each in node.attribute for inner in each.g.node} for node in model.graph.node}

    assert len(inside[GATE + CONTENTS]) > len(inside[GATE + JAILBREAK])
