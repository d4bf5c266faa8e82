"""Addresses: what a model leaves out of an address that it marks, or takes along, is told by how addresses are written."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import re2

from router_extproc.encoders.scores import Span
from router_extproc.pii.blocks import parted
from router_extproc.pii.kinds import NEARBY
from router_extproc.pii.roads import GRID, ROAD, is_of_a_road
from router_extproc.pii.shapes import digits_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ADDRESS = "ADDRESS"
_WORD = r"\p{Lu}[\pL'’-]+"  # noqa: RUF001 - people write this apostrophe
_WHOLE = re2.compile(
    rf"\b\d{{1,5}}[A-Za-z]? (?:(?:[NSEW]|St|North|South|East|West|Old|New)\.? )?(?:{_WORD} ){{1,3}}"
    r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Crescent|Boulevard|Blvd|Terrace|Close|Highway|Parkway|Court|Square)\b"
    r"|\b\d{1,4}[A-Za-z]? [A-Z][^,\n\d]{2,30}(?:,? ?\n|, )(?:[A-Z][^,\n\d]{1,30}(?:,? ?\n|, | )){1,4}[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b"
    rf"|\b\p{{Lu}}[\pL-]*{GRID}\s\d{{1,4}}[a-z]?\b"
    r"|\bP\.? ?O\.? Box \d{1,6}\b"
)
"""House number and road, in the order of either, or a box: no model is needed."""
_READ = 20_000
"""Characters of a text that are searched for them: as far as a model reads."""
_MOST = 200
_LOOSE_FIRST = re2.compile(r"(?i)^(?:and|at|on|in|of|near|to|from|or) +")
_LOOSE_LAST = re2.compile(
    r"(?:(?i)[ ,]+(?:a|an|the|and|at|on|in|near|is|was|to|from|for|or|between|before|after|until|by|with|when|where|"
    r"this|that|will|because|so|who|there|but|if|as|since|while|early)|(?:\d|\b[A-Z]{2})(\. (?:\p{Lu}\p{Ll}+|I)))$"
)
"""The last word of another part of the sentence, or the first of the next one."""
_LABEL_LAST = re2.compile(
    r"(?:[ ,;]*\n\s*\pL[\pL.]*|[ ,;]+(?i:tel|telephone|phone|mobile|cell|fax|e-?mail|web|vat|attn|ref|date|"
    r"contact|puh|tlf|tlfn|ph|tél|fon|gsm|mob|cod|cep))$"
)
"""The first word of the next line, or what names the next field, if a colon follows."""
_COLON_BEHIND = re2.compile(r"^(?i: no\.?| number| phone)?[:.]")
_NEXT_LINES = re2.compile(r"(\n\d{1,3})$")
_GOES_ON_BELOW = re2.compile(r"^(?:[.)] |,? \p{Ll})")
"""The number of the next line's item, or what is counted there: `Győr\\n3. Plate`, `Italia\\n12 crates`."""
_ABBREVIATION_FIRST = re2.compile(r"^\p{Ll}\.\n")
_NUMBER_BEFORE = re2.compile(r"(?:^|[\s,:;(])((?:\d{1,6}[A-Za-z]?(?: \d{1,5})?,?|P\.) )$")
_WORD_BEFORE = re2.compile(rf"(?:^|[^\pL])({_WORD} )$")
_WORDS_BEFORE = re2.compile(rf"(?:^|[^\pL])({_WORD} (?:{_WORD} )?)$")
_SMALL_ROAD_FIRST = re2.compile(r"^(?:u|utca|út|útja|tér|tere|köz|körút|sétány|gatan|gata|vei|vej|katu|tie|straat|weg|laan)\b")
"""Kinds of road that stand behind their names in small letters."""
_ROAD_FIRST = re2.compile(rf"^(?:{ROAD})\b")
_ROAD_LAST = re2.compile(rf"(?i)\b(?:{ROAD})$")
_ROAD_BEHIND = re2.compile(r"^( (?:Street|Road|Avenue|Lane|Drive|Boulevard|Square|Terrace|Crescent|Court|Close))\b")
_LAND_BEHIND = re2.compile(
    r"^(\s{1,3}(?i:states(?: of america)?|kingdom|arabia|(?:african )?republic(?: \d{4,6})?|africa|zealand|lanka|rica|leone|islands?|"
    r"(?:arab )?emirates|guinea|faso|korea|tobago|herzegovina|federation)"
    r"|[\s,]{1,3}(?:United (?:Kingdom|States(?: of America)?|Arab Emirates)|USA|UK))\b"
)
"""The rest of a country's name, or a country."""
_POSTCODE_BEHIND = re2.compile(r"^( \d{4,6})(?:$|[^\d\pL\-])")
_ENDS_IN_REGION = re2.compile(r"\b[A-Z]{2,3}$")
_COUNTRY_BEHIND = re2.compile(
    r"^((?:,|\n|,\n) ?(?:Australia|Austria|Belgium|Belgique|België|Brasil|Brazil|Canada|Croatia|Czechia|Danmark|Denmark|Deutschland|España|"
    r"Finland|France|Germany|Greece|Hungary|India|Ireland|Israel|Italia|Italy|Japan|Luxembourg|Magyarország|Mexico|México|Nederland|"
    r"Netherlands|Norge|Norway|Österreich|Poland|Polska|Portugal|Romania|Schweiz|Singapore|Slovakia|Slovenia|Spain|Suisse|Suomi|Sverige|Svizzera|"
    r"Sweden|Switzerland|Turkey|Türkiye))\b"
)
_TOWN_PART = re2.compile(r"^ ?[\p{Lu}\d]")
_PART = re2.compile(r"[^,\n]+")
_PARTS = 5
"""Parts between commas in which a postcode is looked for."""
_POSTCODE_PART = re2.compile(
    r"^ ?(?:\p{Lu}[\pL.]* ){0,2}(?:[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d|[A-Z]{2} \d{5}(?:-\d{4})?)\b"
)
"""What a British, Canadian or American address ends with."""
_UNIT_BEFORE = re2.compile(
    r"(?:^|[^\pL])((?:Room|Rm|Unit|Suite|Ste|Flat|Apt\.?|Apartment|Plot|House|Block|Bldg\.?|No\.|Nr\.|Bay|Lot|Floor|Level|Shop|Office) )$"
)
_PROVINCE_BEHIND = re2.compile(r"^( \([A-Z]{2}\))")
_REGION_BEHIND = re2.compile(r"^(,? [A-Z]{2})(?:$|[.,;:!?)\n]| \p{Ll})")
_CORNER_BEFORE = re2.compile(r"(?i)(?:\bthe )?\b(?:corner|intersection|junction) of $")
_CORNER_FIRST = re2.compile(r"(?i)^(?:the )?(?:corner|intersection|junction)\b")
_CROSSED = re2.compile(rf"^( (?:and|&) (?:(?:{_WORD} ){{0,3}}(?:{ROAD})\b|{_WORD}(?: {_WORD}){{0,3}}))")
_WITHIN = r"Apt|Apartment|Suite|Ste|Unit|Flat|Floor|Level|Room|Door|Gate"
"""What is numbered within a house."""
_NUMBERED = rf"(?:{ROAD}|{_WITHIN}|Route|Rte|Interstate|Freeway|Calle|Carrera|Avenida|Avda|Rua|Via|Rue)"
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
_PLACE = re2.compile(r"(?:^|[^\pL\d])(?:\p{Lu}[\pL'’-]*\p{Ll}[\pL'’-]+|\p{Lu}{4,}|\p{Lo}+)(?:$|[^\pL\d])")  # noqa: RUF001 - people write this apostrophe
_ANY_PLACE = re2.compile(r"\p{Ll}{4,}|\p{Lu}{3,}")
"""A road's or a town's name, and one in a text that is all of small letters, or all of capitals."""
_PLACE_BEHIND = re2.compile(r"^,? \p{Lu}\p{Ll}+")
_POSTCODE = re2.compile(r"(?i)\b(?:zip|post(?:al)?[ -]?codes?|plz|cap|cep|p\.?o\.? box|box)\b[^.\n]{0,16}$")
"""What speaks for digits alone."""
_SHORTEST = 3
"""Letters of a road's or a town's name."""
_LONE_WORD = 0.97
"""The score from which on a word without a number is an address."""


