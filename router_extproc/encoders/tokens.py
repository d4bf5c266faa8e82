"""Tokens: a text as the encoder reads it: word pieces, where each stands, and how it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tokenizers import Tokenizer
from tokenizers.normalizers import BertNormalizer, Lowercase
from tokenizers.pre_tokenizers import BertPreTokenizer

if TYPE_CHECKING:
    from pathlib import Path

CASES = 4
"""Ways to write a piece: lower (or no letters), Title, UPPER, miXed. The vocabulary is lower case; names are told by this."""
_LOWER, _TITLE, _UPPER, _MIXED = range(CASES)


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text's pieces, without the special ones at its ends."""

    ids: list[int]
    cases: list[int]
    offsets: list[tuple[int, int]]
    """Half-open character ranges in the text."""

    def __len__(self) -> int:
        return len(self.ids)

    def part(self, start: int, end: int) -> Tokens:
        """Some of them; the end may lie beyond the last."""
        return Tokens(self.ids[start:end], self.cases[start:end], self.offsets[start:end])


class WordPieces:
    """The tokenizer of a bundle. Safe from several threads; releases the GIL while it works."""

    def __init__(self, path: Path) -> None:
        """Raises OSError or ValueError if the file is none."""
        data = path.read_bytes()
        try:
            self._tokenizer = Tokenizer.from_buffer(data)
        except Exception as error:
            raise ValueError(f"{path}: not a tokenizer: {error}") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        # What a user writes is text, though it reads "[SEP]".
        self._tokenizer.encode_special_tokens = True
        self._quick = _quick(self._tokenizer)
        self.size = max(self._tokenizer.get_vocab().values(), default=-1) + 1
        """The pieces' numbers are below it. There may be fewer: a vocabulary may leave numbers out."""
        self.begin = self._id("[CLS]", path)
        self.end = self._id("[SEP]", path)
        self.pad = self._id("[PAD]", path)
        self.unknown = self._id("[UNK]", path)

    def _id(self, token: str, path: Path) -> int:
        found = self._tokenizer.token_to_id(token)
        if found is None:
            raise ValueError(f"{path}: the tokenizer has no {token}")
        return int(found)

    def encode(self, text: str) -> Tokens:
        """The pieces of a text. Takes 0.4 ms per 1,000 characters of ASCII, 0.6 of others: cut long texts first."""
        tokenizer = self._quick if text.isascii() and text.translate(_BLANKS).isprintable() else self._tokenizer
        encoding = tokenizer.encode(writable(text), add_special_tokens=False)
        offsets = encoding.offsets
        if text.islower():
            return Tokens(encoding.ids, [_LOWER] * len(offsets), offsets)
        return Tokens(encoding.ids, [_case(text[start:end]) for start, end in offsets], offsets)


_BLANKS = {ord(blank): " " for blank in "\t\n\r"}


def _quick(tokenizer: Tokenizer) -> Tokenizer:
    """One that reads printable ASCII and blanks alike in two thirds of the time: of all that BERT does to a text, lower case is left.

    It is the same one if anything else is done to a text or if there are added tokens other than special ones. Both share a vocabulary.
    """
    normalizer = tokenizer.normalizer
    known = isinstance(normalizer, BertNormalizer) and isinstance(tokenizer.pre_tokenizer, BertPreTokenizer)
    added = tokenizer.get_added_tokens_decoder().values()
    if not (known and normalizer.lowercase and all(token.special for token in added)):
        return tokenizer
    quick = Tokenizer(tokenizer.model)
    quick.normalizer = Lowercase()
    quick.pre_tokenizer = tokenizer.pre_tokenizer
    return quick


def writable(text: str) -> str:
    """The text with "?" for each lone surrogate, which UTF-8 cannot write: a place in the one is the same place in the other."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _case(piece: str) -> int:
    if piece.islower() or piece.lower() == piece:
        return _LOWER
    if not piece[0].isupper():
        return _MIXED
    rest = piece[1:]
    if not rest or rest.islower() or rest.lower() == rest:
        return _TITLE
    return _UPPER if piece.isupper() else _MIXED
