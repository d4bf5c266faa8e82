"""A network out of a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch", reason="torch comes with the train extra")

from reference_encoder import POSITIONS, VOCABULARY, Reference, random_weights, ranges_of

from router_extproc.encoders.bundle import GRAPH
from router_extproc.encoders.heads import OUTPUTS, POOLED
from router_extproc.encoders.tokens import CASES
from router_extproc.training.export import Exporter
from router_extproc.training.network import Batch, embedding
from router_extproc.training.restore import restored

if TYPE_CHECKING:
    from pathlib import Path

LAYERS = 2
WEIGHTS = random_weights(LAYERS)
INNER = ".inner.weight"
_STEPS = 127
"""Of a row's largest weight, or a block's, in eight bits."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle's graph."""
    folder = tmp_path_factory.mktemp("restore")
    onnx.save(Exporter(WEIGHTS, ranges_of(WEIGHTS, LAYERS)).model(LAYERS), str(folder / GRAPH))
    return folder


class TestRestored:
    def test_says_what_the_network_said(self, folder: Path) -> None:
        """But for what eight bits cannot tell: a hundredth of what differs from window to window."""
        network, chance = restored(folder), np.random.default_rng(5)
        off, spread = [], []
        for _ in range(8):
            ids, marks = chance.integers(0, VOCABULARY, POSITIONS), chance.integers(0, CASES, POSITIONS)
            wanted = Reference(WEIGHTS, LAYERS).read(ids, marks)
            batch = Batch(torch.tensor(ids)[None], torch.ones(1, POSITIONS, dtype=torch.bool), torch.tensor(marks)[None])
            with torch.no_grad():
                hidden = network.encoder(batch)
                said = {head: network.pooled(head, hidden, batch)[0].numpy() for head in POOLED}
                near = float(embedding(hidden, batch.mask)[0].numpy() @ wanted["embedding"])
                tags = network.tags(hidden)[0].numpy()
            off += [np.abs(tags - wanted["tags"]).mean(), *(np.abs(said[head] - wanted[head]).mean() for head in POOLED)]
            spread += [wanted["tags"].std(0).mean()]
            assert near > 0.999

        assert np.mean(off) < 0.05 * np.mean(spread)

    def test_is_the_network_where_nothing_is_rounded(self, folder: Path) -> None:
        """Word pieces, places, marks, norms and most of the heads."""
        found = restored(folder).state_dict()
        kept = [name for name in found if "norm" in name or not (name.startswith("encoder.layers.") or name.endswith(INNER))]

        assert len(kept) > len(OUTPUTS)
        for name in kept:
            if not name.endswith("attend.bias"):
                assert np.allclose(found[name].numpy(), WEIGHTS[name], atol=1e-6), name

    @pytest.mark.parametrize("product", ["up", "down"])
    def test_rounds_a_weight_by_half_a_step(self, folder: Path, product: str) -> None:
        """Of its row, whose largest weight has 127 of them; smoothing makes the steps of some inputs larger."""
        name = f"encoder.layers.1.{product}.weight"
        found, smooth = restored(folder).state_dict()[name].numpy(), ranges_of(WEIGHTS, LAYERS)[1, product].smooth
        step = np.abs(WEIGHTS[name] * smooth).max(1, keepdims=True) / _STEPS

        assert (np.abs((found - WEIGHTS[name]) * smooth) <= 0.51 * step).all()

    def test_rounds_what_heads_make_of_what_they_hear(self, folder: Path) -> None:
        """By half a step of a block at most."""
        found = restored(folder).state_dict()
        rounded = [name for name in found if name.endswith(INNER)]

        assert len(rounded) == len(OUTPUTS)
        for name in rounded:
            weight = WEIGHTS[name].reshape(-1, 32)
            step = np.abs(weight).max(1, keepdims=True) / _STEPS
            assert (np.abs(found[name].numpy().reshape(-1, 32) - weight) <= 0.51 * step).all(), name

    def test_needs_a_graph_of_int8(self, tmp_path: Path) -> None:
        """As `train` writes it."""
        onnx.save(Exporter(WEIGHTS, None).model(LAYERS), str(tmp_path / GRAPH))

        with pytest.raises(ValueError, match="no int8 weights"):
            restored(tmp_path)
