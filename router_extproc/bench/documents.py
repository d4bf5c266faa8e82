"""Documents: prompts as people write them, cut to exact sizes: what a pass costs depends on what a text says, not on its size alone."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from router_extproc.encoders.passages import SPECIAL

if TYPE_CHECKING:
    from router_extproc.encoders.tokens import WordPieces

_FILE = Path(__file__).with_suffix(".txt")
_BETWEEN = "\n---\n"


class SizeError(Exception):
    """The tokenizer does not read a part of a text as it reads the whole."""


@cache
def documents() -> tuple[str, ...]:
    """Some with names in them and some without, a few hundred characters each."""
    return tuple(each.strip() for each in _FILE.read_text(encoding="utf-8").split(_BETWEEN))


def exact_texts(pieces: WordPieces, tokens: int) -> list[str]:
    """As many texts as documents, of exactly that many tokens of this tokenizer, the special ones included: 3 at least.

    Each begins with another document; others follow until it is long enough. Raises SizeError where that cannot be.
    """
    texts = []
    for number in range(len(documents())):
        text = _long_enough(pieces, number, tokens - SPECIAL)
        _, end = pieces.encode(text).offsets[tokens - SPECIAL - 1]
        texts.append(text[:end])
        found = len(pieces.encode(text[:end])) + SPECIAL
        if found != tokens:
            raise SizeError(f"the beginning of a text, {tokens} tokens of the whole, has {found} in this bundle's vocabulary")
    return texts


def _long_enough(pieces: WordPieces, number: int, count: int) -> str:
    text = ""
    while len(pieces.encode(text)) < count:
        text += ("\n\n" if text else "") + documents()[number % len(documents())]
        number += 1
    return text
