"""Addresses: what a model leaves out of an address that it marks, or takes along, is told by how addresses are written."""

from __future__ import annotations

from dataclasses import replace
from string import digits
from typing import TYPE_CHECKING

import re2

from router_extproc.encoders.scores import Span
from router_extproc.pii.kinds import NEARBY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ADDRESS = "ADDRESS"
_ROAD = (
    r"Street|Str|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Courts?|Ct|Crescent|Place|Pl|Square|Sq|Boulevard|Blvd|Terrace|Close|Way|Highway|Hwy|"
    r"Parkway|Trail|Circle|Alley|Quay|Strasse|Straße|Gasse|Allee|Platz|Weg"
)
_GRID = r"(?:strasse|straße|gasse|gatan|vägen|straat|laan|plein|katu|vej|gade)"
"""Ends of words that are roads."""
_WORD = r"\p{Lu}[\pL'’-]+"  # noqa: RUF001 - people write this apostrophe
_WHOLE = re2.compile(
    rf"\b\d{{1,5}}[A-Za-z]? (?:(?:[NSEW]|St|North|South|East|West|Old|New)\.? )?(?:{_WORD} ){{1,3}}"
    r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Crescent|Boulevard|Blvd|Terrace|Close|Highway|Parkway|Court|Square)\b"
    rf"|\b\p{{Lu}}[\pL-]*{_GRID}\s\d{{1,4}}[a-z]?\b"
    r"|\bP\.? ?O\.? Box \d{1,6}\b"
)
"""House number and road, in the order of either, or a box: no model is needed."""
_READ = 20_000
"""Characters of a text that are searched for them: as far as a model reads."""
_MOST = 200
_OF_A_ROAD = re2.compile(
    rf"(?i)(?:\b(?:{_ROAD}|rue|via|calle|ul|rua|avenida|avda|p\.?o\.? box|apt|flat|unit|suite|[fad]po)\b|{_GRID})"
)
_OTHERS_FIRST = (re2.compile(r"^([^\d\n]+)(\n\s*)\d"), re2.compile(r"^([^\d\n,]+)(, )(?:\d+ )+\pL"))
"""Somebody's name above the house number, or before it."""
_LONGEST_NAME = 30
"""Characters of a name's beginning that the model left out."""
_LOOSE_FIRST = re2.compile(r"(?i)^(?:and|at|on|in|of|near|to|from|or) +")
_LOOSE_LAST = re2.compile(
    r"(?:(?i)[ ,]+(?:a|an|the|and|at|on|in|near|is|was|to|from|for|or)|(?:\d|\b[A-Z]{2})(\. \p{Lu}\p{Ll}+))$"
)
"""The last word of another part of the sentence, or the first of the next one."""
_LABEL_LAST = re2.compile(
    r"(?:[ ,;]*\n\s*\pL[\pL.]*|[ ,;]+(?i:tel|telephone|phone|mobile|cell|fax|e-?mail|web|vat|attn|ref|date|contact))$"
)
"""The first word of the next line, or what names the next field, if a colon follows."""
_NUMBER_BEFORE = re2.compile(r"(?:^|[\s,:;(])((?:\d{1,6}[A-Za-z]?(?: \d{1,5})?,?|P\.) )$")
_WORD_BEFORE = re2.compile(rf"(?:^|[^\pL])({_WORD} )$")
_ROAD_FIRST = re2.compile(rf"^(?:{_ROAD})\b")
_ROAD_LAST = re2.compile(rf"(?i)\b(?:{_ROAD})$")
_ROAD_BEHIND = re2.compile(r"^( (?:Street|Road|Avenue|Lane|Drive|Boulevard|Square|Terrace|Crescent|Court|Close))\b")
_LAND_BEHIND = re2.compile(
    r"^(\s{1,3}(?i:states(?: of america)?|kingdom|arabia|(?:african )?republic(?: \d{4,6})?|africa|zealand|lanka|rica|leone|islands?|"
    r"(?:arab )?emirates|guinea|faso|korea|tobago|herzegovina|federation)"
    r"|[\s,]{1,3}(?:United (?:Kingdom|States(?: of America)?|Arab Emirates)|USA|UK))\b"
)
"""The rest of a country's name, or a country."""
_REGION_BEHIND = re2.compile(r"^(,? [A-Z]{2})(?:$|[.,;:!?)\n]| \p{Ll})")
_CORNER_BEFORE = re2.compile(r"(?i)(?:\bthe )?\b(?:corner|intersection|junction) of $")
_CORNER_FIRST = re2.compile(r"(?i)^(?:the )?(?:corner|intersection|junction)\b")
_CROSSED = re2.compile(rf"^( (?:and|&) (?:(?:{_WORD} ){{0,3}}(?:{_ROAD})\b|{_WORD}(?: {_WORD}){{0,3}}))")
_WITHIN = r"Apt|Apartment|Suite|Ste|Unit|Flat|Floor|Level|Room|Door|Gate"
"""What is numbered within a house."""
_NUMBERED = rf"(?:{_ROAD}|{_WITHIN}|Route|Rte|Interstate|Freeway|Calle|Carrera|Avenida|Avda|Rua|Via|Rue)"
_NUMBER_FIRST = re2.compile(r"^(\d{1,6}) [^\n,]+$")
_OF_ITS_OWN = re2.compile(r"^(?:\d{1,5}[A-Za-z]? \pL[^\d]*|[^\d]*\pL[^\d]* \d{1,4}\.?)$")
_NUMBER_OF_A_ROAD = re2.compile(rf"(?i)(?:^|[^\pL]){_NUMBERED}\.? \d+\.?$")
"""`100 Highway 61`, `8 Collins Street 3000`: the last number is no house's."""
_ANOTHER = re2.compile(r"(?i),? (?:and|or) (?:\d{1,6} |unit \d|p\.? ?o\.? ?box |psc \d|the corner of )")
"""Between two addresses; within one, `and` joins roads."""
_DOT_OF_IT = re2.compile(
    r"(?i)(?:\b(?:u\.|út|útja|utca|tér|tere|rakpart|körút|köz|sor) \d{1,4}$|\b(?:str|rd|ave|blvd|ln|dr|sq|pl)$)"
)
"""Ends that keep the dot behind them: Hungarian house numbers, and roads cut short."""
_AROUND = 60
"""Characters beside an address that are looked at."""
_LONE_WORD = 0.97
"""The score from which on a word without a number is an address."""


