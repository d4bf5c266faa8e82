"""Passages: a text cut into the windows that the encoder reads, and how much of the text they cover."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from router_extproc.encoders.unspelt import letters, spelt, unread, words

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
    """Share of the text's characters that some window reads, in [0, 1]. Words that the vocabulary cannot spell are not read; signs that
    are no letters and no digits hold no words."""
    legible: bool = True
    """Whether the vocabulary knows any of it: a word, or a sign in a text without words. Blanks and full stops between words that it cannot
    spell are part of `coverage`, but tell nothing."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A part of a text, and the tokens that are read of it."""

    base: int
    """Where the part begins that the tokens' offsets count from."""
    tokens: Tokens
    start: int
    """From here to `end` all is read, but for what cannot be spelt."""
    end: int


def cut(text: str, pieces: WordPieces, *, window: int, overlap: int, budget: int) -> Passage:
    """The windows of a text: all of it if `budget` windows suffice, else as many from its head as from its tail.

    Takes no longer for a text of a million characters than for one that fills the budget.
    """
    room = window - SPECIAL
    tokens = room + (budget - 1) * (room - overlap)
    if len(text) <= tokens * _CHARACTERS:
        whole = _whole(text, pieces)
        if len(whole.tokens) <= tokens:
            return Passage(tuple(_slices(whole, pieces, room, overlap)), *_read(text, [whole], pieces))
    head_windows = (budget + 1) // 2
    stretches = [_head(text, pieces, room + (head_windows - 1) * (room - overlap))]
    tail_windows = budget - head_windows
    if tail_windows:
        stretches.append(_tail(text, pieces, room + (tail_windows - 1) * (room - overlap)))
    slices = [each for stretch in stretches for each in _slices(stretch, pieces, room, overlap)]
    return Passage(tuple(slices), *_read(text, stretches, pieces))


def _whole(text: str, pieces: WordPieces) -> _Stretch:
    return _Stretch(0, spelt(text, pieces), _first(text), len(text.rstrip()))


def _head(text: str, pieces: WordPieces, count: int) -> _Stretch:
    tokens = spelt(text[: count * _CHARACTERS], pieces).part(0, count)
    return _Stretch(0, tokens, _first(text), tokens.offsets[-1][1]) if len(tokens) else _Stretch(0, tokens, 0, 0)


def _tail(text: str, pieces: WordPieces, count: int) -> _Stretch:
    base = max(0, len(text) - count * _CHARACTERS)
    tokens = spelt(text[base:], pieces)
    tokens = tokens.part(max(0, len(tokens) - count), len(tokens))
    if not len(tokens):
        return _Stretch(base, tokens, 0, 0)
    return _Stretch(base, tokens, base + tokens.offsets[0][0], len(text.rstrip()))


def _first(text: str) -> int:
    return len(text) - len(text.lstrip())


def _slices(stretch: _Stretch, pieces: WordPieces, room: int, overlap: int) -> list[Slice]:
    tokens = stretch.tokens
    return [_slice(tokens.part(start, end), stretch.base, pieces) for start, end in spread(len(tokens), room, overlap)]


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


def _read(text: str, stretches: list[_Stretch], pieces: WordPieces) -> tuple[float, bool]:
    """The coverage, and whether it is legible.

    Characters of the stretches, less those of words that were not read, over all from the first to the last that is not blank.
    """
    stripped = text.strip()
    if not stripped:
        return 1.0, True
    read = done = counted = 0
    gaps: list[tuple[int, int]] = []
    for stretch in stretches:
        read += max(0, stretch.end - max(done, stretch.start))
        done = max(done, stretch.end)
        # Where stretches overlap, a word that one of them cannot spell counts as not read, once.
        for start, end in unread(stretch.tokens, stretch.end - stretch.base, pieces):
            gap = max(stretch.base + start, counted), stretch.base + end
            read -= words(text, *gap)
            counted = max(counted, stretch.base + end)
            gaps.append(gap)
    return min(max(read / len(stripped), 0.0), 1.0), not gaps or _legible(text, stretches, gaps, pieces)


def _legible(text: str, stretches: list[_Stretch], gaps: list[tuple[int, int]], pieces: WordPieces) -> bool:
    """Whether something was read, where these ranges were not."""
    if all(each == pieces.unknown for stretch in stretches for each in stretch.tokens.ids):
        return False
    lost = sum(letters(text, *gap) for gap in gaps)
    if not lost:
        return True
    done = total = 0
    for stretch in stretches:
        total += letters(text, max(stretch.start, done), stretch.end)
        done = max(done, stretch.end)
    return lost < total
