"""Edits: JSON changed by splicing, so that every byte that a change does not concern stays as it was.

Re-serialising a body would change key order, number forms and white space: prompt caches and signatures downstream see those.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router_extproc.apis.api import Document

_KEY = re.compile(rb'[\s,{]*("(?:[^"\\]++|\\.)*+")\s*:\s*', re.DOTALL)
_GAP = re.compile(rb"[\s,]*")
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
encode = msgspec.json.encode


class Member(NamedTuple):
    """Where a member of an object stands in its text, as offsets."""

    key: str
    start: int
    """Of the key, at its quote."""
    value: int
    end: int
    """Of the value."""


class Span(NamedTuple):
    """Where an element of an array stands in its text, as offsets."""

    start: int
    end: int


def members(raw: bytes) -> list[Member]:
    """The members of a JSON object, in order. Only for text that has no duplicate keys (see reader)."""
    found: list[Member] = []
    at = raw.index(b"{")
    for key, value in _OBJECT.decode(raw).items():
        match = _KEY.match(raw, at)
        if match is None:  # pragma: no cover - the decoder accepted the same text
            raise ValueError("not a JSON object")
        at = match.end() + len(bytes(value))
        found.append(Member(key, match.start(1), match.end(), at))
    return found


def elements(raw: bytes) -> list[Span]:
    """The elements of a JSON array, in order."""
    found: list[Span] = []
    at = raw.index(b"[") + 1
    for value in _ARRAY.decode(raw):
        match = _GAP.match(raw, at)
        start = match.end() if match else at
        at = start + len(bytes(value))
        found.append(Span(start, at))
    return found


def apply(document: Document, changes: Mapping[str, bytes | None]) -> bytes:
    """The body with top-level members replaced (JSON text), removed (None) or, where the key is new, added at the end."""
    return changed(document.raw, changes)


def changed(raw: bytes, changes: Mapping[str, bytes | None]) -> bytes:
    """The text of a JSON object with members replaced, removed (None) or added at the end."""
    if len(changes) == 1:
        found = _replaced_one(raw, *next(iter(changes.items())))
        if found is not None:
            return found
    there = members(raw)
    if not any(change is None for change in changes.values()):
        return _replaced(raw, there, changes)
    kept = [member for member in there if changes.get(member.key, b"") is not None]
    following = {member: there[index + 1].start for index, member in enumerate(there[:-1])}
    if not kept:
        added = b",".join(_member(key, value) for key, value in changes.items() if value is not None)
        return raw[: raw.index(b"{") + 1] + added + raw[raw.rindex(b"}") :]
    parts = [raw[: there[0].start]]
    for member in kept:
        parts.append(raw[member.start : member.end])
        if member is not kept[-1]:
            parts.append(raw[member.end : following[member]])
    parts.append(raw[there[-1].end :])
    slim = b"".join(parts)
    return changed(slim, {key: value for key, value in changes.items() if value is not None})


def _replaced_one(raw: bytes, key: str, value: bytes | None) -> bytes | None:
    """With one member replaced, looking no further than that member (a request's `model` is among the first); None if it is not there."""
    if value is None:
        return None
    at = raw.index(b"{")
    for name, old in _OBJECT.decode(raw).items():
        match = _KEY.match(raw, at)
        if match is None:  # pragma: no cover - the decoder accepted the same text
            return None
        at = match.end() + len(bytes(old))
        if name == key:
            return raw[: match.end()] + value + raw[at:]
    return None


def _replaced(raw: bytes, there: Sequence[Member], changes: Mapping[str, bytes | None]) -> bytes:
    """With members replaced and added; nothing is removed."""
    parts: list[bytes] = []
    at = 0
    left = dict(changes)
    for member in there:
        value = left.pop(member.key, None)
        if value is not None:
            parts += (raw[at : member.value], value)
            at = member.end
    end = there[-1].end if there else raw.index(b"{") + 1
    added = b",".join(_member(key, value) for key, value in left.items() if value is not None)
    if added:
        parts += (raw[at:end], b"," if there else b"", added)
        at = end
    parts.append(raw[at:])
    return b"".join(parts)


def _member(key: str, value: bytes) -> bytes:
    return encode(key) + b":" + value


def with_element(raw: bytes, element: bytes, *, at: int) -> bytes:
    """The text of a JSON array with one more element before index `at`; an index beyond the end appends."""
    spans = elements(raw)
    if not spans:
        start = raw.index(b"[") + 1
        return raw[:start] + element + raw[start:]
    if at < len(spans):
        place = spans[at].start
        return raw[:place] + element + b"," + raw[place:]
    place = spans[-1].end
    return raw[:place] + b"," + element + raw[place:]


def with_replaced(raw: bytes, index: int, element: bytes) -> bytes:
    """The text of a JSON array with the element at that index replaced."""
    span = elements(raw)[index]
    return raw[: span.start] + element + raw[span.end :]


def value_of(raw: bytes, key: str) -> bytes | None:
    """The text of a member's value, or None if there is no such member."""
    return next((raw[member.value : member.end] for member in members(raw) if member.key == key), None)
