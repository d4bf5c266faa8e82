"""The network, and where its weights come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch comes with the train extra")

from reference_encoder import Reference
from safetensors.torch import load_file

from router_extproc.encoders.heads import CONTENTS, JAILBREAK, POOLED, TAGS, width
from router_extproc.encoders.tokens import CASES
from router_extproc.training.base import WEIGHTS
from router_extproc.training.export import weights_of
from router_extproc.training.network import Batch, Layer, Network, buckets, embedding, from_base, from_teacher, mean, narrow
from router_extproc.training.shape import DISTANCES, HIDDEN, INNER, Shape

if TYPE_CHECKING:
    from pathlib import Path

VOCABULARY = 40


@pytest.fixture(autouse=True)
def seeded() -> None:
    """One thread, and always the same chance."""
    torch.set_num_threads(1)
    torch.manual_seed(1)


def small(layers: int, inner: int) -> Network:
    """A network of these sizes."""
    return Network(Shape(VOCABULARY, 30, layers, inner))


def batch(*lengths: int) -> Batch:
    """Windows of these lengths, by chance."""
    longest = max(lengths)
    places = torch.arange(longest)
    mask = torch.stack([places < length for length in lengths])
    return Batch(torch.randint(0, VOCABULARY, mask.shape), mask, torch.randint(0, 8, mask.shape))


class TestNetwork:
    def test_is_the_reference(self) -> None:
        """What the exported graph is held to holds for what is trained, too."""
        network = small(2, 64).eval()
        torch.nn.init.normal_(network.encoder.marks.weight)
        given = batch(9)
        given.marks.remainder_(CASES)
        wanted = Reference(weights_of(network), 2).read(given.ids[0].numpy(), given.marks[0].numpy())
        with torch.no_grad():
            hidden = network.encoder(given)
            found = {head: network.pooled(head, hidden, given)[0] for head in POOLED}
            found |= {"embedding": embedding(hidden, given.mask)[0], "tags": network.tags(hidden)[0]}

        for name, value in found.items():
            np.testing.assert_allclose(value.numpy(), wanted[name], atol=1e-4, err_msg=name)

    def test_what_tools_and_documents_bring_in_is_read_by_an_output_of_its_own(self) -> None:
        """Each window of a batch by the one for where it comes from; other heads have but one."""
        network, given = small(1, 16).eval(), batch(9, 4, 9)
        given.marks.remainder_(CASES)
        given.marks[1] += CASES
        with torch.no_grad():
            hidden = network.encoder(given)
            for name, value in ((JAILBREAK, 1.0), (CONTENTS, 2.0)):
                network.heads[name].outer.weight.zero_()
                network.heads[name].outer.bias.fill_(value)

            assert network.pooled(JAILBREAK, hidden, given).tolist() == [[1.0], [2.0], [1.0]]
            assert (
                network.pooled("fact_check", hidden, given).tolist()
                == network.heads["fact_check"](hidden, given.mask, mean(hidden, given.mask)).tolist()
            )

    def test_shapes(self) -> None:
        """Of each head."""
        network, given = small(1, 16), batch(9, 4)
        hidden = network.encoder(given)

        assert network.tags(hidden).shape == (2, 9, TAGS)
        assert [network.pooled(head, hidden, given).shape for head in POOLED] == [(2, width(head)) for head in POOLED]

    def test_padding_changes_nothing(self) -> None:
        """A window is read as if it were alone."""
        network, given = small(2, 16).eval(), batch(9, 4)
        alone = Batch(given.ids[1:, :4], given.mask[1:, :4], given.marks[1:, :4])
        with torch.no_grad():
            padded, plain = network.encoder(given), network.encoder(alone)
            torch.testing.assert_close(padded[1, :4], plain[0], atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(
                network.pooled("jailbreak", padded, given)[1],
                network.pooled("jailbreak", plain, alone)[0],
                atol=1e-5,
                rtol=1e-4,
            )


class TestPooling:
    def test_mean(self) -> None:
        """Of what is no padding."""
        hidden = torch.tensor([[[1.0], [3.0], [100.0]]])

        assert mean(hidden, torch.tensor([[True, True, False]])).tolist() == [[2.0]]

    def test_embedding_has_length_one(self) -> None:
        """So that products are cosines."""
        given = batch(9, 4)

        assert embedding(torch.randn(2, 9, HIDDEN), given.mask).norm(dim=-1).tolist() == pytest.approx([1, 1])


class TestFromBase:
    def test_copies(self, base: Path) -> None:
        """The layers that are named, in that order; a text of one segment has its type added to the places."""
        known = load_file(base / WEIGHTS)
        network = from_base(base / WEIGHTS, (1, 5))
        first, second = network.encoder.layers

        assert torch.equal(network.encoder.words.weight, known["embeddings.word_embeddings.weight"])
        assert torch.equal(first.qkv.weight[HIDDEN : 2 * HIDDEN], known["encoder.layer.1.attention.self.key.weight"])
        assert torch.equal(first.qkv.bias[2 * HIDDEN :], known["encoder.layer.1.attention.self.value.bias"])
        assert torch.equal(second.down.weight, known["encoder.layer.5.output.dense.weight"])
        assert torch.equal(second.norm_inner.bias, known["encoder.layer.5.output.LayerNorm.bias"])
        places = known["embeddings.position_embeddings.weight"] + known["embeddings.token_type_embeddings.weight"][0]
        assert torch.equal(network.encoder.positions.weight, places)

    def test_marks_begin_as_nothing(self, base: Path) -> None:
        """The base model knows no case and no kinds."""
        assert not from_base(base / WEIGHTS, (0,)).encoder.marks.weight.any()

    def test_weights_that_are_not_there(self, tmp_path: Path) -> None:
        """Are told by their file."""
        with pytest.raises(OSError, match="none"):
            from_base(tmp_path / "none.safetensors", (0,))


class TestFromTeacher:
    def test_copies(self, teacher: Path) -> None:
        """Its pieces by the base model's numbers, its places without those of padding, its layers by their names."""
        known = load_file(teacher)
        network = from_teacher(teacher)
        words, layer = known["embeddings.word_embeddings.weight"], network.encoder.layers[0]

        assert torch.equal(network.encoder.words.weight[5:100], words[9:104])
        assert torch.equal(network.encoder.words.weight[[0, 101, 102, 103]], words[[1, 0, 2, -1]])
        assert torch.equal(network.encoder.positions.weight, known["embeddings.position_embeddings.weight"][2:])
        assert torch.equal(layer.out.weight, known["encoder.layer.0.attention.attn.o.weight"])
        assert torch.equal(layer.qkv.weight[24:48], known["encoder.layer.0.attention.attn.k.weight"])
        assert torch.equal(layer.norm_attention.bias, known["encoder.layer.0.attention.LayerNorm.bias"])

    def test_distances_lean_on_attention(self, teacher: Path) -> None:
        """They are not trained, and padding stays unseen."""
        network, given = from_teacher(teacher).eval(), batch(9, 4)
        alone = Batch(given.ids[1:, :4], given.mask[1:, :4], given.marks[1:, :4])
        with torch.no_grad():
            padded, plain = network.encoder(given)[1, :4], network.encoder(alone)[0]
            network.encoder.distances.weight.mul_(50)  # type: ignore[union-attr]
            other = network.encoder(alone)[0]

        torch.testing.assert_close(padded, plain, atol=1e-5, rtol=1e-4)
        assert not torch.allclose(plain, other)
        assert not network.encoder.distances.weight.requires_grad  # type: ignore[union-attr]


