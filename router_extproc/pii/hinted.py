"""Hinted: telephone numbers that no rule knows, where a model's opinion and their shape agree.

Neither is enough alone: a model takes book numbers for telephone numbers, and anything may be grouped as one.
"""

from __future__ import annotations

from itertools import islice, takewhile
from typing import TYPE_CHECKING

import re2

from router_extproc.encoders.scores import Span
from router_extproc.pii.context import counts_something
from router_extproc.pii.kinds import NEARBY, PiiType
from router_extproc.pii.shapes import bare, candidates

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_HINTS = 200
"""Of one text that are followed."""
_AROUND = 48
"""Characters beside a hint that are looked at: a number with its extension."""
_WRITTEN = re2.compile(r"(?i)(?:[+(]|00|0\d(?:[ .\-/()]*\d){7}).*|.*(?:x|ext).*")
"""With a country's code, an area, a zero before it, or an extension: little else is written so."""
_SURE = {"written": 0.3, "grouped": 0.5, "bare": 0.75}
"""By how much a number's shape says: the mean probability from which on a model's word is taken."""
_ANOTHER_THING = re2.compile(
    r"^\d{1,5}-\d{1,7}-\d{1,7}-[\dXx]$"  # a book
    r"|[.\-/ ]\d$"  # a check digit
    r"|^0 \d{3} \d{3} \d{3}$"  # a part
)
_GROUPS = re2.compile(r"\d+")
_ABROAD = ("+", "(", "00")
_GROUPS_OF_A_NUMBER = 3
"""An area and two more."""
_SURELY = 8
"""Digits that no postcode has, in three groups."""
_LONGEST = 12
"""Digits of a number without a country's code."""
_NUMBERED = re2.compile(r"(?:^|[^\pL])(\pL+)?[.:]? ?(?:(?:No|Nr)\.|№) ?$")
_TELEPHONE = re2.compile(r"(?i)^(?:tele)?(?:phone|fon|fax|tel|mobil|mobile|cell|contact|handy)")
_SUM_BEFORE = re2.compile(
    r"(?i)(?:[=*/×÷^<>|&%$€£@_\\]\s*|[\d)]\s*[+\-]\s*|"  # noqa: RUF001 - people write this sign
    r"\b(?:what is|calculate|compute|sum|plus|minus|times|modulo|mod|divided by|multiply|add|subtract|scored?|sequence|series|digits|"
    r"pattern|output|input|sample|result|values?|primes?|positions?|between|pages?|lottery)\s*(?:is|are|of|:)?\s*)$"
)
_SUM_BEHIND = re2.compile(
    r"(?i)^\s*(?:[=*/×÷^<>|%€$£@_\\]|[+\-]\s*\d|"  # noqa: RUF001 - people write this sign
    r"(?:plus|minus|times|modulo|mod|divided|multiplied|percent|items?|pieces|units|dollars?|euros?|usd|eur|kwh|k?hz|mhz|ohm|km|m|kg|bytes|"
    r"users|people|inhabitants|visitors|points|in the (?:test|sequence))\b)"
)
_LINE = re2.compile(r"(?m)^[ \t]*([+(\d][\d +().\-/]{6,30}(?:x\d{1,6})?)[ \t\r]*$")
_MOST_LINES = 50
"""Lines with nothing but a number that are looked at."""
_ABOVE = 3
_SHORT_LINE = 60
"""Lines above a number, and the characters of each at most, that may say whose it is."""
_LISTED_BEFORE = re2.compile(r"(?:\d+(?:[,;]| and| or)\s+)+$")
_LISTED_BEHIND = re2.compile(r"^(?:(?:[,;]|,? and|,? or)\s+\d+)+")
_COLUMN = 120
"""Characters above and below a number in which other lines of numbers are looked for."""
_EMPTY = 8
"""Blanks and signs at most between a name and the end of its line."""
_NAMES = frozenset({"PERSON", "ORGANIZATION", "ADDRESS"})
_LINE_OF_NUMBERS = re2.compile(r"^[\d\s.,\-/|:]*$")


def find(text: str, hints: Sequence[Span]) -> Iterator[Span]:
    """Numbers near some hint, whose scores say how likely the model takes their characters for a telephone number's."""
    last, followed = 0, hints[:MAX_HINTS]
    for hint in followed:
        for start, end in _near(text, hint):
            if start >= last and _agree(text, start, end, followed):
                last = end
                yield Span(start, end, PiiType.PHONE, NEARBY)


def in_blocks(text: str, names: Sequence[Span]) -> Iterator[Span]:
    """Numbers that have a line of their own close below a line with a name or an address, or above it, as in a signature."""
    held = [span for span in names if span.type in _NAMES]
    for line in islice(_LINE.finditer(text), _MOST_LINES if held else 0):
        above, below = list(_ends_above(text, line.start())), line.end() + 1
        beside = any(_starts_on_line(text, span, below) or any(_ends_on_line(text, span, end) for end in above) for span in held)
        written = line.group(1).rstrip()
        whole = next(candidates(written), None) == (0, len(written)) if beside else False
        number = bare(written)
        shape = _shape(written, number)
        if shape == "bare" or _is_a_code(number) or (shape != "written" and _in_column(text, line.start(), line.end())):
            continue
        if whole:
            yield Span(line.start(1), line.start(1) + len(written), PiiType.PHONE, NEARBY)


def _in_column(text: str, start: int, end: int) -> bool:
    """Whether a line of numbers is one of several that follow each other: a signature has two at most, a telephone's and a fax's."""
    above = text[max(0, start - _COLUMN) : max(0, start - 1)].split("\n")[::-1] if start else []
    below = text[end + 1 : end + _COLUMN].split("\n")
    beside = sum(1 for lines in (above, below) for _ in takewhile(_holds_numbers, lines))
    return beside > 1


