"""Dates of birth: a date right after a word of birth."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import re2

from router_extproc.encoders.scores import Span
from router_extproc.pii.automata import longest
from router_extproc.pii.birth_words import BEHIND, BETWEEN, MONTHS, PREPOSITIONS, WORDS
from router_extproc.pii.context import joins
from router_extproc.pii.kinds import NEARBY, PiiType
from router_extproc.pii.tables import Columns

if TYPE_CHECKING:
    from collections.abc import Iterator

_YEAR = r"(?:19|20)\d\d"
_NAMES = (
    r"(?:\pL+_)?d\.?o\.?b\.?|(?:\pL+_)?date[ _]?of[ _]?birth|(?:\pL+_)?birth[ _]?dat(?:e|um)|(?:\pL+_)?birth[ _]?day|born(?:[ _]on)?|"
    r"date[ _]de[ _]naissance|fecha[ _](?:de[ _])?nacimiento|data[ _](?:di[ _])?nascita|data[ _](?:de[ _])?nascimento|geburts(?:datum|tag)|"
    r"geboortedatum|data[ _]urodzenia|дата[ _]рождения|födelsedatum|fødselsdato|出生日期|生年月日|생년월일"
)
"""Of columns, in small letters."""
_COLUMN = r"(?:^|[^\pL])dob(?:$|[^\pL])|date[ _]?(?:of|de)[ _]?(?:birth|naissance)|birth[ _]?da|"
_COLUMN += r"data[ _](?:di[ _]|de[ _])?(?:nascita|nascimento|urodz)|fecha[ _]|дата[ _]рожд"
_DATE = (
    rf"{_YEAR}[\-/.]\d{{1,2}}[\-/.]\d{{1,2}}|\d{{1,2}}[\-/. ]\d{{1,2}}[\-/. ](?:{_YEAR}|\d\d)|"
    rf"\d{{1,2}}\. ?\d{{1,2}}\. ?{_YEAR}|{_YEAR}\. ?\d{{1,2}}\. ?\d{{1,2}}|"
    rf"\d{{1,2}}(?:st|nd|rd|th|er|º|°|\.)?[ \-]+(?:of |de )?(?:{MONTHS})\.?,?[ \-]+(?:de |del |of )?{_YEAR}|"
    rf"(?:{MONTHS})\.? \d{{1,2}}(?:st|nd|rd|th)?,? {_YEAR}|{_YEAR}\.? (?:{MONTHS}) \d{{1,2}}|"
    r"\d{4}\s?[年년]\s?\d{1,2}\s?[月월]\s?\d{1,2}\s?[日일]"
)
_NAME = r"(?-i:\p{Lu})[\pL'’.\-]*"  # noqa: RUF001 - people write this apostrophe
_PLACE = rf"{_NAME}(?: (?:(?:de|da|do|di|del|della|la|le|am|an der|nad|sur|sous|upon) )?{_NAME}){{0,3}}"
_WHERE = rf" (?:{PREPOSITIONS}) {_PLACE}(?: ?\([\pL .]{{2,24}}\)|, {_PLACE})?"
"""Where somebody was born may stand before the day."""
HINT = rf"(?i){WORDS}|{BEHIND}|{_COLUMN}"
"""True of every text that has a date of birth."""
_WORD = longest(f"(?i){WORDS}")
_LEADS = tuple(re2.compile(f"(?i){where}(?:{BETWEEN})*") for where in ("", _WHERE))
_AHEAD = re2.compile(f"(?i){_DATE}")
_BORN = re2.compile(f"(?i){BEHIND}")
_BACK = re2.compile(rf"(?i)(?:^|[^\pL\d.\-/])({_DATE})\.?(?:[\-\s]?(?:án|én|jén))?\s?$")
_ITALIAN = re2.compile(r"^(?:nat[oa] (?:il|l['’]|ad?|nel|in)|Nat[oa] (?:il|l['’]|ad?|nel))\b")  # noqa: RUF001 - people write this apostrophe
"""`NATO`, and cream in Spanish, are written like it."""
_REACH = 120
"""Characters behind a word of birth in which the date begins."""
_LONGEST = 40
"""Characters of a date."""
_COLUMNS = Columns(_NAMES)
_WHOLE = re2.compile(rf"(?i)(?:{_DATE})")
_LIKE_NATO = ("nato", "nata")
_LAST_DAY = 31
_FIRST_YEAR = 1900
"""Who was born before it is history."""
_NUMBERS = re2.compile(r"\d+")


def find(text: str) -> Iterator[Span]:
    """The dates alone."""
    found = {*_behind_words(text), *_before_words(text)}
    found.update(place for place in _COLUMNS.values(text) if _AHEAD.fullmatch(text[slice(*place)]))
    for start, end in sorted(found):
        if is_date(text[start:end]) and not joins(text[end : end + 1]):
            yield Span(start, end, PiiType.DATE_OF_BIRTH, NEARBY)


# Word and date apart: one pattern of both outgrows RE2's memory.


def _behind_words(text: str) -> Iterator[tuple[int, int]]:
    for word in _WORD.finditer(text):
        first, behind = word.end(), text[word.end() : word.end() + _REACH]
        written = word.group()[-len(_LIKE_NATO[0]) :]
        if written.lower() in _LIKE_NATO and not _ITALIAN.search(written + behind):
            continue
        for lead in _LEADS:
            led = lead.match(behind)
            date = _AHEAD.match(behind[led.end() : led.end() + _LONGEST]) if led else None
            if led and date:
                yield first + led.end(), first + led.end() + date.end()
                break


def _before_words(text: str) -> Iterator[tuple[int, int]]:
    for word in _BORN.finditer(text):
        left = max(0, word.start() - _LONGEST)
        date = _BACK.search(text[left : word.start()])
        if date is not None:
            yield left + date.start(1), left + date.end(1)


def is_date(written: str) -> bool:
    """Whether there is such a day, in whatever order the three were written; a month's name is believed."""
    numbers = [int(digits) for digits in _NUMBERS.findall(written)]
    if len(numbers) != len(("day", "month", "year")):
        return all(number <= _LAST_DAY or number >= _FIRST_YEAR for number in numbers)
    year = numbers.pop(0 if numbers[0] > _LAST_DAY else 2)
    return any(_exists(year, month, day) for month, day in (numbers, numbers[::-1]))


def _exists(year: int, month: int, day: int) -> bool:
    try:
        date(year or 2000, month, day)
    except ValueError:
        return False
    return True
