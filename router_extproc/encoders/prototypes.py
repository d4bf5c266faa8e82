"""Prototypes: probabilities from a few examples of each label, on the shared embedding.

A ridge-regularised linear discriminant over the embeddings: each label's mean of its examples is its prototype, distances are taken
after whitening with the examples' own spread shrunk towards the background's. The temperature comes from leaving each example out in
turn, so that a probability means what it says for texts that were not given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.encoders.softmax import softmax

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

OTHER = ""
"""What is like none of the labels."""
_SHRINK = 0.35
"""How much of the spread is taken to be the same in all directions; chosen on the dev sets of three intent collections."""
_TEMPERATURES = np.geomspace(0.02, 2.0, 60)
_FLOOR = 0.02
"""Of every label's probability when the temperature is chosen: one odd example must not make all others unsure."""


@dataclass(frozen=True, slots=True)
class Prototypes:
    """Labels by example. Immutable; safe from several threads."""

    labels: tuple[str, ...]
    """OTHER is the last one, if there is a background."""
    weights: Floats
    """(labels, size)."""
    offsets: Floats
    """(labels,)."""
    temperature: float

    def chances(self, embedding: Floats) -> dict[str, float]:
        """The probability of each label; they sum to 1."""
        return dict(zip(self.labels, softmax((self.weights @ embedding + self.offsets) / self.temperature).tolist(), strict=True))


def fitted(examples: Mapping[str, Sequence[Floats]], background: Floats | None) -> Prototypes:
    """Prototypes from embeddings of length 1, one example a label at least. With a background (rows of ordinary texts) there is OTHER."""
    labels = tuple(examples)
    rows = np.concatenate([np.stack(list(found)) for found in examples.values()])
    owners = np.repeat(np.arange(len(labels)), [len(found) for found in examples.values()])
    whitener = _whitener(rows, owners, background)
    spread = rows @ whitener
    means = np.stack([spread[owners == number].mean(0) for number in range(len(labels))])
    if background is not None:
        labels = (*labels, OTHER)
        means = np.concatenate((means, (background @ whitener).mean(0, keepdims=True)))
    temperature = _temperature(spread, owners, means)
    return Prototypes(labels, (means @ whitener.T).astype(np.float32), (-0.5 * (means**2).sum(1)).astype(np.float32), temperature)


def _whitener(rows: Floats, owners: NDArray[np.int64], background: Floats | None) -> Floats:
    """The matrix that makes the spread within labels round: the inverse square root of its shrunk covariance."""
    inside = rows - np.stack([rows[owners == number].mean(0) for number in range(owners.max() + 1)])[owners]
    sample = inside if background is None else np.concatenate((inside, background - background.mean(0)))
    covariance = sample.T @ sample / max(len(sample), 1)
    size = covariance.shape[0]
    level = float(np.trace(covariance)) / size + 1e-9
    values, vectors = np.linalg.eigh((1 - _SHRINK) * covariance + _SHRINK * level * np.eye(size, dtype=np.float32))
    whitener: Floats = (vectors / np.sqrt(values)) @ vectors.T * np.sqrt(level)
    return whitener


def _temperature(rows: Floats, owners: NDArray[np.int64], means: Floats) -> float:
    """The temperature with the least cross-entropy when each example is scored without itself."""
    scores = rows @ means.T - 0.5 * (means**2).sum(1)
    counts = np.bincount(owners)
    for at, owner in enumerate(owners):
        if counts[owner] > 1:
            mean = (means[owner] * counts[owner] - rows[at]) / (counts[owner] - 1)
            scores[at, owner] = rows[at] @ mean - 0.5 * float(mean @ mean)

    def loss(temperature: float) -> float:
        chances = softmax(scores / temperature)
        own = chances[np.arange(len(owners)), owners]
        return float(-np.log(own * (1 - _FLOOR) + _FLOOR / means.shape[0]).mean())

    return float(min(_TEMPERATURES, key=loss))
