"""Prototypes: probabilities from a few examples of each label, on the shared embedding and the examples' words.

A ridge-regularised linear discriminant over the embeddings: each label's mean of its examples is its prototype, distances are taken
after whitening with the examples' own spread shrunk towards the background's. From there a softmax regression, held near the
prototypes, moves the borders to where the examples ask for them. What words a text shares with the examples counts, too, and how near
the nearest example is: a label may have several ways of being said, and their mean is none of them. The temperature comes from examples
that were left out, so that a probability means what it says for texts that were not given.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from router_extproc.encoders.softmax import softmax
from router_extproc.encoders.wording import Wording, learned

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

OTHER = ""
"""What is like none of the labels."""
_SHRINK = 0.85
"""How much of the spread is taken to be the same in all directions; chosen on the dev sets of intent collections, like what follows."""
_SHARPNESS = 20.0
"""Of the regression's softmax, per unit of score."""
_HOLD = 30.0
"""How many rows' worth of cross-entropy one squared unit of a prototype's shift weighs."""
_STEPS = 40
"""Of the regression's descent."""
_UNIT = 0.15
"""Of the offsets' column: near the rows' own spread, or the descent is slow."""
_WORDS, _NEAREST_WORDS, _NEAREST = 0.1, 0.05, 0.1
"""What weighs beside the embedding's score: likeness of words to the mean and to the nearest example, and the nearest one's cosine."""
_OTHERS = 10.0
"""How many labels the background weighs as much as: it is anything."""
_BACKGROUND = 600
"""Rows of the background that are looked at: more would drown the examples' own spread, and take time."""
_TEMPERATURES = np.geomspace(0.005, 2.0, 80).tolist()
_FLOOR = 0.02
"""Of every label's probability when the temperature is chosen: one odd example must not make all others unsure."""
_FOLDS = 10
_HELD = 400
"""Examples left out in turn that are enough to choose a temperature by. Scoring each takes as long as there are examples: of a fold with
more of them, as many are left out."""


class Example(NamedTuple):
    """A text that has the label, and its embedding of length 1."""

    text: str
    embedding: Floats


@dataclass(frozen=True, slots=True)
class Scorer:
    """What examples tell of a text, label by label. Immutable; safe from several threads."""

    weights: Floats
    """(labels, size)."""
    offsets: Floats
    """(labels,)."""
    examples: Floats
    """(examples, size): embeddings; the background's are the last ones."""
    starts: Ints
    """(labels,): the first example of each."""
    wording: Wording

    @property
    def effort(self) -> int:
        """What it takes to score a text at most, in products of two numbers; each of an example's terms takes as long as some 30."""
        return self.examples.size + 32 * len(self.wording.weights)

    def scores(self, embedding: Floats, text: str) -> Floats:
        """(labels,): the higher, the likelier."""
        near = np.maximum.reduceat(self.examples @ embedding, self.starts)
        words = self.wording.likeness(text)
        beside: Floats = _NEAREST * near + _WORDS * words.mean + _NEAREST_WORDS * words.nearest
        return self.weights @ embedding + self.offsets + beside.astype(np.float32)


