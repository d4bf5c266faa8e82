"""Web addresses, and those of other services."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from router_extproc.encoders.scores import Span
from router_extproc.pii.kinds import CERTAIN, PiiType

if TYPE_CHECKING:
    from collections.abc import Iterator

_ADDRESS = re2.compile(
    r"(?i)\b(?:(?:https?|s?ftps?|wss?|ssh|postgres(?:ql)?|mysql|mongodb(?:\+srv)?|rediss?|amqps?|ldaps?|smb|s3|git)://|www\.)"
    r"[^\s\x00-\x20<>\"`{}|\\^\x{2018}-\x{201f}\x{3000}-\x{303f}\x{ff00}-\x{ff1f}]+"
)
_HOST = re2.compile(
    r"(?i)^(?:[^/?#@]*@)?(?:(?:[\pL\d_](?:[\pL\pM\d_\-]*[\pL\pM\d_])?\.)+(?:xn--[a-z\d\-]+|\pL[\pL\pM]+)\.?|(?:\d{1,3}\.){3}\d{1,3}|\[[0-9a-f:.]+\])"
    r"(?::\d{1,5})?(?:[/?#]|$)"
)
_TRAILING = frozenset(".,;:!?'*_~")
_BRACKETS = {")": "(", "]": "["}


def find(text: str) -> Iterator[Span]:
    """Addresses with a scheme or www, whose host is a full name or a number; the sentence's signs at the end are left out."""
    for match in _ADDRESS.finditer(text):
        address = _trimmed(match.group())
        if _HOST.search(address.partition("://")[2] or address):
            yield Span(match.start(), match.start() + len(address), PiiType.URL, CERTAIN)


def _trimmed(address: str) -> str:
    """The address without what belongs to the sentence: a full stop, a bracket that was opened before it."""
    unopened = {closing: address.count(closing) - address.count(opening) for closing, opening in _BRACKETS.items()}
    end = len(address)
    while end:
        last = address[end - 1]
        if unopened.get(last, 0) > 0:
            unopened[last] -= 1
        elif last not in _TRAILING:
            break
        end -= 1
    return address[:end]
