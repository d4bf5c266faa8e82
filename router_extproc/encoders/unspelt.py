"""Unspelt: the words of a text that the vocabulary has no pieces for. Signs such as emoji hold no words: nothing is lost with them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unicodedata import category

import re2

from router_extproc.encoders.tokens import writable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from router_extproc.encoders.tokens import Tokens, WordPieces

_ENCLOSED = (
    r"\x{24B6}-\x{24C1}\x{24C3}-\x{24E9}"
    r"\x{1F110}-\x{1F12B}\x{1F130}-\x{1F149}\x{1F150}-\x{1F169}\x{1F172}-\x{1F17D}\x{1F180}-\x{1F189}"
)
"""Letters in circles and squares: signs by their category, but words are written with them. Without M, A, B, O and P, which are emoji."""
_WORDS = re2.compile(
    rf"(?:[\p{{L}}\p{{Nd}}\p{{Nl}}{_ENCLOSED}]\p{{M}}*)+|\p{{No}}{{3,}}|[\x{{2801}}-\x{{28FF}}]{{2,}}|[\x{{E0020}}-\x{{E007E}}]{{7,}}"
)
"""Letters and digits with their marks, as many as stand together, because each match takes 7 us; several numbers in circles or raised, of
which one is a bullet; Braille, where it is more than the one dot pattern of a progress display; a text in tag characters, longer than that
of a flag."""
_MARK = re2.compile(r"\p{M}")
_LETTER = re2.compile(r"[\p{L}\p{N}]")
_SPELLING = re2.compile(rf"[{_ENCLOSED}\x{{2801}}-\x{{28FF}}]")
_SIGNS = frozenset({"Sm", "Sc", "Sk", "So", "Me", "No"})


def spelt(text: str, pieces: WordPieces) -> Tokens:
    """The pieces of a text. Where a sign is all that keeps a word from being read ("Thanks" with an emoji at its end), without the sign.

    A text without unknown words, or in ASCII, has the pieces that the tokenizer gives. Others are read twice at most.
    """
    tokens = pieces.encode(text)
    if text.isascii():
        return tokens
    plain = readable(text, _unknown(tokens, pieces))
    return tokens if plain == text else pieces.encode(plain)


def readable(text: str, unknown: Iterable[tuple[int, int]]) -> str:
    """The text with a blank for each sign in words that are unknown, by their ranges in order: every letter stays in its place."""
    parts: list[str] = []
    at = 0
    for start, end in unknown:
        word = text[start:end]
        alone = _without_signs(word) if start >= at and _LETTER.search(writable(word)) else word
        if alone != word:
            parts += (text[at:start], alone)
            at = end
    return "".join((*parts, text[at:])) if parts else text


def unread(tokens: Tokens, end: int, pieces: WordPieces) -> Iterator[tuple[int, int]]:
    """Ranges of a text up to `end` that no piece stands for: unknown words, and what follows the last piece."""
    yield from _unknown(tokens, pieces)
    last = tokens.offsets[-1][1] if len(tokens) else 0
    if last < end:
        yield last, end


def words(text: str, start: int, end: int) -> int:
    """Characters of a stretch that letters and digits take, with their marks."""
    return sum(map(len, _WORDS.findall(writable(text[start:end])))) if start < end else 0


def letters(text: str, start: int, end: int) -> int:
    """How many letters and digits a stretch has, whatever marks they carry: a token may end before its last mark."""
    return len(_MARK.sub("", "".join(_WORDS.findall(writable(text[start:end]))))) if start < end else 0


def _unknown(tokens: Tokens, pieces: WordPieces) -> list[tuple[int, int]]:
    if pieces.unknown not in tokens.ids:
        return []
    return [place for each, place in zip(tokens.ids, tokens.offsets, strict=True) if each == pieces.unknown]


def _without_signs(word: str) -> str:
    """With a blank for each, so that every letter stays in its place."""
    return "".join(" " if category(sign) in _SIGNS and not _SPELLING.match(sign) else sign for sign in word)
