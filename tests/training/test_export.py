"""The exported graph, against the same network in numpy. Needs no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from reference_encoder import POSITIONS, VOCABULARY, Reference, random_weights, ranges_of

from router_extproc.encoders import heads
from router_extproc.encoders.graph import Graph
from router_extproc.encoders.heads import SPANS, TAGS, width
from router_extproc.encoders.tokens import CASES
from router_extproc.training.export import Exporter, Writer
from router_extproc.training.gates import flat, read
from router_extproc.training.quantisation import PRODUCTS
from router_extproc.training.shape import HIDDEN, SEEKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    Arrays = Mapping[str, np.ndarray[Any, Any]]
    Windows = Sequence[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]

LAYERS = 2
OUTPUTS = ("embedding", "tags", "types", "peaks", *heads.OUTPUTS)
WEIGHTS = random_weights(LAYERS)


def windows(*lengths: int, seed: int = 1) -> Windows:
    """Word pieces and marks by chance."""
    chance = np.random.default_rng(seed)
    return [(chance.integers(0, VOCABULARY, length), chance.integers(0, 2 * CASES, length)) for length in lengths]


def batch(found: Windows) -> Arrays:
    """The graph's inputs for these windows, padded to the longest. What stands in the padding is arbitrary."""
    shape = (len(found), max(len(ids) for ids, _ in found))
    inputs = {name: np.full(shape, fill, np.int64) for name, fill in (("input_ids", 3), ("attention_mask", 0), ("marks", 1))}
    for row, (ids, marks) in enumerate(found):
        inputs["input_ids"][row, : len(ids)] = ids
        inputs["attention_mask"][row, : len(ids)] = 1
        inputs["marks"][row, : len(ids)] = marks
    return inputs


MODELS = {"float32": Exporter(WEIGHTS, None).model(LAYERS), "int8": Exporter(WEIGHTS, ranges_of(WEIGHTS, LAYERS)).model(LAYERS)}


def without_gates(model: onnx.ModelProto) -> onnx.GraphProto:
    """All nodes side by side."""
    found = onnx.ModelProto()
    found.CopyFrom(model)
    flat(found)
    return found.graph


FLAT = {name: without_gates(model) for name, model in MODELS.items()}


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Graph]:
    """Both, as serving loads them."""
    folder: Path = tmp_path_factory.mktemp("graphs")
    for name, model in MODELS.items():
        onnx.save(model, folder / f"{name}.onnx")
    return {name: Graph(folder / f"{name}.onnx") for name in MODELS}


def needed(graph: onnx.GraphProto, output: str) -> set[str]:
    """The values that an output is computed from."""
    sources = {name: node for node in graph.node for name in node.output}
    found, open_ = set(), [output]
    while open_:
        name = open_.pop()
        if name and name not in found:
            found.add(name)
            open_ += read(sources[name]) if name in sources else []
    return found


class TestFloat32:
    @pytest.mark.parametrize("length", [2, 7, POSITIONS])
    def test_is_the_network(self, graphs: dict[str, Graph], length: int) -> None:
        """Every output of one window."""
        ((ids, marks),) = windows(length)
        found = graphs["float32"].run(OUTPUTS, batch([(ids, marks)]))

        for name, wanted in Reference(WEIGHTS, LAYERS).read(ids, marks).items():
            np.testing.assert_allclose(found[name][0], wanted, atol=2e-4, err_msg=name)

    def test_padded_rows_are_as_each_alone(self, graphs: dict[str, Graph]) -> None:
        """Though another kernel reads them."""
        several = windows(5, 12, 9)
        found = graphs["float32"].run(OUTPUTS, batch(several))

        for row, (ids, marks) in enumerate(several):
            alone = graphs["float32"].run(OUTPUTS, batch([(ids, marks)]))
            for name in OUTPUTS:
                value = found[name][row, : len(ids)] if name in {"tags", "types"} else found[name][row]
                np.testing.assert_allclose(value, alone[name][0], atol=2e-5, err_msg=name)

    def test_a_batch_without_padding(self, graphs: dict[str, Graph]) -> None:
        """Is each of its rows, too."""
        several = windows(8, 8, 8)
        found = graphs["float32"].run(OUTPUTS, batch(several))

        for row, each in enumerate(several):
            alone = graphs["float32"].run(OUTPUTS, batch([each]))
            for name in OUTPUTS:
                np.testing.assert_allclose(found[name][row], alone[name][0], atol=2e-5, err_msg=name)

    def test_marks_matter(self, graphs: dict[str, Graph]) -> None:
        """The same pieces in capitals, or from a document, are read otherwise."""
        ((ids, marks),) = windows(7)
        said, brought = (graphs["float32"].run(OUTPUTS, batch([(ids, each)])) for each in (marks % CASES, marks % CASES + CASES))

        assert all(np.abs(said[name] - brought[name]).max() > 1e-3 for name in OUTPUTS)

    def test_takes_no_more_tokens_than_places(self, graphs: dict[str, Graph]) -> None:
        """A window that is too long is refused, not read askew."""
        with pytest.raises(Exception, match="broadcast"):
            graphs["float32"].run(("embedding",), batch(windows(POSITIONS + 1)))


