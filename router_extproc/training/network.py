"""Network: the encoder with all its heads, as it is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from router_extproc.encoders.heads import POOLED, TAGS, width
from router_extproc.encoders.tokens import CASES
from router_extproc.training.shape import BOTTLENECK, EPSILON, HEADS, HIDDEN, INNER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows of several texts, padded to one length. Shapes: B windows, T tokens."""

    ids: Tensor
    """(B, T), long."""
    mask: Tensor
    """(B, T), bool: whether there is a token."""
    marks: Tensor
    """(B, T), long: kind * CASES + case."""

    def to(self, device: torch.device) -> Batch:
        """The same batch in a device's memory."""
        return Batch(self.ids.to(device), self.mask.to(device), self.marks.to(device))


class Layer(nn.Module):
    """One post-norm transformer layer."""

    def __init__(self, inner: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(HIDDEN, 3 * HIDDEN)
        self.out = nn.Linear(HIDDEN, HIDDEN)
        self.norm_attention = nn.LayerNorm(HIDDEN, eps=EPSILON)
        self.up = nn.Linear(HIDDEN, inner)
        self.down = nn.Linear(inner, HIDDEN)
        self.norm_inner = nn.LayerNorm(HIDDEN, eps=EPSILON)
        self.dropout = nn.Dropout(0.1)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """(B, T, HIDDEN) to the same; mask is (B, 1, 1, T), true where there is a token."""
        batch, length, _ = hidden.shape
        query, key, value = self.qkv(hidden).view(batch, length, 3, HEADS, HIDDEN // HEADS).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        mixed = self.out(mixed.transpose(1, 2).reshape(batch, length, HIDDEN))
        hidden = self.norm_attention(hidden + self.dropout(mixed))
        inner = self.down(functional.gelu(self.up(hidden)))
        return self.norm_inner(hidden + self.dropout(inner))


class Encoder(nn.Module):
    """Word pieces to hidden states."""

    def __init__(self, vocabulary: int, positions: int, layers: int, inner: int) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, HIDDEN)
        self.positions = nn.Embedding(positions, HIDDEN)
        self.marks = nn.Embedding(2 * CASES, HIDDEN)
        self.norm = nn.LayerNorm(HIDDEN, eps=EPSILON)
        self.layers = nn.ModuleList(Layer(inner) for _ in range(layers))

    def forward(self, batch: Batch) -> Tensor:
        """Hidden states, (B, T, HIDDEN)."""
        places = torch.arange(batch.ids.shape[1], device=batch.ids.device)
        hidden = self.norm(self.words(batch.ids) + self.positions(places) + self.marks(batch.marks))
        mask = batch.mask[:, None, None, :]
        for layer in self.layers:
            hidden = layer(hidden, mask)
        return hidden


class Pooled(nn.Module):
    """A head that reads a window: its own weights over the tokens, beside the mean."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.attend = nn.Linear(HIDDEN, 1)
        self.inner = nn.Linear(2 * HIDDEN, BOTTLENECK)
        self.outer = nn.Linear(BOTTLENECK, outputs)
        self.dropout = nn.Dropout(0.1)

    def forward(self, hidden: Tensor, mask: Tensor, mean: Tensor) -> Tensor:
        """Logits, (B, outputs)."""
        weights = self.attend(hidden).squeeze(-1).masked_fill(~mask, -1e4).softmax(-1)
        chosen = torch.einsum("bt,bth->bh", weights, hidden)
        features = self.dropout(torch.cat((chosen, mean), -1))
        return self.outer(functional.gelu(self.inner(features)))


class Network(nn.Module):
    """The encoder and all heads."""

    def __init__(self, vocabulary: int, positions: int, layers: int, inner: int) -> None:
        super().__init__()
        self.encoder = Encoder(vocabulary, positions, layers, inner)
        self.heads = nn.ModuleDict({head: Pooled(width(head)) for head in POOLED})
        self.tags = nn.Linear(HIDDEN, TAGS)

    def pooled(self, head: str, hidden: Tensor, mask: Tensor) -> Tensor:
        """One head's logits, (B, outputs)."""
        return self.heads[head](hidden, mask, mean(hidden, mask))


def mean(hidden: Tensor, mask: Tensor) -> Tensor:
    """The mean over the tokens, (B, HIDDEN)."""
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1)


