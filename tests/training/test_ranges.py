"""What goes into the products of a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch comes with the train extra")

from reference_encoder import Reference

from router_extproc.training.export import weights_of
from router_extproc.training.network import Batch, Network
from router_extproc.training.quantisation import PRODUCTS, range_of
from router_extproc.training.ranges import observe, ranges
from router_extproc.training.shape import Shape

if TYPE_CHECKING:
    from collections.abc import Sequence

LAYERS, INNER, VOCABULARY = 2, 16, 40


@pytest.fixture
def network() -> Network:
    """A small one."""
    torch.set_num_threads(1)
    torch.manual_seed(1)
    return Network(Shape(VOCABULARY, 30, LAYERS, INNER)).eval()


def batch(lengths: Sequence[int]) -> Batch:
    """Windows of these lengths."""
    places = torch.arange(max(lengths))
    mask = torch.stack([places < length for length in lengths])
    return Batch(torch.randint(0, VOCABULARY, mask.shape), mask, torch.zeros_like(mask, dtype=torch.long))


class TestObserve:
    def test_sees_what_the_reference_sees(self, network: Network) -> None:
        """Of every product of every layer."""
        given = batch([6])
        reference = Reference(weights_of(network), LAYERS)
        reference.read(given.ids[0].numpy(), given.marks[0].numpy())
        found = observe(network, [given])

        assert set(found) == {(number, product) for number in range(LAYERS) for product in PRODUCTS}
        for key, rows in found.items():
            np.testing.assert_allclose(rows, reference.seen[key][0], atol=1e-4)

    def test_leaves_padding_out(self, network: Network) -> None:
        """It is in no text; batches are put together."""
        found = observe(network, [batch([6, 3]), batch([4])])

        assert {len(rows) for rows in found.values()} == {6 + 3 + 4}

    def test_leaves_no_hook_behind(self, network: Network) -> None:
        """The network is used further."""
        observe(network, [batch([3])])

        assert not [module for module in network.modules() if module._forward_pre_hooks]


class TestRanges:
    def test_are_those_of_the_sample(self, network: Network) -> None:
        """With each product's own weight; what goes down is not smoothed, for nothing before it could take that up."""
        given = [batch([6, 3])]
        found = ranges(network, given)
        rows = observe(network, given)
        weight = network.encoder.layers[1].up.weight.detach().numpy()

        assert found[1, "up"].scale == range_of(rows[1, "up"], weight, smoothed=True).scale
        assert {product for (_, product), each in found.items() if np.all(each.smooth == 1)} == {"down"}
