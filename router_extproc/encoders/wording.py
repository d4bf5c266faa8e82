"""Wording: which labels' examples have a text's words and pairs of words, beside what an embedding says of its meaning.

An embedding tells paraphrases, but blurs names and rare words; term weights (TF-IDF: Salton and Buckley 1988) tell those.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Ints = NDArray[np.int64]

_READ = 1000
"""Characters of a text that are looked at: what bounds the time."""
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+(?:'[^\W_]+)?")
"""Each character of a script without blanks is a word."""


class Likeness(NamedTuple):
    """How much of its words a text shares with labels: cosines of term weights, 0 for a label without examples."""

    mean: Floats
    """(labels,): with the mean of each label's examples."""
    nearest: Floats
    """(labels,): with the most alike of them."""


@dataclass(frozen=True, slots=True)
class Wording:
    """Term weights of examples: a sparse matrix, row by row. Immutable; safe from several threads."""

    numbers: Mapping[str, int]
    """By term: its row."""
    rarity: Floats
    """(terms,): the inverse document frequency among the examples."""
    bounds: Ints
    """(terms + 1,): where each row begins in `holders` and `weights`, and the last one ends."""
    holders: Ints
    """Examples that have a term."""
    weights: Floats
    starts: Ints
    """(labels that have examples,): the first example of each."""
    lengths: Floats
    """(labels that have examples,): of the sum of each one's examples."""
    examples: int
    labels: int

    def likeness(self, text: str) -> Likeness:
        """How much of its words a text shares with each label, of those that some example has."""
        mean, nearest = np.zeros((2, self.labels), np.float32)
        counts = Counter(number for term in terms(text) if (number := self.numbers.get(term)) is not None)
        if counts:
            rows, weights = _weighed(counts, self.rarity)
            sizes = self.bounds[rows + 1] - self.bounds[rows]
            ends = sizes.cumsum()
            at = np.arange(ends[-1]) + np.repeat(self.bounds[rows] - ends + sizes, sizes)
            cosines = np.bincount(self.holders[at], np.repeat(weights, sizes) * self.weights[at], self.examples)
            mean[: len(self.starts)] = np.add.reduceat(cosines, self.starts) / self.lengths
            nearest[: len(self.starts)] = np.maximum.reduceat(cosines, self.starts)
        return Likeness(mean, nearest)


def terms(text: str) -> list[str]:
    """Words and pairs of neighbouring words, in lower case. Linear, of a bounded part of the text."""
    words = _WORD.findall(text[:_READ].lower())
    return list(chain(words, map(" ".join, pairwise(words))))


def learned(texts: Sequence[str], owners: Sequence[int], labels: int) -> Wording:
    """Term weights of examples; `owners` are indexes of labels, from 0 on and in their order, and the last labels may have none."""
    documents = [Counter(terms(text)) for text in texts]
    found = Counter(chain.from_iterable(documents))
    numbers = {term: number for number, term in enumerate(found)}
    spread = np.zeros(len(numbers))
    keyed = [{numbers[term]: count for term, count in document.items()} for document in documents]
    for document in keyed:
        spread[list(document)] += 1
    rarity = (np.log((1 + len(texts)) / (1 + spread)) + 1).astype(np.float32)
    empty = np.zeros(0, np.int64), np.zeros(0, np.float32)
    weighed = [_weighed(document, rarity) if document else empty for document in keyed]
    rows = np.concatenate([own for own, _ in weighed])
    weights = np.concatenate([own for _, own in weighed])
    holders = np.repeat(np.arange(len(texts)), [len(own) for own, _ in weighed])
    order = np.argsort(rows, kind="stable")
    given = np.asarray(owners)[holders]
    # Squares of the sums over each label's examples, term by term.
    places, inverse = np.unique(rows * labels + given, return_inverse=True)
    sums = np.bincount(inverse, weights, len(places)) ** 2
    starts = np.flatnonzero(np.diff(owners, prepend=-1))
    lengths = np.sqrt(np.bincount(places % labels, sums, labels))[: len(starts)].clip(1e-9)
    bounds = np.searchsorted(rows[order], np.arange(len(numbers) + 1))
    return Wording(
        numbers, rarity, bounds, holders[order], weights[order], starts, lengths.astype(np.float32), len(texts), labels
    )


def _weighed(counts: Mapping[int, int], rarity: Floats) -> tuple[Ints, Floats]:
    """Terms of a text, one at least, and their weights: a vector of length 1."""
    rows = np.fromiter(counts, np.int64, len(counts))
    weights: Floats = (1 + np.log(np.fromiter(counts.values(), np.float32, len(counts)))) * rarity[rows]
    return rows, weights / np.sqrt(weights @ weights)