def completed(text: str, spans: Sequence[Span]) -> list[Span]:
    """Spans of all types, the addresses among them whole, and those that need no model; by their start."""
    if not spans and not digits_in(text):  # no address goes without a number, unless a model says so
        return []
    told: list[Span] = []
    for span in _with_whole_ones(text, spans):
        if span.type == _ADDRESS:
            for one in _one_by_one(text, span):
                told += _corrected(text, one)
        else:
            told.append(span)
    return _joined(sorted(told, key=_by_start))


def _by_start(span: Span) -> int:
    return span.start


def _with_whole_ones(text: str, spans: Sequence[Span]) -> list[Span]:
    """With the addresses that need no model, where they overlap nothing but addresses."""
    others = [span for span in spans if span.type != _ADDRESS]
    found = list(spans)
    for count, match in enumerate(_WHOLE.finditer(text[:_READ]) if digits_in(text) else ()):
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
    name, span = parted(text, span)
    if name is not None:
        yield name
    if span.type != _ADDRESS:
        yield span
        return
    span = _without_loose_words(text, span)
    span = _from_corner(text, _to_its_end(text, _from_its_begin(text, span)))
    written = text[span.start : span.end]
    lone = " " not in written and not _has_digit(written) and not is_of_a_road(written)
    if span.start < span.end and not (lone and span.score < _LONE_WORD) and not _is_a_code(text, span):
        yield from _apart(written, span)


