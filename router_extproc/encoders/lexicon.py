"""Lexicon: what the words of a text, and pairs of them, say for or against one answer.

A linear model of hashed term weights (TF-IDF: Salton and Buckley 1988; hashing: Weinberger et al. 2009). The encoder reads meaning;
this knows the wordings of many examples by heart, so that the two err on different texts.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from dataclasses import dataclass
from itertools import chain, pairwise
from math import sqrt
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np

from router_extproc.encoders.manifest import BundleError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

BUCKETS = 1 << 16
"""Places that terms are hashed to: 150,000 terms of the training texts share them, and those that matter seldom meet."""
READ = 4000
"""Characters of a text that are looked at: what bounds the time."""
_SHORT = 15.0
"""Length of a term vector below which a text says little: a few words weigh less than a page of them."""
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\d_]+(?:'[^\W\d_]+)?|\d+|[?!$%\\{}=+<>^]")
"""Each character of a script without blanks is a word; all numbers are one word."""
_CURE = "restore the bundle from its release"


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Weights of terms for a head with one output. Immutable; safe from several threads."""

    rarity: Floats
    """(BUCKETS,): the inverse document frequency; 0 where no training text had a term, or only one."""
    weights: Floats
    """(BUCKETS,)."""
    offset: float

    def logits(self, text: str) -> Floats:
        """(1,): what the text's terms add to the head's logit. 0.3 ms for a window of 200 tokens."""
        counts = counted(text)
        places = np.fromiter(counts, np.int64, len(counts))
        values = weighed(np.fromiter(counts.values(), np.float32, len(counts)), self.rarity[places])
        length = sqrt(float(values @ values) + _SHORT**2)
        return np.array([float(values @ self.weights[places]) / length + self.offset], np.float32)


def counted(text: str) -> Counter[int]:
    """How often each bucket's terms stand in a text. Linear, of a bounded part of the text."""
    words = ["0" if word[0].isdigit() else word for word in _WORD.findall(text[:READ].lower())]
    terms = chain(words, map(" ".join, pairwise(words)))
    return Counter(zlib.crc32(term.encode("utf-8", "replace")) % BUCKETS for term in terms)


def weighed(counts: Floats, rarity: Floats) -> Floats:
    """A term vector that is not yet scaled: what is said twice counts less than double."""
    values: Floats = (1 + np.log(counts)) * rarity
    return values


def scaled(squares: Floats) -> Floats:
    """The lengths that term vectors are divided by, from their squared lengths."""
    lengths: Floats = np.sqrt(squares + np.float32(_SHORT**2))
    return lengths


def write_lexicon(path: Path, lexicon: Lexicon) -> None:
    """Write it, with weights of 8 bits; the same lexicon makes the same bytes. Raises OSError."""
    scale = np.float32(max(float(np.abs(lexicon.weights).max()), 1e-9) / 127)
    np.savez(
        path,
        rarity=lexicon.rarity.astype(np.float16),
        weights=np.rint(lexicon.weights / scale).astype(np.int8),
        scale=scale,
        offset=np.float32(lexicon.offset),
    )


def read_lexicon(path: Path) -> Lexicon:
    """What write_lexicon wrote. Raises BundleError."""
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            rarity, weights = file["rarity"].astype(np.float32), file["weights"].astype(np.float32) * file["scale"]
            lexicon = Lexicon(rarity, weights, float(file["offset"]))
    except (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, BadZipFile) as error:
        raise BundleError(f"{path}: not a lexicon: {error}; {_CURE}") from error
    numbers = (lexicon.rarity, lexicon.weights, np.array(lexicon.offset))
    if {lexicon.rarity.shape, lexicon.weights.shape} != {(BUCKETS,)} or not all(np.isfinite(each).all() for each in numbers):
        raise BundleError(f"{path}: its arrays are not those of a lexicon of {BUCKETS} buckets; {_CURE}")
    return lexicon