def _holds_numbers(line: str) -> bool:
    return bool(line.strip()) and _LINE_OF_NUMBERS.search(line) is not None


def in_addresses(text: str, names: Sequence[Span]) -> Iterator[Span]:
    """Numbers that a model takes for a part of an address, though no house and no town has one like that."""
    for span in names:
        right = min(len(text), span.end + _AROUND)
        for start, end in candidates(text[span.start : right]) if span.type == "ADDRESS" else ():
            left = span.start + start
            whole = span.start + end < right or right == len(text)
            if left < span.end and whole and _is_long(text, left, span.start + end):
                yield Span(left, span.start + end, PiiType.PHONE, NEARBY)


def _is_long(text: str, start: int, end: int) -> bool:
    """Whether it has more digits, in more groups, than a postcode, and numbers nothing else."""
    number = bare(text[start:end])
    groups = _GROUPS.findall(number)
    if len(groups) < _GROUPS_OF_A_NUMBER or sum(map(len, groups)) < _SURELY:
        return False
    return not (_is_a_code(number) or _in_a_code(text, start) or _counts(text, start, end))


def _ends_above(text: str, start: int) -> Iterator[int]:
    """Where the short lines end that stand above this one, the nearest first."""
    for _ in range(_ABOVE):
        end = start - 1
        start = text.rfind("\n", 0, max(0, end)) + 1
        if end - start > _SHORT_LINE:
            return
        yield end


def _ends_on_line(text: str, span: Span, at: int) -> bool:
    """Whether it is the last thing on the line whose end is there."""
    return 0 <= at - span.end <= _EMPTY and not text[span.end : at].strip(" \t\r,;.")


def _starts_on_line(text: str, span: Span, at: int) -> bool:
    """Whether it is the first thing on the line whose start is there."""
    return 0 <= span.start - at <= _EMPTY and not text[at : span.start].strip(" \t")


def _near(text: str, hint: Span) -> Iterator[tuple[int, int]]:
    """Candidates that overlap a hint; what is cut off by the view is none."""
    left, right = max(0, hint.start - _AROUND), min(len(text), hint.end + _AROUND)
    for start, end in candidates(text[left:right]):
        whole = (start > 0 or left == 0) and (left + end < right or right == len(text))
        if whole and left + start < hint.end and left + end > hint.start:
            yield left + start, left + end


def _agree(text: str, start: int, end: int, hints: Sequence[Span]) -> bool:
    """Whether the model is as sure of all of it as its shape asks for."""
    number = bare(text[start:end])
    shape = _shape(text[start:end], number)
    if _is_a_code(number) or _in_a_code(text, start) or _listed(text, start, end) or _counts(text, start, end):
        return False
    if shape != "written" and _among_numbers(text, start, end):
        return False
    said = sum(hint.score * max(0, min(end, hint.end) - max(start, hint.start)) for hint in hints)
    return said >= _SURE[shape] * (end - start)


def _shape(written: str, number: str) -> str:
    if _WRITTEN.fullmatch(written):
        return "written"
    return "bare" if number.isdigit() else "grouped"


def _is_a_code(number: str) -> bool:
    """Whether it is grouped as articles are: the last group shorter than the one before it, or more digits than a country has."""
    if _ANOTHER_THING.search(number):
        return not number.startswith(_ABROAD)
    if number.startswith(_ABROAD):
        return False
    groups = _GROUPS.findall(number)
    # Of two groups, the second may be an extension.
    long = len(groups) >= _GROUPS_OF_A_NUMBER
    short = long and number[-len(groups[-1]) - 1] in ".-/" and len(groups[-1]) < len(groups[-2])
    return short or sum(map(len, groups)) > _LONGEST


def _in_a_code(text: str, start: int) -> bool:
    """Whether it goes on after letters and digits, as a parcel's number does, or is called a number, and no telephone's."""
    before = text[max(0, start - _AROUND) : start]
    if before.endswith(" "):
        token = before.split()[-1] if before.strip() else ""
        if token.isalnum() and token.isupper() and not token.isalpha():
            return True
    called = _NUMBERED.search(before)
    return called is not None and not _TELEPHONE.search(called.group(1) or "")


def _listed(text: str, start: int, end: int) -> bool:
    """Whether it is one of several with as many digits and nothing but commas between, as tickets are."""
    digits = end - start
    if not text[start:end].isdigit():
        return False
    before = _LISTED_BEFORE.search(text[max(0, start - _AROUND) : start])
    behind = _LISTED_BEHIND.search(text[end : end + _AROUND])
    beside = [group for found in (before, behind) if found for group in _GROUPS.findall(found.group())]
    return sum(len(group) == digits for group in beside) > 1


def _counts(text: str, start: int, end: int) -> bool:
    """Whether it numbers a thing, or is reckoned with."""
    before, behind = text[max(0, start - _AROUND) : start], text[end : end + _AROUND]
    return counts_something(text, start) or _SUM_BEFORE.search(before) is not None or _SUM_BEHIND.search(behind) is not None


def _among_numbers(text: str, start: int, end: int) -> bool:
    """Whether it stands on a line of numbers above or below another one."""
    before, behind = text[max(0, start - _AROUND) : start], text[end : end + _AROUND]
    above, _, begun = before.rpartition("\n")
    rest, _, below = behind.partition("\n")
    beside = (above.rpartition("\n")[2] + below.partition("\n")[0]).strip()
    return bool(beside) and _LINE_OF_NUMBERS.search(begun + rest + beside) is not None