def _is_a_code(text: str, span: Span) -> bool:
    """Whether no word in it could be a road's or a town's: `SNL 511-609`, `8x40`, `34 XY`, `P`."""
    written = text[span.start : span.end]
    if len(written) < _SHORTEST and not _has_digit(written):
        return True
    if not _has_digit(written) or _PLACE.search(written) or is_of_a_road(written):
        return False
    around = text[max(0, span.start - _AROUND) : span.end + _AROUND]
    if (around.islower() or around.isupper()) and _ANY_PLACE.search(written):
        return False
    return not (
        _PLACE_BEHIND.search(text[span.end : span.end + _AROUND])
        or _POSTCODE.search(text[max(0, span.start - _AROUND) : span.start])
    )


def _apart(written: str, span: Span) -> Iterator[Span]:
    """A number and the address behind it that has its own, or the address as it is: `12 Rosenweg 5` is two, `12 Rosenweg` is one."""
    number = _NUMBER_FIRST.search(written)
    behind = written[number.end(1) + 1 :] if number else ""
    if number is None or not _OF_ITS_OWN.search(behind) or _NUMBER_OF_A_ROAD.search(behind):
        yield span
        return
    yield replace(span, end=span.start + number.end(1))
    yield replace(span, start=span.end - len(behind))


def _without_loose_words(text: str, span: Span) -> Span:
    first = _LOOSE_FIRST.search(text[span.start : span.end])
    start = span.start + (first.end() if first else 0)
    label = _LABEL_LAST.search(text[start : span.end]) if _COLON_BEHIND.search(text[span.end : span.end + 8]) else None
    if label:
        return replace(span, start=start, end=start + label.start())
    first = _ABBREVIATION_FIRST.search(text[start : span.end])
    start += first.end() if first else 0
    item = _NEXT_LINES.search(text[start : span.end]) if _GOES_ON_BELOW.search(text[span.end : span.end + 3]) else None
    if item:
        return replace(span, start=start, end=start + item.start())
    last = _LOOSE_LAST.search(text[start : span.end])
    if last is None:
        return replace(span, start=start)
    return replace(span, start=start, end=start + (last.start(1) if last.start(1) >= 0 else last.start()))


def _from_its_begin(text: str, span: Span) -> Span:
    """With the house number before it, and the road's name before `Street`."""
    start = span.start
    if _ROAD_FIRST.search(text[start : span.end]):
        start -= _length(_WORD_BEFORE.search(text[max(0, start - _AROUND) : start]))
    if _SMALL_ROAD_FIRST.search(text[start : span.end]):
        start -= _length(_WORDS_BEFORE.search(text[max(0, start - _AROUND) : start]))
    if not text[start : start + 1].isdigit():
        start -= _length(_NUMBER_BEFORE.search(text[max(0, start - _AROUND) : start]))
    if text[start : start + 1].isdigit():
        start -= _length(_UNIT_BEFORE.search(text[max(0, start - _AROUND) : start]))
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
    if _ENDS_IN_REGION.search(text[span.start : end]):
        end += _length(_POSTCODE_BEHIND.search(text[end : end + _AROUND]))
    end += _to_postcode(text[end : end + 2 * _AROUND])
    for behind in (_PROVINCE_BEHIND, _COUNTRY_BEHIND):
        end += _length(behind.search(text[end : end + _AROUND]))
    return replace(span, end=end + _keeps_dot(text, span.start, end))


def _to_postcode(behind: str) -> int:
    """Characters up to a British, Canadian or American postcode behind towns and regions; 0 if there is none."""
    if not behind.startswith(","):
        found = _POSTCODE_PART.search(behind)
        return int(found.end()) if found else 0
    for count, part in enumerate(_PART.finditer(behind, 1)):
        found = _POSTCODE_PART.search(part.group())
        if found:
            return int(part.start() + found.end())
        if count == _PARTS or not _TOWN_PART.search(part.group()) or behind[part.end() : part.end() + 1] != ",":
            break
    return 0


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
