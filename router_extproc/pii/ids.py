"""National identity numbers: each with its country's shape and check digits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from router_extproc.encoders.scores import Span
from router_extproc.pii.automata import searching
from router_extproc.pii.context import counts_something, stands_alone
from router_extproc.pii.countries import ID_KINDS
from router_extproc.pii.kinds import CERTAIN, NEARBY, PiiType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router_extproc.pii.countries import IdKind


def _bounded(kind: IdKind) -> str:
    """The shape between word boundaries: a run of a thousand digits is then no candidate at all."""
    return rf"\b(?:{kind.shape})\b"


def _set() -> re2.Set:
    """All shapes as one automaton: one pass says which of them a text has."""
    return searching(map(_bounded, ID_KINDS))


HINT = (
    r"\d(?:[ .\-/+]?\d){5}|[A-Za-z]\d\d[A-Za-z]\d|[A-Za-z]{5}\d{4}[A-Za-z]|"
    r"\b(?i:[A-Z]{6}[0-9L-NP-V]{2}[A-EHLMPRST][0-9L-NP-V]{2}[A-Z][0-9L-NP-V]{3}[A-Z])\b"
)
"""True of every text that has a number; the last is Italy's, whose digits may be letters where two people would have the same."""
_SHAPES = _set()
_PATTERNS = tuple(re2.compile(_bounded(kind)) for kind in ID_KINDS)


def find(text: str) -> Iterator[Span]:
    """Numbers whose check digits are right; a plain one only where a word says what it is."""
    for index in sorted(_SHAPES.Match(text) or ()):
        kind = ID_KINDS[index]
        if not kind.distinct and not kind.words.occurs(text):
            continue
        for match in _PATTERNS[index].finditer(text):
            start, end = match.span()
            if stands_alone(text, start, end) and _believed(text, start, end, kind) and kind.is_valid(match.group()):
                yield Span(start, end, PiiType.NATIONAL_ID, CERTAIN if kind.distinct else NEARBY)


def _believed(text: str, start: int, end: int, kind: IdKind) -> bool:
    speaks = kind.words.speaks(text, start, end)
    return speaks is True or (kind.distinct and not counts_something(text, start))