class TestBuckets:
    def test_near_ones_are_exact_and_far_ones_share(self) -> None:
        """Before and after are told apart; from some distance on all are one."""
        found = buckets(torch.arange(-300, 301))
        before, after = found[:300].flip(0), found[301:]

        assert found.min() == 0
        assert found.max() == DISTANCES - 1
        assert torch.equal(before + DISTANCES // 2, after)
        assert before[:8].tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
        assert before.diff().min() == 0
        assert set(before[128:].tolist()) == {DISTANCES // 2 - 1}


class TestNarrow:
    def test_keeps_what_adds_most(self) -> None:
        """Neurons that are often on and matter to the output; their order stays."""
        network = small(2, INNER).eval()
        wanted = [5, 70, 71, 1500]
        for layer in network.encoder.layers:
            torch.nn.init.zeros_(layer.up.weight)
            torch.nn.init.zeros_(layer.up.bias)
            with torch.no_grad():
                layer.up.bias[[*wanted, 9]] = 3.0
                layer.down.weight[:, 9] = 1e-6  # on, but not heard
        before = [layer.down.weight[:, wanted].clone() for layer in network.encoder.layers]
        narrow(network, len(wanted), [batch(9), batch(4)])

        for layer, kept in zip(network.encoder.layers, before, strict=True):
            assert layer.up.weight.shape == (len(wanted), HIDDEN)
            assert torch.equal(layer.down.weight, kept)

    def test_of_all_changes_nothing(self) -> None:
        """And leaves no hook behind."""
        network, given = small(1, INNER).eval(), batch(9)
        with torch.no_grad():
            before = network.encoder(given)
            narrow(network, INNER, [given])
            torch.testing.assert_close(network.encoder(given), before, atol=1e-5, rtol=1e-4)
        layer = network.encoder.layers[0]

        assert isinstance(layer, Layer)
        assert not layer.down._forward_pre_hooks

    def test_works_while_weights_are_trained(self) -> None:
        """The new ones learn as the old ones did."""
        network = small(1, INNER)
        narrow(network, 8, [batch(5)])

        assert all(weight.requires_grad for weight in network.encoder.layers.parameters())
