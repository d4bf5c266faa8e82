"""Dates of birth: a date right after a word of birth."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import re2

from router_extproc.encoders.scores import Span
from router_extproc.pii.context import joins
from router_extproc.pii.kinds import NEARBY, PiiType

if TYPE_CHECKING:
    from collections.abc import Iterator

_MONTHS = (
    r"jan(?:uary|uar|vier|uari)?|feb(?:ruary|ruar)?|février|mar(?:ch)?|märz|mars|apr(?:il)?|avril|may|mai|june?|juin|july?|juillet|"
    r"aug(?:ust)?|août|sep(?:t(?:ember|embre)?)?|oct(?:ober|obre)?|okt(?:ober)?|nov(?:ember|embre)?|dec(?:ember)?|dez(?:ember)?|décembre|"
    r"enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre|"
    r"gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre|novembre|dicembre|"
    r"janeiro|fevereiro|março|maio|junho|julho|setembro|outubro|novembro|dezembro"
)
_YEAR = r"(?:19|20)\d\d"
_DATE = (
    rf"{_YEAR}[\-/.]\d{{1,2}}[\-/.]\d{{1,2}}|\d{{1,2}}[\-/. ]\d{{1,2}}[\-/. ](?:{_YEAR}|\d\d)|"
    rf"\d{{1,2}}(?:st|nd|rd|th|er|º|\.)?[ \-]+(?:of |de )?(?:{_MONTHS})\.?,?[ \-]+(?:de |of )?{_YEAR}|"
    rf"(?:{_MONTHS})\.? \d{{1,2}}(?:st|nd|rd|th)?,? {_YEAR}|\d{{4}}年\d{{1,2}}月\d{{1,2}}日"
)
_WORDS = (
    r"(?:\b(?:born|b-?day|birth[ -]?dates?|birth[ -]?days?|dates? of birth|d\.?o\.?b\b\.?|née?e? le|naissance|"
    r"geboren|geb\.|geburtstag|geburtsdatum|nacid[oa]|nací|nacimiento|nat[oa] (?:il|a \pL+ il)|nascita|nascid[oa]|nasci|nascimento|"
    r"geboortedatum|urodzon[ya]|urodzenia|född|født|syntynyt)|出生日期|生年月日|生日|出生)"
)
HINT = rf"(?i){_WORDS}"
"""True of every text that has a date of birth."""
_BIRTH = re2.compile(
    rf"(?i){_WORDS}"
    r"(?:[\s:=,(\"'*_|>\-]|\b(?:on|is|was|the|am|el|em|op|den|le|in|dnia|my|as|date|given|listed|recorded)\b|是|为|\x{ff1a})*"
    rf"({_DATE})"
)
_LAST_DAY = 31
_FIRST_YEAR = 1900
"""Who was born before it is history."""
_NUMBERS = re2.compile(r"\d+")


def find(text: str) -> Iterator[Span]:
    """The dates alone."""
    for match in _BIRTH.finditer(text):
        start, end = match.span(1)
        if is_date(match.group(1)) and not joins(text[end : end + 1]):
            yield Span(start, end, PiiType.DATE_OF_BIRTH, NEARBY)


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
