"""Blocks: lines of contact data, of which a model takes for an address what stands above, before or behind it."""

from __future__ import annotations

from dataclasses import replace

import re2

from router_extproc.encoders.scores import Span
from router_extproc.pii.firms import is_a_firm
from router_extproc.pii.roads import is_of_a_road

_ADDRESS, _PERSON, _ORGANIZATION = "ADDRESS", "PERSON", "ORGANIZATION"
_LONGEST_NAME = 30
"""Characters of a name's beginning that the model left out."""
_ABOVE = re2.compile(r"^([^\d\n]+)(\n\s*)(.+)")
_BEFORE = re2.compile(r"^([^\d\n,]+)(, )((?:\d+ )+\pL|[^\n,]*\pL \d{1,4}[A-Za-z]?(?:[,\n]|$))")
"""Somebody's name above the first line of an address, or before a comma."""
_BUILDING = re2.compile(
    r"(?i)\b(?:house|cottage|lodge|hall|building|centre|center|tower|court|mansions?|farm|barn|manor|villa|park|works|wharf|mill|campus|"
    r"creamery|vestry|rectory|heights|gardens|plaza|arcade|mall|airport|station|base|camp|postfach|box|bag)\b"
)
_MILITARY = re2.compile(r"(?i)^[adf]po\b")
"""Below a ship's or a unit's name, which belongs to the address."""
_NAME = re2.compile(
    r"^\p{Lu}[\pL.'’-]*(?: (?:(?:de|da|di|del|van|von|der|den|la|le|el|al|bin|y|e|och|und|and|&) )*\p{Lu}[\pL.'’-]*){0,3}$"  # noqa: RUF001 - people write these signs
)
_FULL_NAME = re2.compile(
    r"^\p{Lu}[\pL'’-]+(?: \p{Lu}\.)?(?: (?:(?:de|da|di|del|van|von|der|den|la|el|al|bin) )*\p{Lu}[\pL'’-]+){1,2}$"  # noqa: RUF001 - people write these signs
)
"""A name, and one of a person's first and last one."""
_WORD = re2.compile(r"\pL{2}")
_LABEL = re2.compile(
    r"(?i)^(?:address|home|shipping|billing|delivery|location|venue|where|to|from|street|office|headquarters|name|street address|"
    r"ship to|bill to|sold to|mailing address|return address|warehouse|branch|site|place|postal address)$"
)
_LAST_LINE = re2.compile(r"\s*\n[^\n\d]*$")
_GOES_ON = re2.compile(r"^(?:[ \t]*[:+(\d]|[ \t]*\.{2,}| no\b)")
_FIELDS = re2.compile(r" +(?:[–—|·•*/]|-{2,3}|>>) +")  # noqa: RUF001 - people write these signs
"""Between the fields of a line."""
_LINE_BEFORE = re2.compile(r"(?:^|[\n:|•·–—*] *)$")  # noqa: RUF001 - people write these signs
_LINE_BEHIND = re2.compile(r"^ *(?:$|[\n,|•·–—*(+]|\d)")  # noqa: RUF001 - people write these signs
_LONGEST_LINE = 80
"""Characters of the line above a name at most that are looked at."""
_LONGEST = 400
"""Characters of an address at most that are looked at."""


def parted(text: str, span: Span) -> tuple[Span | None, Span]:
    """Whose address it is, if the model took the name along, and the rest; a name alone comes back as one."""
    span = _field(text, _lines(text, span))
    written = text[span.start : span.end][:_LONGEST]
    if _is_a_name(text, span, written):
        return None, replace(span, type=_PERSON)
    for above, pattern in ((True, _ABOVE), (False, _BEFORE)):
        match = pattern.search(written)
        if match is None or not _holds_place(match.group(3)) or _MILITARY.search(match.group(3)):
            continue
        if is_of_a_road(match.group(1)) or _BUILDING.search(match.group(1)):
            continue
        return _name(text, span, match, above=above), replace(span, start=span.start + match.start(3))
    return None, span


def is_a_full_name(written: str) -> bool:
    """Whether it is written as a person's first and last name are."""
    return _FULL_NAME.search(written) is not None


def _holds_place(rest: str) -> bool:
    return any(map(str.isdigit, rest)) or is_of_a_road(rest)


def _name(text: str, span: Span, match: re2.Match[str], *, above: bool) -> Span | None:
    """What the model took along, from its line's begin if that is a name, too; None if it names a field."""
    end = span.start + match.end(1)
    if _LABEL.search(match.group(1).strip(" .:")) or not _WORD.search(match.group(1)):
        return None
    line = text.rfind("\n", max(0, span.start - _LONGEST_NAME), span.start) + 1
    whole = above and (line > 0 or span.start <= _LONGEST_NAME) and _NAME.search(text[line:end]) is not None
    start = line if whole else span.start
    words = text[start:end].count(" ")
    type_ = _ORGANIZATION if (above and line > 0 and not _begins_block(text, start, end)) or words > 1 else _PERSON
    return Span(start, end, type_, span.score)


def _begins_block(text: str, start: int, end: int) -> bool:
    """Whether it is a first and a last name below a line that is no name: a person's, since a firm stands below whom it employs."""
    if not is_a_full_name(text[start:end]) or is_a_firm(text[start:end]):
        return False
    above = text[max(0, start - _LONGEST_LINE) : start].rstrip().rpartition("\n")[2].strip()
    return not (above and _NAME.search(above)) or _LABEL.search(above.rstrip(":")) is not None


def _lines(text: str, span: Span) -> Span:
    """Without the begin of a line that goes on with another thing: `Telefon` below `Wien`, before a number."""
    last = _LAST_LINE.search(text[span.start : span.end][:_LONGEST]) if span.end - span.start < _LONGEST else None
    if last is None or not last.start() or not _GOES_ON.search(text[span.end : span.end + 3]):
        return span
    return replace(span, end=span.start + last.start())


def _field(text: str, span: Span) -> Span:
    """The part of a line of fields that has a number in it, if it is more than one that the model took."""
    written = text[span.start : span.end]
    if len(written) > _LONGEST:
        return span
    start, best = 0, None
    for between in [*_FIELDS.finditer(written), None]:
        end = between.start() if between else len(written)
        if any(map(str.isdigit, written[start:end])) and (best is None or end - start > best[1] - best[0]):
            best = (start, end)
        start = between.end() if between else end
    return replace(span, start=span.start + best[0], end=span.start + best[1]) if best else span


def _is_a_name(text: str, span: Span, written: str) -> bool:
    """Whether it is a person's first and last name, and all of a line or of a field."""
    return (
        is_a_full_name(written)
        and not is_of_a_road(written)
        and not _BUILDING.search(written)
        and _LINE_BEFORE.search(text[max(0, span.start - 4) : span.start]) is not None
        and _LINE_BEHIND.search(text[span.end : span.end + 4]) is not None
    )
