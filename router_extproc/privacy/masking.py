"""Masking: private data in a request's body gives way to placeholders; every other byte stays."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import ahocorasick_rs
import msgspec

from router_extproc.apis.edits import encode
from router_extproc.apis.leaves import Leaf, Offsets, Splice, characters, inner, spliced
from router_extproc.definitions import is_definition, is_name
from router_extproc.guarding import PrivateAction
from router_extproc.pii.patterns import find
from router_extproc.privacy.placeholders import Placeholders, Restorer, in_text
from router_extproc.privacy.places import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from router_extproc.guarding import Masks

_CODE = frozenset({"arguments"})
"""A model's own tool calls: code that a notice would break."""
_BUDGET = 20_000_000
"""Characters that are searched for texts within texts, at most; what is not found then is searched for private data itself."""
_LOOK = 100
"""Characters that are searched in the time of a look at one text, however short: 10,000 messages are not worth 256 looks each."""
_SHORT = 4
_TELLING = 6
_JUDGED = frozenset({"PERSON", "ORGANIZATION", "ADDRESS"})
_VAGUE = frozenset({"AGE"})
_SUFFIX = 3


class Private(NamedTuple):
    """Private data in one text: half-open character offsets, and its type."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class Masked:
    """A body without the private data."""

    body: bytes
    restorer: Restorer
    """Of what the caller is to get back."""
    counts: dict[str, int] = field(default_factory=dict)
    """Stretches that were replaced, by type."""


def masked(body: bytes, masks: Masks, *, conversation: str = "") -> Masked:
    """The body with what was found replaced, wherever else in it the same values stand, too.

    `conversation` names one that the model server remembers: this request does not show which numbers its earlier turns took, so that
    placeholders get letters of their own.
    """
    wholes = _Wholes(masks)
    found, gone = _sorted(body, masks, wholes)
    for text in found:
        text.locate(wholes)
    repeats = _Repeats(found)
    # What the caller typed must not turn into a value on its way back. Where nothing is put back, an earlier answer holds placeholders.
    restored = frozenset(kind for kind, action in masks.actions.items() if action is PrivateAction.RESTORE)
    placeholders = Placeholders(in_text(body.decode(), restored), _letters(conversation))
    splices: list[Splice] = []
    values: dict[str, str] = {}
    counts: dict[str, int] = {}
    for text in found:
        if text.leaf in gone:
            splices.append(Splice(text.leaf.start, text.leaf.end, encode(gone[text.leaf])))
            continue
        for start, end, value, kind in text.stretches(repeats):
            made = placeholders.placeholder(value, kind)
            splices.append(Splice(start, end, made.encode()))
            counts[kind] = counts.get(kind, 0) + 1
            if masks.actions[kind] is PrivateAction.RESTORE:
                values[made] = value
    return Masked(spliced(body, splices), Restorer(values), counts)


def _sorted(body: bytes, masks: Masks, wholes: _Wholes) -> tuple[list[_Text], dict[Leaf, str]]:
    """The texts of a body, and which of them go as a whole, with what takes their place."""
    texts: list[_Text] = []
    gone: dict[Leaf, str] = {}
    for leaf in words(body):
        text = _Text(leaf, leaf.text, masks)
        texts.append(text)
        if masks.stripped and not _CODE.intersection(leaf.path):
            notice = masks.stripped.get(text.text) or (None if _is_term(leaf, text.text) else wholes.notice(text.text))
            if notice is not None:
                gone[leaf] = notice
    return texts, gone


def _is_term(leaf: Leaf, text: str) -> bool:
    """Whether it is a value of a schema such as a unit: a notice in its place would help nobody and break the schema."""
    return is_definition(leaf.path) and is_name(text)


class _Wholes:
    """Texts that signals read and that were put together of several: a body's text may be part of one."""

    def __init__(self, masks: Masks) -> None:
        self._read = masks.texts
        self._stripped = {f"\n{whole}\n": notice for whole, notice in masks.stripped.items() if "\n" in whole}
        self._left = _BUDGET

    @cached_property
    def _lines(self) -> list[tuple[str, Sequence[tuple[int, int, str]]]]:
        """What has several lines, each with its breaks around it, and what was found in it: copied once, not for each text."""
        return [(f"\n{whole}\n", told) for whole, told in self._read.items() if "\n" in whole]

    def place(self, text: str) -> list[Private] | None:
        """What was found in it, as part of a longer text; None if it is part of none."""
        return self._among(text, self._read.items(), len(text))

    def line(self, text: str) -> list[Private] | None:
        """The same for what stands there as lines of its own, as the strings of a schema do."""
        return self._among(f"\n{text}\n", self._lines, len(text))

    def _among(
        self, sought: str, wholes: Iterable[tuple[str, Sequence[tuple[int, int, str]]]], size: int
    ) -> list[Private] | None:
        if self._left <= 0:
            return None
        for whole, told in wholes:
            at = self._find(sought, whole)
            if at >= 0:
                return _within(told, at, at + size)
            if self._left <= 0:
                return None
        return None

    def notice(self, text: str) -> str | None:
        """What takes its place, if it is part of a text that goes."""
        if len(text.strip()) <= _SHORT or self._left <= 0:
            return None
        return next((notice for whole, notice in self._stripped.items() if self._find(f"\n{text}\n", whole) >= 0), None)

    def _find(self, text: str, whole: str) -> int:
        if self._left <= 0:
            return -1
        self._left -= _LOOK
        if len(whole) <= len(text):
            return -1
        self._left -= len(whole)
        return whole.find(text)