def embedding(hidden: Tensor, mask: Tensor) -> Tensor:
    """The sentence embedding, (B, HIDDEN), of length 1."""
    return functional.normalize(mean(hidden, mask), dim=-1)


def from_base(weights: Path, layers: tuple[int, ...]) -> Network:
    """A network with the base model's embeddings and some of its layers; heads are new. Raises OSError."""
    base = load_file(weights)
    words = base["embeddings.word_embeddings.weight"]
    positions = base["embeddings.position_embeddings.weight"] + base["embeddings.token_type_embeddings.weight"][0]
    network = Network(words.shape[0], positions.shape[0], len(layers), INNER)
    encoder = network.encoder
    with torch.no_grad():
        encoder.words.weight.copy_(words)
        encoder.positions.weight.copy_(positions)
        encoder.marks.weight.zero_()
        _norm(encoder.norm, base, "embeddings.LayerNorm")
        for layer, number in zip(encoder.layers, layers, strict=True):
            _copy(layer, base, f"encoder.layer.{number}")
    return network


def narrow(network: Network, inner: int, sample: Iterable[Batch]) -> None:
    """Keep those inner neurons of each layer that add most to its output on a sample: mean activation times outgoing weight."""
    layers = network.encoder.layers
    seen = [torch.zeros(INNER) for _ in layers]
    hooks = []
    for total, layer in zip(seen, layers, strict=True):

        def note(_module: nn.Module, inputs: tuple[Tensor], total: Tensor = total) -> None:
            total += inputs[0].detach().abs().mean((0, 1))

        hooks.append(layer.down.register_forward_pre_hook(note))
    with torch.no_grad():
        for batch in sample:
            network.encoder(batch)
    for hook in hooks:
        hook.remove()
    for total, layer in zip(seen, layers, strict=True):
        _cut(layer, (total * layer.down.weight.detach().norm(dim=0)).topk(inner).indices.sort().values)


def _cut(layer: Layer, kept: Tensor) -> None:
    up, down = nn.Linear(HIDDEN, len(kept)), nn.Linear(len(kept), HIDDEN)
    with torch.no_grad():
        up.weight.copy_(layer.up.weight[kept])
        up.bias.copy_(layer.up.bias[kept])
        down.weight.copy_(layer.down.weight[:, kept])
        down.bias.copy_(layer.down.bias)
    layer.up, layer.down = up, down


def _copy(layer: Layer, base: Mapping[str, Tensor], prefix: str) -> None:
    own = f"{prefix}.attention.self"
    layer.qkv.weight.copy_(torch.cat([base[f"{own}.{part}.weight"] for part in ("query", "key", "value")]))
    layer.qkv.bias.copy_(torch.cat([base[f"{own}.{part}.bias"] for part in ("query", "key", "value")]))
    _linear(layer.out, base, f"{prefix}.attention.output.dense")
    _norm(layer.norm_attention, base, f"{prefix}.attention.output.LayerNorm")
    _linear(layer.up, base, f"{prefix}.intermediate.dense")
    _linear(layer.down, base, f"{prefix}.output.dense")
    _norm(layer.norm_inner, base, f"{prefix}.output.LayerNorm")


def _linear(module: nn.Linear, base: Mapping[str, Tensor], name: str) -> None:
    module.weight.copy_(base[f"{name}.weight"])
    module.bias.copy_(base[f"{name}.bias"])


def _norm(module: nn.LayerNorm, base: Mapping[str, Tensor], name: str) -> None:
    module.weight.copy_(base[f"{name}.weight"])
    module.bias.copy_(base[f"{name}.bias"])
