"""Foreign: an operator's own tokenizer: a text as its model reads it, and how much of the text that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from tokenizers import Tokenizer

from router_extproc.encoders.manifest import BundleError
from router_extproc.encoders.tokens import writable
from router_extproc.encoders.unspelt import readable, words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tokenizers import Encoding

CHARACTERS = 8
"""Read per token of the budget."""


class TokenizerError(BundleError):
    """The tokenizer's file is at fault, not the model's."""


class _Model(msgspec.Struct):
    """What a tokenizer.json calls a piece that it has no number for; by kind, it is one or the other, or none."""

    unk_token: str | None = None
    unk_id: int | None = None


class _File(msgspec.Struct):
    model: _Model


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What is read of a text."""

    windows: list[list[int]]
    """The tokens' numbers, special ones included; none where no token stands for any of the text, such as one of joiners alone."""
    coverage: float
    """Share of the text's characters, in [0, 1], as Passage has it."""


class ForeignTokens:
    """An operator's tokenizer. Safe from several threads."""

    def __init__(self, path: Path, window: int) -> None:
        """Windows are that many tokens at most; neighbours share a quarter. Raises TokenizerError."""
        self._window = window
        try:
            data = path.read_bytes()
            self._tokenizer = Tokenizer.from_buffer(data)
            self._tokenizer.enable_truncation(window, stride=window // 4)
            model = msgspec.json.decode(data, type=_File).model
        except OSError as error:
            raise TokenizerError(f"{path}: {error.strerror}") from error
        except Exception as error:
            # The tokenizers library raises Exception itself.
            raise TokenizerError(f"{path}: not a tokenizer: {error}") from error
        self._tokenizer.no_padding()
        # What a user writes is text, though it reads "[SEP]".
        self._tokenizer.encode_special_tokens = True
        named = model.unk_token
        self._unknown: int | None = model.unk_id if named is None else self._tokenizer.token_to_id(named)
        added = self._tokenizer.get_added_tokens_decoder()
        self._special = frozenset(number for number, token in added.items() if token.special) - {self._unknown}
        numbers = set(self._tokenizer.get_vocab().values()) - self._special
        self.highest = max(numbers, default=0)
        """The highest number that a text may have."""

    def read(self, text: str, budget: int) -> Excerpt:
        """Up to that many windows of a text, from its head."""
        head = text[: self._window * budget * CHARACTERS]
        found = self._encoded(head)
        if not head.isascii() and self._unknown is not None:
            plain = readable(head, self._unspelt(found[:budget]))
            found = found if plain == head else self._encoded(plain)
        windows = found[:budget]
        rows = [self._without_special(window) for window in windows]
        whole = len(found) <= budget and len(text.rstrip()) <= len(head)
        return Excerpt([row for row in rows if row], self._coverage(text, windows, rows, whole=whole))

    def _encoded(self, text: str) -> list[Encoding]:
        first = self._tokenizer.encode(writable(text))
        return [first, *first.overflowing]

    def _unspelt(self, windows: Sequence[Encoding]) -> list[tuple[int, int]]:
        pairs = (
            pair for window in windows if self._unknown in window.ids for pair in zip(window.ids, window.offsets, strict=True)
        )
        return [place for number, place in pairs if number == self._unknown]

    def _without_special(self, window: Encoding) -> list[int]:
        """Its numbers. Some vocabularies (Unigram, words) hold special tokens as if they were words: as a text they are unknown."""
        ids: list[int] = window.ids
        if self._unknown is None or sum(map(self._special.__contains__, ids)) <= sum(window.special_tokens_mask):
            return ids
        pairs = zip(ids, window.special_tokens_mask, strict=True)
        return [self._unknown if number in self._special and not ours else number for number, ours in pairs]

    def _coverage(self, text: str, windows: Sequence[Encoding], rows: Sequence[Sequence[int]], *, whole: bool) -> float:
        """As _coverage of passages: characters up to the last token that is read, or all, less those of words that none stands for."""
        stripped = text.strip()
        if not stripped:
            return 1.0
        last, unread = self._unread(text, windows, rows)
        end = len(text.rstrip()) if whole else last
        lost = sum(words(text, first, to) for first, to in (*unread, (last, end)))
        return min(max((end - (len(text) - len(text.lstrip())) - lost) / len(stripped), 0.0), 1.0)

    def _unread(self, text: str, windows: Sequence[Encoding], rows: Sequence[Sequence[int]]) -> tuple[int, list[tuple[int, int]]]:
        """Where the last token ends, and ranges up to there that none stands for: a vocabulary without an unknown one drops words."""
        last, found = 0, []
        for window, row in zip(windows, rows, strict=True):
            for number, (start, end) in zip(row, window.offsets, strict=True):
                if end <= last:  # a special one, a part of a letter, or what the window before has, too
                    continue
                if start > last and text[last:start] != " ":
                    found.append((last, start))
                if number == self._unknown:
                    found.append((max(start, last), end))
                last = end
        return last, found