@dataclass(frozen=True, slots=True)
class Prototypes:
    """Labels by example. Immutable; safe from several threads."""

    labels: tuple[str, ...]
    """OTHER is the last one, if there is a background."""
    scorer: Scorer
    temperature: float

    def chances(self, embedding: Floats, text: str) -> dict[str, float]:
        """The probability of each label, of a text and its embedding; they sum to 1."""
        scores = self.scorer.scores(embedding, text)
        return dict(zip(self.labels, softmax(scores / np.float32(self.temperature)).tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class _Sample:
    """Examples of labels."""

    rows: Floats
    """(examples, size)."""
    texts: Sequence[str]
    owners: Ints
    """(examples,): indexes of labels, from 0 on and in their order."""
    background: Floats | None
    """(rows, size): what is OTHER."""

    @property
    def labels(self) -> int:
        return int(self.owners.max()) + 1 + (self.background is not None)

    def without(self, held: Flags) -> _Sample:
        """The examples that are not held back."""
        texts = [text for text, away in zip(self.texts, held, strict=True) if not away]
        return _Sample(self.rows[~held], texts, self.owners[~held], self.background)


def fitted(examples: Mapping[str, Sequence[Example]], background: Floats | None) -> Prototypes:
    """Prototypes of one example a label at least. With a background (embeddings of ordinary texts, one a row) there is OTHER."""
    labels = tuple(examples)
    given = [example for found in examples.values() for example in found]
    rows = np.stack([example.embedding for example in given])
    owners = np.repeat(np.arange(len(labels)), [len(found) for found in examples.values()])
    if background is not None:
        background = background[:: -(-len(background) // _BACKGROUND)]
    sample = _Sample(rows, [example.text for example in given], owners, background)
    return Prototypes(labels if background is None else (*labels, OTHER), _taught(sample), _temperature(sample))


def _taught(sample: _Sample) -> Scorer:
    """What the examples tell."""
    weights, offsets = _discriminant(sample)
    starts = np.flatnonzero(np.diff(sample.owners, prepend=-1))
    rows = sample.rows
    if sample.background is not None:
        starts = np.append(starts, len(rows))
        rows = np.concatenate((rows, sample.background))
    return Scorer(weights, offsets, rows, starts, learned(sample.texts, sample.owners.tolist(), sample.labels))


def _discriminant(sample: _Sample) -> tuple[Floats, Floats]:
    """Weights (labels, size) and offsets (labels,) for embeddings."""
    whitener = _whitener(sample.rows, sample.owners, sample.background)
    ordinary = None if sample.background is None else sample.background @ whitener
    weights, offsets = _regressed(replace(sample, rows=sample.rows @ whitener, background=ordinary))
    return (weights @ whitener.T).astype(np.float32), offsets


def _whitener(rows: Floats, owners: Ints, background: Floats | None) -> Floats:
    """The matrix that makes the spread within labels round: the inverse square root of its shrunk covariance."""
    inside = rows - np.stack([rows[owners == number].mean(0) for number in range(owners.max() + 1)])[owners]
    sample = inside if background is None else np.concatenate((inside, background - background.mean(0)))
    covariance = sample.T @ sample / max(len(sample), 1)
    size = covariance.shape[0]
    level = float(np.trace(covariance)) / size + 1e-9
    values, vectors = np.linalg.eigh((1 - _SHRINK) * covariance + _SHRINK * level * np.eye(size, dtype=np.float32))
    whitener: Floats = (vectors / np.sqrt(values)) @ vectors.T * np.sqrt(level)
    return whitener


def _regressed(sample: _Sample) -> tuple[Floats, Floats]:
    """The same for whitened rows: of a softmax regression that starts at the prototypes and is held near them.

    Accelerated gradient descent (Nesterov 1983) with a step that the largest eigenvalue allows. Labels count alike.
    """
    rows, owners, labels = sample.rows, sample.owners, sample.labels
    means = np.stack([rows[owners == number].mean(0) for number in range(owners.max() + 1)])
    if sample.background is not None:
        means = np.concatenate((means, sample.background.mean(0, keepdims=True)))
        rows = np.concatenate((rows, sample.background))
        owners = np.concatenate((owners, np.full(len(sample.background), labels - 1)))
    middle = means.mean(0)
    start = np.concatenate((means, (means @ middle - 0.5 * (means**2).sum(1))[:, None] / _UNIT), 1)
    inputs = np.concatenate((rows - middle, np.full((len(rows), 1), _UNIT)), 1).astype(np.float32)
    share = (len(sample.owners) / labels / np.bincount(owners, minlength=labels))[owners].astype(np.float32)[:, None]
    share[len(sample.rows) :] *= _OTHERS
    wanted = np.eye(labels, dtype=np.float32)[owners]
    hold = np.full(inputs.shape[1], _HOLD, np.float32)
    hold[-1] = 0
    curve = _SHARPNESS**2 / 2 * float(np.linalg.eigvalsh((inputs * share).T @ inputs)[-1]) + _HOLD
    here = ahead = start
    for step in range(_STEPS):
        miss = (softmax(_SHARPNESS * (inputs @ ahead.T)) - wanted) * share
        fresh = ahead - (_SHARPNESS * (miss.T @ inputs) + hold * (ahead - start)) / curve
        ahead = (fresh + step / (step + 3) * (fresh - here)).astype(np.float32)
        here = fresh
    return here[:, :-1], (_UNIT * here[:, -1] - here[:, :-1] @ middle).astype(np.float32)


def _temperature(sample: _Sample) -> float:
    """The temperature with the least cross-entropy over examples that were left out in turn; a label keeps one example at least."""
    found = list(_left_out(sample)) or [(_scored(sample, sample), sample.owners)]
    scores: Floats = np.concatenate([each for each, _ in found])
    owners = np.concatenate([each for _, each in found])

    def loss(temperature: float) -> float:
        chances = softmax(scores / np.float32(temperature))
        own = chances[np.arange(len(owners)), owners]
        return float(-np.log(own * (1 - _FLOOR) + _FLOOR / scores.shape[1]).mean())

    return float(min(_TEMPERATURES, key=loss))


def _left_out(sample: _Sample) -> Iterator[tuple[Floats, Ints]]:
    """Scores (examples, labels) and owners of examples, a tenth of each label at most at a time, until there are enough."""
    counts = np.bincount(sample.owners)
    turn = np.concatenate([np.arange(count) for count in counts])
    done = 0
    for fold in range(_FOLDS):
        places = np.flatnonzero((turn % _FOLDS == fold) & (counts[sample.owners] > 1))
        held = np.zeros(len(turn), bool)
        # Evenly spaced, so that every label has its share.
        held[places[np.linspace(0, len(places) - 1, min(len(places), _HELD), dtype=np.int64)]] = True
        if held.any() and done < _HELD:
            part = _Sample(
                sample.rows[held],
                [text for text, away in zip(sample.texts, held, strict=True) if away],
                sample.owners[held],
                None,
            )
            yield _scored(sample.without(held), part), part.owners
            done += int(held.sum())


def _scored(sample: _Sample, rows: _Sample) -> Floats:
    """Scores of rows by what a sample tells."""
    scorer = _taught(sample)
    return np.stack([scorer.scores(row, text) for row, text in zip(rows.rows, rows.texts, strict=True)])
