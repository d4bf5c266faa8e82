"""Social security numbers of the United States: three parts, of which none may be nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from router_extproc.encoders.scores import Span
from router_extproc.pii.context import Context, names_something, stands_alone
from router_extproc.pii.kinds import NEARBY, SHAPED, PiiType

if TYPE_CHECKING:
    from collections.abc import Iterator

_SEPARATOR = r"[ \-\x{a0}\x{202f}\x{2010}-\x{2013}.]"
HINT = rf"\b\d{{3}}{_SEPARATOR}?\d{{2}}{_SEPARATOR}?\d{{4}}\b"
"""True of every text that has a number."""
_NUMBER = re2.compile(rf"\b\d{{3}}({_SEPARATOR}?)\d{{2}}({_SEPARATOR}?)\d{{4}}\b")
_HYPHENS = frozenset("-\u2010\u2011\u2012\u2013")
_WORDS = Context(r"ssn|ssns|socials?|social[ -]security")
_FIRST_NOT_GIVEN = 900
_ADVERTISED = frozenset({"078051120", "219099999", "457555462"})
"""Numbers that were printed in advertisements and are nobody's."""


def find(text: str) -> Iterator[Span]:
    """Numbers with hyphens, unless they number another thing; without hyphens only where a word says what they are."""
    for match in _NUMBER.finditer(text):
        start, end = match.span()
        if match.group(1) != match.group(2) or not is_ssn(match.group()) or not stands_alone(text, start, end):
            continue
        if match.group(1) in _HYPHENS:
            if not names_something(text, start) or _WORDS.is_for(text, start):
                yield Span(start, end, PiiType.US_SSN, SHAPED)
        elif _WORDS.speaks(text, start, end) or _WORDS.is_for(text, start):
            yield Span(start, end, PiiType.US_SSN, NEARBY)


def is_ssn(number: str) -> bool:
    """Whether it can have been given to somebody."""
    digits = "".join(filter(str.isdigit, number))
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    if area in {"000", "666"} or int(area) >= _FIRST_NOT_GIVEN or group == "00" or serial == "0000":
        return False
    return digits not in _ADVERTISED and len(set(digits)) > 1
