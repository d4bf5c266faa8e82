"""Named: persons in a form's field or behind a self-introduction, and firms by a legal form that is no other word."""
# ruff: noqa: RUF001 - words of other languages have letters that look like Latin ones

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING

import re2

from router_extproc.encoders.scores import Span
from router_extproc.pii.field_words import BARE, BESIDE, INTRODUCTIONS, NO_NAMES, OF_NAMES, OF_PERSONS
from router_extproc.pii.firms import is_a_firm
from router_extproc.pii.kinds import NEARBY
from router_extproc.pii.merging import Places
from router_extproc.pii.roads import is_of_a_road

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_start, _end = attrgetter("start"), attrgetter("end")
_PERSON, _ORGANIZATION = "PERSON", "ORGANIZATION"
_SMALL = r"[\p{Ll}\p{M}]"
_WORD = re2.compile(
    rf"^(?:(?:Mc|Mac|De|Di|La|Le|Van|[ODLN]['’]|Dell['’]|Dall['’]|Al-|El-)?\p{{Lu}}{_SMALL}+(?:['’\-]\p{{Lu}}?{_SMALL}+)*|\p{{Lu}}\.)"
)
_NEXT = re2.compile(
    r"^ (?:(?:de la|de los|de las|van der|van den|van de|von der|de|da|do|dos|das|del|della|di|du|von|van|der|den|zu|la|le|el|al|bin|bint|"
    r"ben|ibn|y|e|ter|ten|af|av) )?"
)
_MOST_WORDS = 4
_REACH = 120
"""Characters behind a field or a greeting that are looked at."""
_TITLE = r"(?:(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Herr|Frau|Mme|Sr|Sra|Sig|Pan|Pani)\.? )?"
_FIELD_BEGIN = r"(?:^|[\n{,;|\t•·(\[]|  )[ \"'*_>\-]{0,4}"
_COLON = r"[\"'*_]{0,3}[ \t]{0,16}[:\x{ff1a}]"
_FIELDS = {
    kind: re2.compile(rf"{_FIELD_BEGIN}(?i:{labels}){_COLON}[ \t]{{0,16}}[\"'*_]{{0,3}}{_TITLE}")
    for kind, labels in (("of names", OF_NAMES), ("of persons", OF_PERSONS), ("bare", BARE))
}
_INTRODUCED = re2.compile(rf"(?:^|[^\pL])(?:{INTRODUCTIONS}):? {_TITLE}")
_TURKISH = re2.compile(r"(?:^|[,.!\n] ?)([Bb])en ")
_TURKISH_LETTER = re2.compile("[ğĞıİşŞ]")
"""In no name of a Ben."""
_TURKISH_END = re2.compile(r"^(?:$|[,.\n])")
_RUSSIAN = re2.compile(r"(?:^|[^\pL])((?:ООО|ОАО|ЗАО|ПАО|АО|ТОО|ТОВ) ?(?:«[^«»\n]{1,60}»|\"[^\"\n]{1,60}\"))")
_JAPANESE = re2.compile(
    r"(株式会社[\p{Hiragana}]{0,4}[\p{Han}\p{Katakana}ーA-Z][\p{Han}\p{Katakana}ーA-Za-z0-9]{1,14})|"
    r"(?:^|[^\p{Han}\p{Katakana}ー])([\p{Han}\p{Katakana}ー]{2,14}株式会社)"
)
_NO_FIRM = re2.compile(
    r"^株式会社(?:[のはがをにでともやへか]|です|など|とし|設立|登記|制度|法|化|形態|以外|等|役員|取締役)|(?:当該|一般|公開|上場|各|同|本|新設|有限|持株)株式会社$"
)
HINT = re2.compile(
    rf"(?:(?i:{OF_NAMES}|{OF_PERSONS}|{BARE}){_COLON})|{INTRODUCTIONS}|[Bb]en \p{{Lu}}|[ОАП]О ?[«\"]|ТОВ ?[«\"]|株式会社"
)
"""Cheap, and true of every text in which something is found."""
_ENDS = re2.compile(r"^(?:$|[\"'*_,;|\n\r\t<)\]}]| ?$|  | \(|\.(?:$|\s)| \n| [–—|•·\-] )")
_BESIDE = re2.compile(rf"(?i)(?:^|[^\pL])(?:{BESIDE}|{OF_NAMES}){_COLON}")
_OTHER_NAMES = re2.compile(rf"(?i)(?:^|[^\pL])(?:{OF_NAMES}){_COLON}")
_MAIL = re2.compile(r"([\w.\-]{3,64})@")
_LONG_ENOUGH = 4
"""Letters of a name's word that says whose an address is."""
_NEAR = 160
"""Characters beside a field in which others tell what it holds."""
_SEVERAL = 2
"""Words of a name that nobody takes for a thing's, if what stands before it may be one's."""


