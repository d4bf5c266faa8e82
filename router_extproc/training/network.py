"""Network: the encoder with all its heads, as it is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from router_extproc.encoders.heads import CONTENTS, JAILBREAK, OUTPUTS, TAGS, width
from router_extproc.encoders.tokens import CASES
from router_extproc.training.shape import (
    BOTTLENECK,
    DISTANCES,
    HEADS,
    HIDDEN,
    INNER,
    MAXIMA,
    SEEKING,
    WIDE_BOTTLENECK,
    Shape,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_FARTHEST = 128
"""Distance from which on all are one."""


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
        return Batch(*(tensor.to(device, non_blocking=True) for tensor in (self.ids, self.mask, self.marks)))

    @property
    def contents(self) -> Tensor:
        """(B, 1), bool: whether a tool or a document brought the window in. All its marks say so, those of padding do not."""
        return self.marks[:, :1] >= CASES


class Layer(nn.Module):
    """One post-norm transformer layer."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        hidden, epsilon = shape.hidden, shape.epsilon
        self.qkv = nn.Linear(hidden, 3 * hidden)
        self.out = nn.Linear(hidden, hidden)
        self.norm_attention = nn.LayerNorm(hidden, eps=epsilon)
        self.up = nn.Linear(hidden, shape.inner)
        self.down = nn.Linear(shape.inner, hidden)
        self.norm_inner = nn.LayerNorm(hidden, eps=epsilon)
        self.dropout = nn.Dropout(0.1)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """(B, T, hidden) to the same; mask is (B, 1, 1, T), true where there is a token, or (B, heads, T, T), what is added."""
        batch, length, width = hidden.shape
        query, key, value = self.qkv(hidden).view(batch, length, 3, HEADS, width // HEADS).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        mixed = self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        hidden = self.norm_attention(hidden + self.dropout(mixed))
        inner = self.down(functional.gelu(self.up(hidden)))
        return self.norm_inner(hidden + self.dropout(inner))


class Encoder(nn.Module):
    """Word pieces to hidden states."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.words = nn.Embedding(shape.vocabulary, shape.hidden)
        self.positions = nn.Embedding(shape.positions, shape.hidden)
        self.marks = nn.Embedding(2 * CASES, shape.hidden)
        self.norm = nn.LayerNorm(shape.hidden, eps=shape.epsilon)
        self.distances = nn.Embedding(DISTANCES, HEADS) if shape.relative else None
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))

    def forward(self, batch: Batch) -> Tensor:
        """Hidden states, (B, T, hidden)."""
        places = torch.arange(batch.ids.shape[1], device=batch.ids.device)
        hidden = self.norm(self.words(batch.ids) + self.positions(places) + self.marks(batch.marks))
        mask = batch.mask[:, None, None, :]
        if self.distances is not None:
            leaning = self.distances(buckets(places[None, :] - places[:, None])).permute(2, 0, 1)[None]
            kind = torch.get_autocast_dtype(hidden.device.type) if torch.is_autocast_enabled(hidden.device.type) else hidden.dtype
            mask = (leaning + torch.where(mask, 0.0, -1e4)).to(kind)
        for layer in self.layers:
            hidden = layer(hidden, mask)
        return hidden


def buckets(distance: Tensor) -> Tensor:
    """A bucket for each distance of a key from its query, near ones by themselves, far ones by their logarithm (Raffel et al. 2020).

    Buckets are in [0, DISTANCES); the later half is for keys that come after.
    """
    half = DISTANCES // 2
    size, exact = distance.abs(), half // 2
    far = exact + (torch.log(size.float().clamp(min=1) / exact) / math.log(_FARTHEST / exact) * (half - exact)).long()
    return (distance > 0).long() * half + torch.where(size < exact, size, far.clamp(max=half - 1))


class Pooled(nn.Module):
    """A head that reads a window: its own weights over the tokens, beside the mean; one of SEEKING hears maxima over the tokens, too."""

    def __init__(self, hidden: int, name: str) -> None:
        super().__init__()
        seeks = name in SEEKING
        bottleneck = WIDE_BOTTLENECK if seeks else BOTTLENECK
        self.attend = nn.Linear(hidden, 1)
        self.maxima = nn.Linear(hidden, MAXIMA, bias=False) if seeks else None  # what a bias would do, that of `inner` does
        self.inner = nn.Linear(2 * hidden + (MAXIMA if seeks else 0), bottleneck)
        self.outer = nn.Linear(bottleneck, width(name))
        self.dropout = nn.Dropout(0.1)

    def forward(self, hidden: Tensor, mask: Tensor, mean: Tensor) -> Tensor:
        """Logits, (B, outputs)."""
        weights = self.attend(hidden).squeeze(-1).masked_fill(~mask, -1e4).softmax(-1)
        chosen = torch.einsum("bt,bth->bh", weights, hidden)
        heard = [chosen, mean]
        if self.maxima is not None:
            heard.append(self.maxima(hidden).masked_fill(~mask.unsqueeze(-1), -1e4).amax(1))
        features = self.dropout(torch.cat(heard, -1))
        return self.outer(functional.gelu(self.inner(features)))


class Network(nn.Module):
    """The encoder and all heads."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.encoder = Encoder(shape)
        self.heads = nn.ModuleDict({head: Pooled(shape.hidden, head) for head in OUTPUTS})
        self.tags = nn.Linear(shape.hidden, TAGS)

    def pooled(self, head: str, hidden: Tensor, batch: Batch) -> Tensor:
        """One head's logits, (B, outputs), each window's by the output for where it comes from."""
        middle = mean(hidden, batch.mask)
        said: Tensor = self.heads[head](hidden, batch.mask, middle)
        if head != JAILBREAK:
            return said
        return torch.where(batch.contents, self.heads[CONTENTS](hidden, batch.mask, middle), said)


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
    network = Network(Shape(vocabulary=words.shape[0], positions=positions.shape[0], layers=len(layers)))
    encoder = network.encoder
    with torch.no_grad():
        encoder.words.weight.copy_(words)
        encoder.positions.weight.copy_(positions)
        encoder.marks.weight.zero_()
        _norm(encoder.norm, base, "embeddings.LayerNorm")
        for layer, number in zip(encoder.layers, layers, strict=True):
            _copy(layer, base, f"encoder.layer.{number}")
    return network


def from_teacher(weights: Path) -> Network:
    """A network with all of the teacher's weights, for the base model's word pieces; heads are new. Raises OSError.

    Both vocabularies are BERT's: the teacher's has four pieces of its own before it, and one after.
    """
    base = load_file(weights)
    words = base["embeddings.word_embeddings.weight"]
    rows = torch.arange(_OWN_PIECES, words.shape[0] - 1)
    for piece, row in _SPECIAL_PIECES.items():
        rows[piece] = row % words.shape[0]
    positions = base["embeddings.position_embeddings.weight"][_FIRST_PLACE:]
    shape = Shape(
        vocabulary=len(rows), positions=positions.shape[0], layers=_numbered(base),
        inner=base["encoder.layer.0.intermediate.dense.weight"].shape[0], hidden=words.shape[1], epsilon=1e-5, relative=True,
    )  # fmt: skip
    network = Network(shape)
    encoder = network.encoder
    assert encoder.distances is not None  # noqa: S101 - the shape says so
    with torch.no_grad():
        encoder.words.weight.copy_(words[rows])
        encoder.positions.weight.copy_(positions)
        encoder.marks.weight.zero_()
        encoder.distances.weight.copy_(base["encoder.relative_attention_bias.weight"])
        _norm(encoder.norm, base, "embeddings.LayerNorm")
        for number, layer in enumerate(encoder.layers):
            _copy(layer, {_spelt(name): weight for name, weight in base.items()}, f"encoder.layer.{number}")
    encoder.distances.requires_grad_(requires_grad=False)  # attention is far faster without a gradient for what is added to it
    return network


_OWN_PIECES = 4
_FIRST_PLACE = 2
"""Of the teacher's places, the two before it are for padding."""
_SPECIAL_PIECES = {0: 1, 101: 0, 102: 2, 103: -1}
"""Rows of the teacher's table by BERT's numbers of padding, begin, end and mask."""


def _numbered(base: Mapping[str, Tensor]) -> int:
    return 1 + max(int(name.split(".")[2]) for name in base if name.startswith("encoder.layer."))


def _spelt(name: str) -> str:
    """The base model's name of one of the teacher's weights."""
    name = name.replace("attention.LayerNorm", "attention.output.LayerNorm").replace(
        "attention.attn.o.", "attention.output.dense."
    )
    for short, long in (("q", "query"), ("k", "key"), ("v", "value")):
        name = name.replace(f"attention.attn.{short}.", f"attention.self.{long}.")
    return name


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
