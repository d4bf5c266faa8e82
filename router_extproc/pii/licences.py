"""Driving licences: no country's number has a shape of its own, so a word must say what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from router_extproc.encoders.scores import Span
from router_extproc.pii.births import is_date
from router_extproc.pii.kinds import NEARBY, PiiType

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = (
    r"(?:driv(?:er|ing)(?:[’']?s|s[’'])?[\s\-]*(?:licen[cs]es?|permits?|lic)\b|"  # noqa: RUF001 - people write this apostrophe
    r"\b(?-i:DLN?)(?:\s?#|:|\s(?:no|nr|number|is)\b)|führerschein(?:nummer)?|permis de conduire|"
    r"(?:licencia|permiso|carn[eé]t) de conducir|patente di guida|rijbewijs(?:nummer)?|"
    r"prawo jazdy|carteira de motorista|carta de condução|körkort)"
)
_DESIGNATION = r"([A-Z0-9]+(?:[\-/.][A-Z0-9]+)*(?: \d[A-Z0-9]*){0,4})"
_LICENCE = re2.compile(
    rf"(?i){_NAME}(?:[\s:#=,(\"'*_|]|\b(?:numbers?|num|no|nr|id|is|are|was|reads|the|my|with|state|number's)\b\.?|n°|nº|№)*\b{_DESIGNATION}\b"
)
_REVERSED = re2.compile(
    rf"(?i)\b([A-Z]{{1,5}}\d[A-Z0-9\-]*|\d+)\s+(?:is|was|as)\s+(?:on\s+)?(?:my|his|her|their|the|a)\s+(?:\pL+\s+)?{_NAME}"
)
_MIN_DIGITS = 4
_LENGTHS = range(5, 25)


def find(text: str) -> Iterator[Span]:
    """The numbers alone."""
    for pattern in (_LICENCE, _REVERSED):
        for match in pattern.finditer(text):
            if _is_number(match.group(1)):
                yield Span(match.start(1), match.end(1), PiiType.DRIVER_LICENSE, NEARBY)


def _is_number(designation: str) -> bool:
    digits = sum(map(str.isdigit, designation))
    return len(designation) in _LENGTHS and digits >= _MIN_DIGITS and not _reads_as_date(designation)


def _reads_as_date(designation: str) -> bool:
    parts = designation.replace("/", "-").replace(".", "-").split("-")
    return len(parts) == len(("day", "month", "year")) and all(map(str.isdigit, parts)) and is_date("-".join(parts))
