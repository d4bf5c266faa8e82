"""Passages: a text cut into the windows that the encoder reads, and how much of the text they cover."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router_extproc.encoders.tokens import Tokens, WordPieces

_CHARACTERS = 8
"""Read per token of the budget before tokenising. English has 4.5 a token, so that the budget is used up; a text of nothing but
unknown words has more, and is covered less."""
SPECIAL = 2
"""Tokens of a window that are no text: its first and its last."""


@dataclass(frozen=True, slots=True)
class Slice:
    """One window: tokens start to end of a stretch, and where that stretch begins in the text."""

    ids: list[int]
    """With the special ones."""
    cases: list[int]
    offsets: list[tuple[int, int]]
    """Character ranges in the whole text; those of the special ones are empty."""

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Passage:
    """A text's windows in order."""

    slices: tuple[Slice, ...]
    coverage: float
    """Share of the text's characters that some window reads, in [0, 1]. Words that the vocabulary cannot spell are not read."""


def cut(text: str, pieces: WordPieces, *, window: int, overlap: int, budget: int) -> Passage:
    """The windows of a text: all of it if `budget` windows suffice, else as many from its head as from its tail.

    Takes no longer for a text of a million characters than for one that fills the budget.
    """
    room = window - SPECIAL
    tokens = room + (budget - 1) * (room - overlap)
    reach = tokens * _CHARACTERS
    if len(text) <= reach:
        whole = pieces.encode(text)
        if len(whole) <= tokens:
            return Passage(tuple(_slices(whole, 0, pieces, room, overlap)), _coverage(text, [(0, whole)], pieces))
    head_windows = (budget + 1) // 2
    stretches = [(0, _head(text, pieces, room + (head_windows - 1) * (room - overlap)))]
    tail_windows = budget - head_windows
    if tail_windows:
        stretches.append(_tail(text, pieces, room + (tail_windows - 1) * (room - overlap)))
    slices = [each for start, stretch in stretches for each in _slices(stretch, start, pieces, room, overlap)]
    return Passage(tuple(slices), _coverage(text, stretches, pieces))


def _head(text: str, pieces: WordPieces, count: int) -> Tokens:
    return pieces.encode(text[: count * _CHARACTERS]).part(0, count)


def _tail(text: str, pieces: WordPieces, count: int) -> tuple[int, Tokens]:
    start = max(0, len(text) - count * _CHARACTERS)
    tokens = pieces.encode(text[start:])
    return start, tokens.part(max(0, len(tokens) - count), len(tokens))


def _slices(tokens: Tokens, base: int, pieces: WordPieces, room: int, overlap: int) -> list[Slice]:
    return [_slice(tokens.part(start, end), base, pieces) for start, end in spread(len(tokens), room, overlap)]


def spread(size: int, room: int, overlap: int) -> list[tuple[int, int]]:
    """Half-open ranges of windows over that many tokens: as few as suffice, all of one length, sharing `overlap` or a little more.

    One length, so that they can be run together without padding.
    """
    if size <= room:
        return [(0, size)]
    count = -((overlap - size) // (room - overlap))
    length = -((-size - (count - 1) * overlap) // count)
    return [(start, start + length) for start in (number * (size - length) // (count - 1) for number in range(count))]


def _slice(tokens: Tokens, base: int, pieces: WordPieces) -> Slice:
    offsets = tokens.offsets if not base else [(start + base, end + base) for start, end in tokens.offsets]
    return Slice([pieces.begin, *tokens.ids, pieces.end], [0, *tokens.cases, 0], [(0, 0), *offsets, (0, 0)])


def _coverage(text: str, stretches: list[tuple[int, Tokens]], pieces: WordPieces) -> float:
    """Characters between the first and last token of each stretch, less those of unknown words, over all that are not blank."""
    stripped = text.strip()
    if not stripped:
        return 1.0
    lead = len(text) - len(text.lstrip())
    first, last = lead, lead + len(stripped)
    read = 0
    done, spelt = first, first
    for number, (base, tokens) in enumerate(stretches):
        if not len(tokens):
            continue
        begin = max(done, base + tokens.offsets[0][0]) if number else first
        end = base + tokens.offsets[-1][1]
        read += max(0, end - begin)
        done = max(done, end)
        # Where stretches overlap, a word that one of them cannot spell counts as not read, once.
        for left, right in _unspelt(tokens, pieces):
            read -= max(0, base + right - max(base + left, spelt))
            spelt = max(spelt, base + right)
    return min(max(read / (last - first), 0.0), 1.0)


def _unspelt(tokens: Tokens, pieces: WordPieces) -> list[tuple[int, int]]:
    """Ranges of the words that the vocabulary has no pieces for."""
    if pieces.unknown not in tokens.ids:
        return []
    return [place for each, place in zip(tokens.ids, tokens.offsets, strict=True) if each == pieces.unknown]