def completed(text: str, spans: Sequence[Span]) -> list[Span]:
    """Spans of all types, the addresses among them whole, and those that need no model; by their start."""
    if not spans and not _may_hold_one(text):
        return []
    told: list[Span] = []
    for span in _with_whole_ones(text, spans):
        if span.type == _ADDRESS:
            for one in _one_by_one(text, span):
                told += _corrected(text, one)
        else:
            told.append(span)
    return _joined(sorted(told, key=_by_start))


def _may_hold_one(text: str) -> bool:
    """Whether a number stands somewhere: no address goes without one, unless a model says so."""
    return any(digit in text for digit in digits)


def _by_start(span: Span) -> int:
    return span.start


def _with_whole_ones(text: str, spans: Sequence[Span]) -> list[Span]:
    """With the addresses that need no model, where they overlap nothing but addresses."""
    others = [span for span in spans if span.type != _ADDRESS]
    found = list(spans)
    for count, match in enumerate(_WHOLE.finditer(text[:_READ])):
        start, end = match.span()
        if count < _MOST and all(span.end <= start or span.start >= end for span in others):
            found.append(Span(start, end, _ADDRESS, NEARBY))
    return _joined(sorted(found, key=_by_start))


def _joined(spans: Sequence[Span]) -> list[Span]:
    """With one address in place of two that overlap."""
    found: list[Span] = []
    for span in spans:
        last = found[-1] if found else None
        if last is not None and last.type == span.type == _ADDRESS and span.start < last.end:
            found[-1] = replace(last, end=max(last.end, span.end), score=max(last.score, span.score))
        else:
            found.append(span)
    return found


def _one_by_one(text: str, span: Span) -> Iterator[Span]:
    """The addresses of an enumeration that was marked as one."""
    start = span.start
    for between in _ANOTHER.finditer(text[span.start : span.end]):
        behind = between.group().lstrip(", ")
        end = span.start + between.start()
        if _has_digit(text[start:end]):
            yield replace(span, start=start, end=end)
            start = span.start + between.end() - len(behind) + behind.index(" ") + 1
    yield replace(span, start=start)


