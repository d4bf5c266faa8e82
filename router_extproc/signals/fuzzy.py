"""Fuzzy: words that are there but for typing errors (Levenshtein distance)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import extractOne

if TYPE_CHECKING:
    from collections.abc import Sequence

_WORD = re.compile(r"\w+")
_MAX_WORDS = 2000
"""Different words of a text that are compared; ten pages have about so many."""
_MAX_CHARACTERS = 50_000
"""Of all texts together: telling the words apart takes longer than comparing them."""
_SURE = 4
"""Letters that a word must have for each error that is forgiven: at distance 1, `cat` is nearly every word."""


class Fuzzy:
    """Finds words at a bounded edit distance. Both sides must be in one normal form."""

    def __init__(self, distance: int) -> None:
        self._distance = distance

    def found(self, read: Sequence[str], words: Sequence[str]) -> set[int]:
        """Indexes of the words that are there."""
        counts = {index: len(_WORD.findall(word)) for index, word in enumerate(words)}
        grams = {size: self._grams(read, size) for size in set(counts.values()) if size}
        return {index for index, word in enumerate(words) if counts[index] and self._is_there(word, grams[counts[index]])}

    def _is_there(self, word: str, grams: Sequence[str]) -> bool:
        allowed = min(self._distance, len(word) // _SURE)
        if not allowed:
            return word in grams
        return extractOne(word, grams, scorer=Levenshtein.distance, score_cutoff=allowed) is not None

    @staticmethod
    def _grams(read: Sequence[str], size: int) -> list[str]:
        """Different runs of that many words, at most _MAX_WORDS."""
        found: dict[str, None] = {}
        left = _MAX_CHARACTERS
        for text in read:
            run: list[str] = []
            for match in _WORD.finditer(text, 0, left):
                run = [*run[-(size - 1) :], match.group()] if size > 1 else [match.group()]
                if len(run) == size:
                    found[" ".join(run)] = None
                if len(found) >= _MAX_WORDS:
                    return list(found)
            left -= len(text)
            if left <= 0:
                break
        return list(found)