def _letters(conversation: str) -> str:
    if not conversation:
        return ""
    digest = hashlib.sha256(conversation.encode()).digest()
    return "".join(chr(ord("a") + byte % 26) for byte in digest[:_SUFFIX])


class _Text:
    """One text of the body, and the private data in it."""

    def __init__(self, leaf: Leaf, text: str, masks: Masks) -> None:
        self.leaf = leaf
        self.text = text
        self._masks = masks
        self.found: list[Private] = []

    def locate(self, wholes: _Wholes) -> None:
        """Find what the signal found: by place where it read this text, alone or among others; what it did not read is searched here."""
        told = self._masks.texts.get(self.text)
        if told is not None:
            self.found = [Private(*span) for span in told]
        elif self.text.strip() and self._masks.actions:
            placed = (wholes.line if is_definition(self.leaf.path) else wholes.place)(self.text)
            if placed is None:
                searched = find(self.text, types=frozenset(self._masks.actions))
                placed = [Private(span.start, span.end, span.type) for span in searched]
            self.found = placed

    def stretches(self, repeats: _Repeats) -> Iterator[tuple[int, int, str, str]]:
        """What is to be replaced: bytes of the body from and to, the value, its type; in order."""
        spans = _disjoint((*self.found, *repeats.within(self.text)))
        if not spans:
            return
        leaf, text = self.leaf, self.text
        offsets = Offsets(leaf.raw)
        pieces = inner(text)
        for start, end, value, kind in spans_of_json(text, spans, pieces) if pieces is not None else _plain(text, spans):
            yield leaf.start + offsets.byte(start), leaf.start + offsets.byte(end), value, kind


def _plain(text: str, spans: Iterable[Private]) -> Iterator[tuple[int, int, str, str]]:
    return ((span.start, span.end, text[span.start : span.end], span.kind) for span in spans)


def _within(spans: Iterable[tuple[int, int, str]], start: int, end: int) -> list[Private]:
    """The parts of spans that lie between two offsets, relative to the first."""
    cut = ((max(first, start), min(last, end), kind) for first, last, kind in spans)
    return [Private(first - start, last - start, kind) for first, last, kind in cut if first < last]


def _disjoint(spans: Iterable[Private]) -> list[Private]:
    """In order; of those that overlap, the one that begins first, then the longest."""
    kept: list[Private] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
        elif span.end > kept[-1].end:
            # What sticks out behind is private all the same.
            kept[-1] = Private(kept[-1].start, span.end, kept[-1].kind)
    return kept


def spans_of_json(text: str, spans: Sequence[Private], pieces: Sequence[Leaf]) -> Iterator[tuple[int, int, str, str]]:
    """Spans of a JSON text, in order and disjoint, cut to the strings in it, so that it stays JSON; an escape is taken whole."""
    starts, ends = [span.start for span in spans], [span.end for span in spans]
    for leaf, at in zip(pieces, characters(text, [leaf.start for leaf in pieces]), strict=True):
        written = leaf.raw[1:-1].decode()
        first, last = at + 1, at + 1 + len(written)
        near = spans[bisect_right(ends, first) : bisect_left(starts, last)]
        # A finding that goes on beyond a member's name is about the values beside it.
        own = [span for span in near if not leaf.key or (span.start >= first and span.end <= last)]
        escapes = [match.span() for match in _ESCAPED.finditer(written)] if own else []
        for span in _within(own, first, last):
            start, end = _outward(escapes, span.start), _outward(escapes, span.end, up=True)
            value = str(msgspec.json.decode(f'"{written[start:end]}"'))
            if value.strip():
                yield first + start, first + end, value, span.kind


_ESCAPED = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)")


def _outward(escapes: Sequence[tuple[int, int]], offset: int, *, up: bool = False) -> int:
    """The offset, moved out of an escape that it stands in: down to its beginning or up to its end."""
    at = bisect_right(escapes, (offset, -1)) - 1
    if at < 0 or not escapes[at][0] < offset < escapes[at][1]:
        return offset
    return escapes[at][1] if up else escapes[at][0]


class _Repeats:
    """Values that are telling enough to be private wherever they stand."""

    def __init__(self, texts: Iterable[_Text]) -> None:
        kinds: dict[str, str] = {}
        for text in texts:
            for span in text.found:
                value = text.text[span.start : span.end]
                if _is_telling(value, span.kind):
                    kinds.setdefault(value, span.kind)
                    kinds.setdefault(msgspec.json.encode(value)[1:-1].decode(), span.kind)
        self._kinds = list(kinds.values())
        self._automaton = (
            ahocorasick_rs.AhoCorasick(list(kinds), matchkind=ahocorasick_rs.MatchKind.LeftmostLongest) if kinds else None
        )

    def within(self, text: str) -> Iterator[Private]:
        """Where they stand in a text, as words of their own."""
        if self._automaton is None:
            return
        for number, start, end in self._automaton.find_matches_as_indexes(text):
            if not (text[start - 1 : start].isalnum() or text[end : end + 1].isalnum()):
                yield Private(start, end, self._kinds[number])


def _is_telling(value: str, kind: str) -> bool:
    """A lone short name is a word, too ("May", "Will"); an age is any number."""
    if kind in _VAGUE or len(value) < _SHORT:
        return False
    return kind not in _JUDGED or " " in value or len(value) >= _TELLING