def _corrected(text: str, span: Span) -> Iterator[Span]:
    """An address from its first word to its last, and whose name was taken along."""
    name, span = _without_name(text, span)
    if name is not None:
        yield name
    span = _without_loose_words(text, span)
    span = _from_corner(text, _to_its_end(text, _from_its_begin(text, span)))
    written = text[span.start : span.end]
    lone = " " not in written and not _has_digit(written) and _OF_A_ROAD.search(written) is None
    if span.start < span.end and not (lone and span.score < _LONE_WORD):
        yield from _apart(written, span)


def _apart(written: str, span: Span) -> Iterator[Span]:
    """A number and the address behind it that has its own, or the address as it is: `12 Rosenweg 5` is two, `12 Rosenweg` is one."""
    number = _NUMBER_FIRST.search(written)
    behind = written[number.end(1) + 1 :] if number else ""
    if number is None or not _OF_ITS_OWN.search(behind) or _NUMBER_OF_A_ROAD.search(behind):
        yield span
        return
    yield replace(span, end=span.start + number.end(1))
    yield replace(span, start=span.end - len(behind))


def _without_name(text: str, span: Span) -> tuple[Span | None, Span]:
    """Who lives there, if the model took the name along, and the rest."""
    for number, pattern in enumerate(_OTHERS_FIRST):
        match = pattern.search(text[span.start : span.end])
        if match is None or _OF_A_ROAD.search(match.group(1)):
            continue
        line = text.rfind("\n", max(0, span.start - _LONGEST_NAME), span.start) + 1
        above = number == 0 and line > 0
        type_ = "ORGANIZATION" if above or match.group(1).count(" ") > 1 else "PERSON"
        name = Span(line if above else span.start, span.start + match.end(1), type_, span.score)
        return name, replace(span, start=span.start + match.end(2))
    return None, span


def _without_loose_words(text: str, span: Span) -> Span:
    first = _LOOSE_FIRST.search(text[span.start : span.end])
    start = span.start + (first.end() if first else 0)
    label = _LABEL_LAST.search(text[start : span.end]) if text[span.end : span.end + 1] == ":" else None
    if label:
        return replace(span, start=start, end=start + label.start())
    last = _LOOSE_LAST.search(text[start : span.end])
    if last is None:
        return replace(span, start=start)
    return replace(span, start=start, end=start + (last.start(1) if last.start(1) >= 0 else last.start()))


def _from_its_begin(text: str, span: Span) -> Span:
    """With the house number before it, and the road's name before `Street`."""
    start = span.start
    if _ROAD_FIRST.search(text[start : span.end]):
        start -= _length(_WORD_BEFORE.search(text[max(0, start - _AROUND) : start]))
    if not text[start : start + 1].isdigit():
        start -= _length(_NUMBER_BEFORE.search(text[max(0, start - _AROUND) : start]))
    return replace(span, start=start)


def _to_its_end(text: str, span: Span) -> Span:
    """With the word that makes a road of it, or with its region and country."""
    written, end = text[span.start : span.end], span.end
    if not _has_digit(written):
        if not _ROAD_LAST.search(written):
            end += _length(_ROAD_BEHIND.search(text[end : end + _AROUND]))
        return replace(span, end=end)
    end += _length(_LAND_BEHIND.search(text[end : end + _AROUND]))
    end += _length(_REGION_BEHIND.search(text[end : end + _AROUND]))
    return replace(span, end=end + _keeps_dot(text, span.start, end))


def _keeps_dot(text: str, start: int, end: int) -> bool:
    """Whether the dot behind an address belongs to it. That of `Rd.` may end the sentence as well, unless a comma follows."""
    kept = _DOT_OF_IT.search(text[start:end]) if text[end : end + 1] == "." else None
    return kept is not None and (kept.group()[-1].isdigit() or text[end + 1 : end + 2] == ",")


def _from_corner(text: str, span: Span) -> Span:
    """With `the corner of` before it and the road that it crosses behind it."""
    before = text[max(0, span.start - _AROUND) : span.start]
    corner = _CORNER_BEFORE.search(before)
    if corner is None and not _CORNER_FIRST.search(text[span.start : span.end]):
        return span
    start = span.start - (len(corner.group()) if corner else 4 * before.lower().endswith("the "))
    crossed = " and " not in text[span.start : span.end]
    return replace(span, start=start, end=span.end + crossed * _length(_CROSSED.search(text[span.end : span.end + _AROUND])))


def _length(match: re2.Match[str] | None) -> int:
    """Of a match's first group; 0 for none."""
    return len(match.group(1)) if match else 0


def _has_digit(written: str) -> bool:
    return any(map(str.isdigit, written))
