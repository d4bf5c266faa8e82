"""Wording: which labels' examples have a text's words and pairs of words, beside what an embedding says of its meaning.

An embedding tells paraphrases, but blurs names and rare words; term weights (TF-IDF: Salton and Buckley 1988) tell those.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import chain, pairwise
from math import log
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Ints = NDArray[np.int64]

_READ = 2000
"""Characters of a text that are looked at: what bounds the time."""
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+(?:'[^\W_]+)?")
"""Each character of a script without blanks is a word."""


@dataclass(frozen=True, slots=True)
class Wording:
    """Term weights of labels. Immutable; safe from several threads."""

    rarity: Mapping[str, float]
    """By term: its inverse document frequency among the examples."""
    places: Mapping[str, slice]
    """By term: where its labels stand in `owners` and `weights`."""
    owners: Ints
    weights: Floats
    labels: int

    def likeness(self, text: str) -> Floats:
        """(labels,): the cosine of the text's term weights, of terms that some example has, with the mean of each label's."""
        found = {term: weight for term, weight in _weighed(terms(text), self.rarity).items() if term in self.places}
        if not found:
            return np.zeros(self.labels, np.float32)
        at = [self.places[term] for term in found]
        spread = np.repeat(np.fromiter(found.values(), np.float32), [each.stop - each.start for each in at])
        owners = np.concatenate([self.owners[each] for each in at])
        weights = np.concatenate([self.weights[each] for each in at])
        return np.bincount(owners, spread * weights, self.labels).astype(np.float32)


def terms(text: str) -> list[str]:
    """Words and pairs of neighbouring words, in lower case. Linear, of a bounded part of the text."""
    words = _WORD.findall(text[:_READ].lower())
    return list(chain(words, map(" ".join, pairwise(words))))


def learned(texts: Sequence[str], owners: Sequence[int], labels: int) -> Wording:
    """Term weights of labels, from their examples; `owners` are indexes of labels."""
    documents = [terms(text) for text in texts]
    spread = Counter(term for document in documents for term in set(document))
    rarity = {term: log((1 + len(documents)) / (1 + count)) + 1 for term, count in spread.items()}
    sums: dict[tuple[str, int], float] = {}
    for document, owner in zip(documents, owners, strict=True):
        for term, weight in _weighed(document, rarity).items():
            sums[term, owner] = sums.get((term, owner), 0.0) + weight
    squares = np.bincount([owner for _, owner in sums], np.square(list(sums.values())), labels)
    lengths = np.sqrt(squares).clip(1e-9)
    by_term = sorted(sums)
    places: dict[str, slice] = {}
    for at, (term, _) in enumerate(by_term):
        places[term] = slice(places[term].start if term in places else at, at + 1)
    numbers = np.array([owner for _, owner in by_term], np.int64)
    weights = np.array([sums[pair] for pair in by_term], np.float64) / lengths[numbers]
    return Wording(rarity, places, numbers, weights.astype(np.float32), labels)


def _weighed(document: Sequence[str], rarity: Mapping[str, float]) -> dict[str, float]:
    """Weights of the terms that are known, as a vector of length 1."""
    counts = Counter(term for term in document if term in rarity)
    weights = {term: (1 + log(count)) * rarity[term] for term, count in counts.items()}
    length = sum(weight**2 for weight in weights.values()) ** 0.5
    return {term: weight / length for term, weight in weights.items()}
