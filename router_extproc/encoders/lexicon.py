"""Lexicon: what the word pieces of a text, and pairs of them, say for or against one answer.

A linear model of hashed term weights (TF-IDF: Salton and Buckley 1988; hashing: Weinberger et al. 2009). The encoder reads meaning;
this knows the wordings of many examples by heart, so that the two err on different texts. Its terms are the pieces that the encoder
reads, so that a text is taken apart once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from math import log, sqrt
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.encoders.manifest import BundleError
from router_extproc.encoders.term_weights import CURE, SHORT, arrays_of, eight_bits

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Ints = NDArray[np.int64]

_BITS = 17
BUCKETS = 1 << _BITS
"""Places that terms are hashed to: the training texts' terms share them, and those that matter seldom meet."""
_ALONE, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
"""Odd numbers without a pattern: a product's highest bits are a hash (Knuth 1973, section 6.4)."""
_WORD = (1 << 64) - 1
_SHIFT = 64 - _BITS
_FEW = 64
"""Pieces up to which plain numbers are faster than arrays, of which each operation costs some 15 us where other code ran in between."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Weights of terms for a head with one output. Immutable; safe from several threads."""

    rarity: Floats
    """(BUCKETS,): the inverse document frequency; 0 where no training text had a term, or only one."""
    weights: Floats
    """(BUCKETS,)."""
    offset: float
    _terms: Floats = field(init=False, repr=False, compare=False)
    """(BUCKETS, 2): what a term that occurs once adds to the squared length, and to the sum. Side by side, and fetched all at once: to
    wait for them one by one takes longer than all else."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_terms", np.stack((self.rarity**2, self.rarity * self.weights), 1).astype(np.float32))

    def logits(self, ids: Sequence[int]) -> tuple[float]:
        """What a window's pieces add to the head's logit."""
        return (self._of_few(ids) if len(ids) <= _FEW else self._of_many(ids),)

    def _of_few(self, ids: Sequence[int]) -> float:
        places = _places(ids)
        if not places:
            return self.offset
        squares, total = np.add.reduce(self._terms.take(places, 0)).tolist()
        for place in _repeated(places) if len(set(places)) < len(places) else ():  # as in few short texts
            count = places.count(place)
            factor = 1 + log(count)
            square, product = self._terms[place].tolist()
            squares += (factor * factor - count) * square
            total += (factor - count) * product
        return float(total / sqrt(squares + SHORT**2)) + self.offset

    def _of_many(self, ids: Sequence[int]) -> float:
        places, counts = counted(ids)
        values = weighed(counts, self.rarity[places])
        return float(values @ self.weights[places]) / sqrt(float(values @ values) + SHORT**2) + self.offset


def _places(ids: Sequence[int]) -> list[int]:
    """The buckets of the pieces and of the pairs of neighbours among them: what `counted` counts."""
    places = [(piece * _ALONE & _WORD) >> _SHIFT for piece in ids]
    places += [(first * _FIRST + second * _SECOND & _WORD) >> _SHIFT for first, second in pairwise(ids)]
    return places


def _repeated(places: Sequence[int]) -> set[int]:
    """Those that occur more than once. A Counter takes ten times as long."""
    once: set[int] = set()
    return {place for place in places if place in once or once.add(place)}  # type: ignore[func-returns-value]  # to add gives None


def counted(ids: Sequence[int]) -> tuple[Ints, Floats]:
    """Buckets of the pieces and of the pairs of neighbours among them, each once and in order, and how many of them each has."""
    pieces = np.array(ids, np.uint64)
    alone, first, second = np.uint64(_ALONE), np.uint64(_FIRST), np.uint64(_SECOND)
    hashes = np.concatenate((pieces * alone, pieces[:-1] * first + pieces[1:] * second)) >> np.uint64(_SHIFT)
    hashes.sort()
    # As numpy.unique, without what that does for arrays of any kind: this runs for every text.
    edges = np.ones(len(hashes) + 1, np.bool_)
    np.not_equal(hashes[1:], hashes[:-1], out=edges[1:-1])
    bounds = np.flatnonzero(edges)
    return hashes[bounds[:-1]].astype(np.int64), np.diff(bounds).astype(np.float32)


def weighed(counts: Floats, rarity: Floats) -> Floats:
    """A term vector that is not yet scaled: what is said twice counts less than double."""
    values: Floats = (1 + np.log(counts)) * rarity
    return values


def write_lexicon(path: Path, lexicon: Lexicon) -> None:
    """Write it, with weights of 8 bits; the same lexicon makes the same bytes. Raises OSError."""
    weights, scale = eight_bits(lexicon.weights)
    np.savez(
        path,
        rarity=lexicon.rarity.astype(np.float16),
        weights=weights,
        scale=scale,
        offset=np.float32(lexicon.offset),
    )


def read_lexicon(path: Path) -> Lexicon:
    """What write_lexicon wrote. Raises BundleError."""
    with arrays_of(path, "lexicon") as file:
        rarity, weights = file["rarity"].astype(np.float32), file["weights"].astype(np.float32) * file["scale"]
        lexicon = Lexicon(rarity, weights, float(file["offset"]))
    numbers = (lexicon.rarity, lexicon.weights, np.array(lexicon.offset))
    if {lexicon.rarity.shape, lexicon.weights.shape} != {(BUCKETS,)} or not all(np.isfinite(each).all() for each in numbers):
        raise BundleError(f"{path}: its arrays are not those of a lexicon of {BUCKETS} buckets; {CURE}")
    return lexicon
