"""Look-alikes: what is surely no private data, and must not be taken for a telephone number or an identity in part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from router_extproc.encoders.scores import Span
from router_extproc.pii import ibans

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTHING = ""
"""The type of what is found here: it takes its place and is then left out."""

_SHAPES = re2.compile(
    r"(?i)\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"  # UUID
    r"|\b\d{4}-\d\d-\d\d(?:[t ]\d\d(?::\d\d){1,2}(?:\.\d+)?)\b"  # time stamp
    r"|\bISBN(?:-1[03])?[:\s#]{0,3}(?:97[89][ \-]?)?\d{1,5}[ \-]?\d{1,7}[ \-]?\d{1,7}[ \-]?[\dx]\b"
    r"|\b97[89]-\d{1,5}-\d{1,7}-\d{1,7}-\d\b"
    r"|\b\d{4}([ \-])\d{4}[ \-]\d{4}[ \-]\d{4}\b"  # a card number that is none
    r"|\b3[47]\d\d[ \-]\d{6}[ \-]\d{5}\b"
    r"|\b(?:[0-9a-f]{2}[:\-]){5}[0-9a-f]{2}\b"  # hardware address
    r"|\b10\.\d{4,9}/[^\s]{1,80}"  # digital object identifier
)

HINT = rf"{ibans.HINT}|\d(?:[ \-]?\d){{6}}|(?i:isbn)|\d\.\d{{4,9}}/|(?i:-[0-9a-f]{{4}}-|(?:[0-9a-f]{{2}}[:\-]){{3}})"
"""True of every text that has one."""


def find(text: str) -> Iterator[Span]:
    """Whole look-alikes: identifiers, time stamps, book numbers, and card and account numbers whose checksum is wrong."""
    for start, end in ibans.shapes(text):
        yield Span(start, end, NOTHING, 1.0)
    for match in _SHAPES.finditer(text):
        yield Span(match.start(), match.end(), NOTHING, 1.0)
