"""Leaves: the texts that a JSON body carries, each with where it stands, so that a text can be changed and no other byte.

They are found in the bytes themselves, in one pass and without recursion; a key that stands twice or a depth that is the author's choice
does no harm.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Path = tuple[str | int, ...]
"""Keys and indexes from the top of the document."""

_TOKEN = re.compile(rb'("(?:[^"\\]++|\\.)*+")(\s*+:)?+|[{}\[\],]', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL)
_OPENERS = frozenset({b"{", b"["})
_CLOSERS = frozenset({b"}", b"]"})


@dataclass(frozen=True, slots=True)
class Leaf:
    """One string of a document."""

    path: Path
    raw: bytes
    """As it is written, in its quotes."""
    start: int
    """Offset of its opening quote in the document."""
    key: bool = False
    """Whether it is a member's name; `path` is then that of the member."""

    @property
    def text(self) -> str:
        """What it says."""
        inner = self.raw[1:-1]
        return str(msgspec.json.decode(self.raw)) if b"\\" in inner else inner.decode()

    @property
    def end(self) -> int:
        """Offset behind its closing quote in the document."""
        return self.start + len(self.raw)


@dataclass(frozen=True, slots=True)
class Splice:
    """A stretch of a document, as byte offsets, and what takes its place."""

    start: int
    end: int
    new: bytes


def leaves(raw: bytes, *, keys: bool = False) -> Iterator[Leaf]:
    """Every string of a valid JSON document, in order; the names of members only on request."""
    path: list[str | int] = []
    objects: list[bool] = []
    for match in _TOKEN.finditer(raw):
        mark = match.group()
        if mark in _OPENERS:
            objects.append(mark == b"{")
            path.append("" if objects[-1] else 0)
        elif mark in _CLOSERS:
            objects.pop()
            path.pop()
        elif mark == b",":
            if not objects[-1]:
                path[-1] = int(path[-1]) + 1
        elif match.group(2) is not None and objects and objects[-1]:
            path[-1] = Leaf((), match.group(1), 0).text
            if keys:
                yield Leaf(tuple(path), match.group(1), match.start(), key=True)
        else:
            yield Leaf(tuple(path), match.group(1), match.start())


def spliced(raw: bytes, splices: Sequence[Splice]) -> bytes:
    """The document with stretches replaced. They must be in order and must not overlap."""
    parts: list[bytes] = []
    at = 0
    for splice in splices:
        parts += (raw[at : splice.start], splice.new)
        at = splice.end
    parts.append(raw[at:])
    return b"".join(parts)


class Offsets:
    """Where each character of a leaf's text stands in the leaf's bytes."""

    def __init__(self, raw: bytes) -> None:
        written = raw[1:-1].decode()
        self._written = written
        self._plain = written.isascii()
        self._known = (0, 0)
        """The last offset that was asked for, in characters and in bytes: offsets that rise are found in one pass."""
        self._said: list[int] = [0]
        self._wrote: list[int] = [0]
        said = wrote = 0
        for match in _ESCAPE.finditer(written):
            said += match.start() - wrote
            self._mark(said, match.start())
            said, wrote = said + 1, match.end()
            self._mark(said, wrote)

    def _mark(self, said: int, wrote: int) -> None:
        if self._said[-1] == said:
            self._wrote[-1] = wrote
        else:
            self._said.append(said)
            self._wrote.append(wrote)

    def byte(self, index: int) -> int:
        """Offset in the leaf's bytes, opening quote included, of the character at that index; also for the one behind the last."""
        place = bisect_right(self._said, index) - 1
        wrote = self._wrote[place] + index - self._said[place]
        return 1 + (wrote if self._plain else self._bytes(wrote))

    def _bytes(self, wrote: int) -> int:
        at, known = self._known if self._known[0] <= wrote else (0, 0)
        self._known = (wrote, known + len(self._written[at:wrote].encode()))
        return self._known[1]


def inner(text: str) -> list[Leaf] | None:
    """The strings of a text that is itself a JSON object or array, names of members included; None if it is none.

    Their offsets are those of the text's UTF-8.
    """
    if text.lstrip()[:1] not in {"{", "["} or not text.lstrip():
        return None
    raw = text.encode()
    try:
        msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
    return list(leaves(raw, keys=True))


def characters(text: str, offsets: Sequence[int]) -> list[int]:
    """Byte offsets of a text's UTF-8, in rising order, as character offsets."""
    if text.isascii():
        return list(offsets)
    raw = text.encode()
    at = 0
    found: list[int] = []
    for before, offset in pairwise((0, *offsets)):
        at += len(raw[before:offset].decode())
        found.append(at)
    return found
