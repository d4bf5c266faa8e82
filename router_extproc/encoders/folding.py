"""Folding: one form for texts that look alike, so that a disguised word is still found."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\U000e0000-\U000e0fff]"
)
"""Characters that show nothing: zero-width, direction marks, variation selectors, fillers, tags."""
_BLANKS = "\t\n\v\f\r\x85\u2028\u2029"
"""Blanks that NFKC does not turn into the space."""
_MARKS_KEPT = 8
"""Combining marks that may follow one another; no language stacks so many."""
_BLOCKS = (range(0x300, 0x3400), range(0xA000, 0xAC00), range(0xFB00, 0x12000), range(0x16000, 0x17000), range(0x1BC00, 0x1EA00))
"""Where combining marks are: everywhere but among ideographs, Hangul and private use."""


def _is_sorted(character: str) -> bool:
    """Whether normalization has to sort it: a mark, or what becomes marks, such as U+0F73 and half-width voicing marks."""
    if unicodedata.combining(character):
        return True
    return bool(unicodedata.decomposition(character)) and unicodedata.combining(unicodedata.normalize("NFKD", character)[0]) > 0


# Normalization sorts a run of marks in time that grows with the square of its length: 400,000 of them would take minutes.
_MARKS = "".join(chr(code) for block in _BLOCKS for code in block if _is_sorted(chr(code)))
_RUN = re.compile(f"[{_MARKS}]{{{_MARKS_KEPT + 1},}}")
# A class is fast only up to U+FFFF, so that a coarser one goes first; it has the scripts above, but not the emoji.
_NEAR = "".join(mark for mark in _MARKS if mark <= "\uffff")
_SUSPECT = re.compile(f"[{_NEAR}\U00010000-\U0001ea00]{{{_MARKS_KEPT + 1},}}")
_FEW = 3
"""Characters that one may become without more ado: for U+FDFA, which becomes 18, normalization takes 40 times as long as for a letter."""
_BECOMES = ((chr(code), unicodedata.normalize("NFKC", chr(code))) for code in (*range(0x2000, 0x3400), *range(0xFB00, 0x10000)))
_LIGATURES = "".join(character for character, becomes in _BECOMES if len(becomes) > _FEW)
_LIGATURE = re.compile(f"[{_LIGATURES}]")
_MOST_LIGATURES = 1_000
"""Of them in a text that are spelt out. A megabyte of nothing else held up every other request for two seconds."""
_SLICE = 4096
"""Characters that are folded at a time: a millisecond at most."""
_UNTOLD = "\ufffd"
"""In place of the others."""


def fold(text: str, *, case_sensitive: bool) -> str:
    """The text in NFKC, without invisible characters, and without capitals unless they matter. Linear in its length.

    Of ligatures that are whole words, such as U+FDFA and U+3300, the first thousand become these.
    """
    if text.isascii():
        return text if case_sensitive else text.lower()
    return "".join(_folded(text, case_sensitive=case_sensitive))


def _folded(text: str, *, case_sensitive: bool) -> Iterator[str]:
    """The slices of a text, folded. In a thread the interpreter is free for others between two of them: none of these calls lets it go."""
    ligatures = _MOST_LIGATURES
    for part in _slices(text):
        clean = _SUSPECT.sub(_unstacked, _INVISIBLE.sub("", part))
        if not unicodedata.is_normalized("NFKC", clean):
            spelt, count = _LIGATURE.subn(_spelt, clean, ligatures) if ligatures else (clean, 0)
            ligatures -= count
            clean = unicodedata.normalize("NFKC", _LIGATURE.sub(_UNTOLD, spelt))
        yield clean if case_sensitive else clean.casefold()


def _slices(text: str) -> Iterator[str]:
    """A text in parts that can be folded by themselves, of about that many characters where it is written in letters."""
    at = 0
    while len(text) - at > _SLICE:
        end = at + _SLICE
        while end < len(text) and not _begins_anew(text[end]):
            end += 1
        yield text[at:end]
        at = end
    yield text[at:]


def _begins_anew(character: str) -> bool:
    """Whether it shows, and normalization never puts it together with what comes before it, nor sorts it in there."""
    if _INVISIBLE.match(character):
        return False
    first = unicodedata.normalize("NFKD", character)[0]
    return first <= "\uffff" and not ("\u1100" <= first <= "\u11ff" or unicodedata.category(first).startswith("M"))


def _spelt(ligature: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", ligature.group())


def _unstacked(suspect: re.Match[str]) -> str:
    return _RUN.sub(_shortened, suspect.group())


def _shortened(run: re.Match[str]) -> str:
    return run.group()[:_MARKS_KEPT]


def spaced(text: str) -> str:
    """A folded text with one space wherever it has blanks or line breaks. Linear: every pass halves what is left of a long run."""
    for blank in _BLANKS:
        text = text.replace(blank, " ")
    while "  " in text:
        text = text.replace("  ", " ")
    return text
