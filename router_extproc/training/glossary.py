"""Glossary: learned from texts with labels: the weights of pieces under which these are likeliest. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.encoders.softmax import softmax
from router_extproc.encoders.term_weights import scaled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_SEEN = 2
"""Texts that must have a piece, or it says nothing."""
_EPOCHS = 4
"""After more, texts are known by heart."""
_BATCH = 2048
_RATE, _OFFSET_RATE = 0.08, 0.02
_SMOOTHING = 0.02
"""Of each target, spread over all labels."""
_MEAN, _SQUARE, _TINY = 0.9, 0.999, 1e-8
"""Adam's, as its authors chose them."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What write_glossary writes."""

    rarity: Floats
    weights: Floats
    offsets: Floats


@dataclass(frozen=True, slots=True)
class _Rows:
    """Term vectors of N texts, one after the other: a sparse matrix."""

    places: NDArray[np.int64]
    values: Floats
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]

    def chosen(self, texts: NDArray[np.int64]) -> _Rows:
        """Some of them."""
        sizes = self.sizes[texts]
        starts = sizes.cumsum() - sizes
        at = np.arange(sizes.sum()) - np.repeat(starts - self.starts[texts], sizes)
        return _Rows(self.places[at], self.values[at], starts, sizes)

    def times(self, matrix: Floats) -> Floats:
        """(N, labels), of (pieces, labels)."""
        found: Floats = np.add.reduceat(self.values[:, None] * matrix[self.places], self.starts, axis=0)
        return found

    def gathered(self, matrix: Floats, pieces: int) -> Floats:
        """(pieces, labels): the transposed matrix times that of (N, labels)."""
        owners = np.repeat(np.arange(len(self.sizes)), self.sizes)
        columns = (np.bincount(self.places, self.values * column[owners], pieces) for column in matrix.T)
        return np.stack([column.astype(np.float32) for column in columns], 1)


@dataclass(slots=True)
class _Adam:
    """Kingma and Ba 2015: each number moves by its own slope's mean over its size, so that rare pieces learn as fast as common ones."""

    value: Floats
    rate: float
    mean: Floats = field(init=False)
    square: Floats = field(init=False)
    steps: int = 0

    def __post_init__(self) -> None:
        self.mean, self.square = np.zeros_like(self.value), np.zeros_like(self.value)

    def move(self, slope: Floats) -> None:
        self.steps += 1
        self.mean += np.float32(1 - _MEAN) * (slope - self.mean)
        self.square += np.float32(1 - _SQUARE) * (slope * slope - self.square)
        size = np.sqrt(self.square / np.float32(1 - _SQUARE**self.steps)) + np.float32(_TINY)
        self.value -= np.float32(self.rate / (1 - _MEAN**self.steps)) * self.mean / size


def learned(texts: Sequence[Sequence[int]], targets: Sequence[int], pieces: int, labels: int) -> Learned:
    """A glossary of texts, the numbers of whose pieces are below `pieces`; those without any are left out. Targets are below `labels`.

    The same texts make the same one. Raises ValueError without texts.
    """
    kept = [(np.asarray(ids, np.int64), target) for ids, target in zip(texts, targets, strict=True) if len(ids)]
    if not kept:
        raise ValueError("glossary: no texts to learn from")
    spread = np.bincount(np.concatenate([np.unique(ids) for ids, _ in kept]), minlength=pieces)
    rarity = np.where(spread >= _SEEN, np.log((1 + len(kept)) / (1 + spread)) + 1, 0).astype(np.float16).astype(np.float32)
    places = np.concatenate([ids for ids, _ in kept])
    sizes = np.array([len(ids) for ids, _ in kept])
    starts = sizes.cumsum() - sizes
    lengths = scaled(np.add.reduceat(np.square(rarity[places]), starts))
    rows = _Rows(places, (rarity[places] / np.repeat(lengths, sizes)).astype(np.float32), starts, sizes)
    wanted = np.eye(labels, dtype=np.float32)[[target for _, target in kept]]
    return Learned(rarity, *_descended(rows, wanted * np.float32(1 - _SMOOTHING) + np.float32(_SMOOTHING / labels), pieces))


def _descended(rows: _Rows, wanted: Floats, pieces: int) -> tuple[Floats, Floats]:
    chance = np.random.default_rng(len(wanted))
    weights = _Adam(np.zeros((pieces, wanted.shape[1]), np.float32), _RATE)
    offsets = _Adam(np.zeros(wanted.shape[1], np.float32), _OFFSET_RATE)
    for _ in range(_EPOCHS):
        order = chance.permutation(len(wanted))
        for texts in (order[at : at + _BATCH] for at in range(0, len(order), _BATCH)):
            some = rows.chosen(texts)
            slope = (softmax(some.times(weights.value) + offsets.value) - wanted[texts]) / np.float32(len(texts))
            weights.move(some.gathered(slope, pieces))
            offsets.move(slope.sum(0))
    return weights.value, offsets.value
