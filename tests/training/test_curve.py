"""A quick look at the dev set while training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

torch = pytest.importorskip("torch", reason="torch comes with the train extra")

from router_extproc.encoders.heads import CLASSES, POOLED
from router_extproc.training.corpus import Licence, read
from router_extproc.training.curve import DevSet
from router_extproc.training.network import Network
from router_extproc.training.shape import Shape

if TYPE_CHECKING:
    from pathlib import Path

    from router_extproc.encoders.tokens import WordPieces

CPU = torch.device("cpu")


@pytest.fixture
def network(pieces: WordPieces) -> Network:
    """A small one that knows nothing."""
    torch.set_num_threads(1)
    torch.manual_seed(1)
    return Network(Shape(pieces.size, 200, 1, 16))


class TestDevSet:
    def test_has_a_figure_for_every_head(self, data: Path, pieces: WordPieces, network: Network) -> None:
        """In [0, 1], but for a rank correlation."""
        figures = DevSet(data, pieces, Licence.SHIPPED).figures(network, CPU)

        assert set(figures) == {*POOLED, "pii"}
        assert all(-1 <= value <= 1 for value in figures.values())

    def test_looks_at_the_same_rows_each_time(self, data: Path, pieces: WordPieces, network: Network) -> None:
        """So that a curve shows the network and nothing else."""
        figures = [DevSet(data, pieces, Licence.SHIPPED).figures(network, CPU) for _ in range(2)]

        assert figures[0] == figures[1]

    def test_dropout_is_off(self, data: Path, pieces: WordPieces, network: Network) -> None:
        """Two looks say the same."""
        dev = DevSet(data, pieces, Licence.SHIPPED)

        assert dev.figures(network.train(), CPU) == dev.figures(network.train(), CPU)

    @pytest.mark.parametrize("label", [0, 2])
    def test_accuracy(self, data: Path, pieces: WordPieces, network: Network, label: int) -> None:
        """Of a head that always says the same: the share of that label."""
        outer = network.heads["modality"].outer
        with torch.no_grad():
            outer.weight.zero_()
            outer.bias.copy_(torch.nn.functional.one_hot(torch.tensor(label), len(CLASSES["modality"])).float())
        rows = read(data, "dev", Licence.SHIPPED)["modality"]
        wanted = sum(row.target == label for row in rows) / len(rows)

        assert DevSet(data, pieces, Licence.SHIPPED).figures(network, CPU)["modality"] == pytest.approx(wanted, abs=1e-4)

    def test_private_tokens(self, data: Path, pieces: WordPieces, network: Network) -> None:
        """Tokens that are not private do not count: who finds nothing is never right."""
        with torch.no_grad():
            network.tags.weight.zero_()
            network.tags.bias.zero_()
            network.tags.bias[0] = 1

        assert DevSet(data, pieces, Licence.SHIPPED).figures(network, CPU)["pii"] == 0