def find(text: str) -> list[Span]:
    """In order and apart."""
    if HINT.search(text) is None:
        return []
    places = Places()
    for each in (_introduced(text), _in_fields(text), _firms(text)):
        places.add(sorted(each, key=_start))
    return list(places.spans)


def joined(named: Sequence[Span], marked: Sequence[Span], threshold: float) -> list[Span]:
    """What is named, and what a model marks beside it, by their start. Neither overlaps itself.

    A model's surer word for a firm or a place stays, as does a longer name of a person.
    """
    places = Places()
    places.add(span for span in marked if _stays(span, named, threshold))
    places.add(replace(span, score=max(span.score, threshold)) for span in named)
    return list(places.spans)


def _introduced(text: str) -> Iterator[Span]:
    for match in _INTRODUCED.finditer(text):
        start = match.end()
        name = _without_end(_name(text[start : start + _REACH]))
        if name:
            yield Span(start, start + len(name), _PERSON, NEARBY)
    for match in _TURKISH.finditer(text):
        start = match.end()
        name = _name(text[start : start + _REACH])
        end = start + len(name)
        turkish = match.group(1) == "b" or _TURKISH_LETTER.search(name) is not None
        if turkish and name.count(" ") and _is_a_person(name) and _TURKISH_END.search(text[end : end + 1]):
            yield Span(start, end, _PERSON, NEARBY)


def _name(behind: str) -> str:
    """The words of a name that it begins with, some at most; one pattern of all outgrows RE2's memory."""
    end, at = 0, 0
    for _ in range(_MOST_WORDS):
        word = _WORD.search(behind[at:])
        if word is None:
            break
        end = at + word.end()
        gap = _NEXT.search(behind[end:])
        if gap is None:
            break
        at = end + gap.end()
        if _WORD.search(behind[at:]) is None:  # a particle, and no name behind it
            break
    return behind[:end].removesuffix("'s").removesuffix("’s")


def _without_end(name: str) -> str:
    """Without the words behind it that no name has; nothing if it begins with one."""
    words = name.split(" ")
    known = next((at for at, word in enumerate(words) if word.lower().rstrip(".") in NO_NAMES), len(words))
    return " ".join(words[:known]) if _holds_word(words[:known]) else ""


def _holds_word(words: Sequence[str]) -> bool:
    return any(not word.endswith(".") and word[:1].isupper() for word in words)


def _in_fields(text: str) -> Iterator[Span]:
    for kind, pattern in _FIELDS.items():
        for match in pattern.finditer(text):
            start = match.end()
            name = _name(text[start : start + _REACH])
            end = start + len(name)
            if name and _ENDS.search(text[end : end + 4]) and _is_a_person(name) and _believed(text, start, end, kind):
                yield Span(start, end, _PERSON, NEARBY)


def _is_a_person(written: str) -> bool:
    words = written.lower().replace("-", " ").split()
    return NO_NAMES.isdisjoint(words) and _holds_word(written.split(" ")) and not is_a_firm(written) and not is_of_a_road(written)


def _believed(text: str, start: int, end: int, kind: str) -> bool:
    """Whether a field of this kind says that its value is a person."""
    if kind == "of names":
        return True
    several = text[start:end].count(" ") + 1 >= _SEVERAL
    if kind == "of persons":
        return several
    around = text[max(0, start - _NEAR) : start] + "\n" + text[end : end + _NEAR]
    if not several:
        return _OTHER_NAMES.search(around) is not None
    return _BESIDE.search(around) is not None or _has_mail(around, text[start:end])


def _has_mail(around: str, name: str) -> bool:
    """Whether a mail address has a part of the name in it."""
    boxes = " ".join(match.group(1).lower() for match in _MAIL.finditer(around))
    return any(len(word) >= _LONG_ENOUGH and word in boxes for word in name.lower().replace("-", " ").split())


def _firms(text: str) -> Iterator[Span]:
    for match in _RUSSIAN.finditer(text):
        yield Span(match.start(1), match.end(1), _ORGANIZATION, NEARBY)
    for match in _JAPANESE.finditer(text):
        start, end = match.span(1) if match.start(1) >= 0 else match.span(2)
        if not _NO_FIRM.search(text[start:end]):
            yield Span(start, end, _ORGANIZATION, NEARBY)


def _stays(span: Span, named: Sequence[Span], threshold: float) -> bool:
    at = bisect_left(named, span.start + 1, key=_end)
    if at == len(named) or named[at].start >= span.end:
        return True
    other = named[at]
    if span.score < threshold or span.start > other.start or span.end < other.end:
        return False
    return span.score >= other.score if span.type != other.type else span.end - span.start > other.end - other.start
