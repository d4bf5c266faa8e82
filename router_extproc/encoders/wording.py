"""Wording: which labels' examples have a text's words and pairs of words, beside what an embedding says of its meaning.

An embedding tells paraphrases, but blurs names and rare words; term weights (TF-IDF: Salton and Buckley 1988) tell those.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TYPE_CHECKING

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


@dataclass(frozen=True, slots=True)
class Wording:
    """Term weights of labels: a sparse matrix, row by row. Immutable; safe from several threads."""

    numbers: Mapping[str, int]
    """By term: its row."""
    rarity: Floats
    """(terms,): the inverse document frequency among the examples."""
    bounds: Ints
    """(terms + 1,): where each row begins in `owners` and `weights`, and the last one ends."""
    owners: Ints
    """Labels that have a term."""
    weights: Floats
    labels: int

    def likeness(self, text: str) -> Floats:
        """(labels,): the cosine of the text's term weights, of terms that some example has, with the mean of each label's."""
        counts = Counter(number for term in terms(text) if (number := self.numbers.get(term)) is not None)
        if not counts:
            return np.zeros(self.labels, np.float32)
        rows, weights = _weighed(counts, self.rarity)
        sizes = self.bounds[rows + 1] - self.bounds[rows]
        ends = sizes.cumsum()
        at = np.arange(ends[-1]) + np.repeat(self.bounds[rows] - ends + sizes, sizes)
        return np.bincount(self.owners[at], np.repeat(weights, sizes) * self.weights[at], self.labels).astype(np.float32)


def terms(text: str) -> list[str]:
    """Words and pairs of neighbouring words, in lower case. Linear, of a bounded part of the text."""
    words = _WORD.findall(text[:_READ].lower())
    return list(chain(words, map(" ".join, pairwise(words))))


def learned(texts: Sequence[str], owners: Sequence[int], labels: int) -> Wording:
    """Term weights of labels, from their examples; `owners` are indexes of labels."""
    documents = [Counter(terms(text)) for text in texts]
    found = Counter(chain.from_iterable(documents))
    numbers = {term: number for number, term in enumerate(found)}
    spread = np.zeros(len(numbers))
    keyed = [{numbers[term]: count for term, count in document.items()} for document in documents]
    for document in keyed:
        spread[list(document)] += 1
    rarity = (np.log((1 + len(texts)) / (1 + spread)) + 1).astype(np.float32)
    pairs, weights = [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
    for document, owner in zip(keyed, owners, strict=True):
        if document:
            rows, own = _weighed(document, rarity)
            pairs.append(rows * labels + owner)
            weights.append(own)
    # In the order of terms, then of labels.
    places, inverse = np.unique(np.concatenate(pairs), return_inverse=True)
    sums = np.bincount(inverse, np.concatenate(weights), len(places))
    lengths = np.sqrt(np.bincount(places % labels, sums**2, labels)).clip(1e-9)
    bounds = np.searchsorted(places, np.arange(len(numbers) + 1) * labels)
    return Wording(numbers, rarity, bounds, places % labels, (sums / lengths[places % labels]).astype(np.float32), labels)


def _weighed(counts: Mapping[int, int], rarity: Floats) -> tuple[Ints, Floats]:
    """Terms of a text, one at least, and their weights: a vector of length 1."""
    rows = np.fromiter(counts, np.int64, len(counts))
    weights: Floats = (1 + np.log(np.fromiter(counts.values(), np.float32, len(counts)))) * rarity[rows]
    return rows, weights / np.sqrt(weights @ weights)