class TestInt8:
    def test_is_close_to_float32(self, graphs: dict[str, Graph]) -> None:
        """Chance for weights makes it no easier: each output goes the same way."""
        several = batch(windows(30, 40, 20, 40, seed=4))
        found, wanted = (graphs[name].run(OUTPUTS, several) for name in ("int8", "float32"))
        kept = several["attention_mask"].astype(bool)

        assert (found["embedding"] * wanted["embedding"]).sum(-1).min() > 0.999
        for name in ("tags", *heads.OUTPUTS):
            rows, right = (each[name][kept] if name == "tags" else each[name] for each in (found, wanted))
            assert np.abs(rows - right).mean() < 0.05 * np.abs(right).mean() + 0.01, name

    def test_is_not_float32(self, graphs: dict[str, Graph]) -> None:
        """Something was quantised."""
        several = batch(windows(30))

        assert np.any(graphs["int8"].run(("tags",), several)["tags"] != graphs["float32"].run(("tags",), several)["tags"])

    def test_scores_do_not_depend_on_the_batch(self, graphs: dict[str, Graph]) -> None:
        """Scales are fixed: what is left is a rounding to the other side, now and then."""
        several = windows(6, 31, 17)
        found = graphs["int8"].run(OUTPUTS, batch(several))

        for row, each in enumerate(several):
            alone = graphs["int8"].run(OUTPUTS, batch([each]))
            for name in ("embedding", *heads.OUTPUTS):
                np.testing.assert_allclose(found[name][row], alone[name][0], atol=5e-3, err_msg=name)

    def test_all_products_are_int8(self) -> None:
        """Query, key and value apart, so that the value can be smoothed: six a layer. Of each head the one with the most weights."""
        kinds = [node.op_type for node in FLAT["int8"].node]

        assert kinds.count("MatMulIntegerToFloat") == 6 * LAYERS
        assert kinds.count("QuantizeLinear") == len(PRODUCTS) * LAYERS
        assert kinds.count("MatMulNBits") == len(heads.OUTPUTS)

    def test_takes_a_quarter_of_the_room(self) -> None:
        """Of the products' weights, that is."""
        for of in ("encoder.layers", "heads.domain.inner"):
            sizes = {
                name: sum(len(each.raw_data) for each in model.graph.initializer if each.name.startswith(of))
                for name, model in MODELS.items()
            }

            assert sizes["int8"] < 0.3 * sizes["float32"], of


@pytest.mark.parametrize("name", MODELS)
class TestGraph:
    def test_has_the_shapes_that_serving_reads(self, graphs: dict[str, Graph], name: str) -> None:
        """Batch and tokens are free."""
        types = 1 + len(SPANS)
        shapes = {"embedding": ["B", HIDDEN], "tags": ["B", "T", TAGS], "types": ["B", "T", types], "peaks": ["B", types]}

        assert graphs[name].outputs == shapes | {head: ["B", width(head)] for head in heads.OUTPUTS}
        assert graphs[name].inputs == {each: ["B", "T"] for each in ("input_ids", "attention_mask", "marks")}

    def test_picks_the_kernel_without_a_mask_where_nothing_is_padded(self, name: str) -> None:
        """In each layer; the other one adds the mask."""
        choices = [node for node in FLAT[name].node if node.op_type == "If"]

        assert [list(node.input) for node in choices] == [["unpadded"]] * LAYERS
        for node in choices:
            inside = {attribute.name: attribute.g.node[0] for attribute in node.attribute}
            assert "mask_bias" not in inside["then_branch"].input
            assert inside["else_branch"].input[-1] == "mask_bias"

    def test_outputs_not_asked_for_are_not_needed(self, name: str) -> None:
        """The embedding needs no head, and a head needs the last layers of no other."""
        weights = (".weight", ".inner.int8")
        own = {output: {each for each in needed(FLAT[name], output) if each.endswith(weights)} for output in OUTPUTS}
        inner = "weight" if name == "float32" else "int8"

        assert not [each for each in own["embedding"] if each.startswith(("heads.", "tags."))]
        assert [each for each in own["tags"] if each.startswith(("heads.", "tags."))] == ["tags.weight"]
        for head in heads.OUTPUTS:
            outer = {f"heads.{head}.inner.{inner}", f"heads.{head}.outer.weight"}
            outer |= {f"heads.{head}.maxima.weight"} if head in SEEKING else set()
            assert {each for each in own[head] if each.startswith(("heads.", "tags."))} == outer

    def test_all_heads_share_one_pass(self, name: str) -> None:
        """What they are computed from is the same but for their own last layers."""
        found = {head: needed(FLAT[name], head) for head in heads.OUTPUTS}
        shared = set.intersection(*found.values())
        contents = found.pop(heads.CONTENTS)
        together = set.intersection(*found.values())

        assert len(shared) > 20 * LAYERS
        scales = name == "int8"  # of its one int8 product
        assert max(len(each - together) for head, each in found.items() if head not in SEEKING) < 12 + scales
        assert len(found[heads.JAILBREAK] - together) < 16 + scales  # maxima: three nodes and their weights
        assert len(contents - shared) < 21 + scales  # asked for alone, it has its weights over the tokens for itself

    @pytest.mark.parametrize("output", OUTPUTS)
    def test_one_output_alone(self, graphs: dict[str, Graph], name: str, output: str) -> None:
        """Is what it is among all."""
        several = batch(windows(4, 11))

        np.testing.assert_array_equal(
            graphs[name].run((output,), several)[output], graphs[name].run(OUTPUTS, several)[output], strict=True
        )


class TestWriter:
    def test_a_constant_of_the_same_name(self) -> None:
        """Is written once."""
        write = Writer()

        assert [write.constant("one", np.array(1.0)), write.constant("one", np.array(1.0))] == ["one", "one"]
        assert [each.name for each in write.constants] == ["one"]

    def test_names_of_nodes_differ(self) -> None:
        """Though they do the same."""
        write = Writer()

        assert write.op("Relu", "x") != write.op("Relu", "x")
