"""Hinted: telephone numbers that no rule knows, where a model's opinion and their shape agree.

Neither is enough alone: a model takes book numbers for telephone numbers, and anything may be grouped as one.
"""

from __future__ import annotations

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
)
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
_LINE_OF_NUMBERS = re2.compile(r"^[\d\s.,\-/|:]*$")


def find(text: str, hints: Sequence[Span]) -> Iterator[Span]:
    """Numbers near some hint, whose scores say how likely the model takes their characters for a telephone number's."""
    last, followed = 0, hints[:MAX_HINTS]
    for hint in followed:
        for start, end in _near(text, hint):
            if start >= last and _agree(text, start, end, followed):
                last = end
                yield Span(start, end, PiiType.PHONE, NEARBY)


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
    if _ANOTHER_THING.search(number) or _counts(text, start, end) or (shape != "written" and _among_numbers(text, start, end)):
        return False
    said = sum(hint.score * max(0, min(end, hint.end) - max(start, hint.start)) for hint in hints)
    return said >= _SURE[shape] * (end - start)


def _shape(written: str, number: str) -> str:
    if _WRITTEN.fullmatch(written):
        return "written"
    return "bare" if number.isdigit() else "grouped"


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
