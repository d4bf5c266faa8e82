"""Trimming: a model that reads an address often goes on into the telephone number behind it; what stands before that is an address."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING

import re2

from router_extproc.pii.blocks import is_a_full_name
from router_extproc.pii.roads import is_of_a_road

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from router_extproc.encoders.scores import Span

_end = attrgetter("end")
_BETWEEN = re2.compile(
    r"(?:[\s,;:|/\\(\[<•·–—-]|\b(?i:ph|phone|t|tel|telephone|telefon|tél|f|fax|m|mob|mobile|mobil|cell|c|p|e|e-?mail|mail|web|call)\b\.?)*$"  # noqa: RUF001 - people write this dash
)
_BEHIND = re2.compile(r"^[\s,;:|/\\)\]>•·–—-]*")  # noqa: RUF001 - as above
_SHORTEST = 3
"""Characters of a name that is left."""


def trimmed(text: str, names: Sequence[Span], taken: Sequence[Span]) -> Iterator[Span]:
    """Names without what others, that are surer, have taken of them: what is left on either side. Both are by their start.

    `taken` does not overlap itself.
    """
    for span in names:
        start = span.start
        over = list(_over(span, taken))
        if not over:
            yield span
            continue
        for other in over:
            yield from _piece(text, span, start, other.start)
            start = other.end
        yield from _piece(text, span, start, span.end)


def _over(span: Span, taken: Sequence[Span]) -> Iterator[Span]:
    """Those that overlap it."""
    for at in range(bisect_left(taken, span.start + 1, key=_end), len(taken)):
        if taken[at].start >= span.end:
            return
        yield taken[at]


def _piece(text: str, span: Span, start: int, end: int) -> Iterator[Span]:
    """What stands there, if it can be a name of its own."""
    if start < end < span.end and (between := _BETWEEN.search(text[start:end])):
        end = start + between.start()
    if span.start < start < end and (behind := _BEHIND.search(text[start:end])):
        start += behind.end()
    written = text[start:end]
    if end - start < _SHORTEST or not any(map(str.isalpha, written)):
        return
    type_ = span.type
    if type_ == "ADDRESS" and not any(map(str.isdigit, written)) and not is_of_a_road(written):
        if not is_a_full_name(written):
            return
        type_ = "PERSON"
    yield replace(span, start=start, end=end, type=type_)
