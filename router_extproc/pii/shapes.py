"""Shapes: what has a telephone number's digits and stands alone. Loads no country's numbering plan."""

from __future__ import annotations

from string import digits
from typing import TYPE_CHECKING

import re2

from router_extproc.pii.context import stands_alone

if TYPE_CHECKING:
    from collections.abc import Iterator

_SEPARATOR = r"[ .\-/\x{a0}\x{202f}\x{2010}-\x{2013}]"
_PLAIN = dict.fromkeys(map(ord, "\u00a0\u202f"), " ") | dict.fromkeys(range(0x2010, 0x2014), "-")
"""Blanks and hyphens that do not break, and dashes, as they are typed."""
_CANDIDATE = re2.compile(
    rf"(?:(?:\+|\b00)\d{{1,3}}{_SEPARATOR}?(?:\(\d{{1,4}}\){_SEPARATOR}?)?\d{{1,15}}"
    rf"|(?:\b[0178] ?)?\(\+?\d{{1,6}}\){_SEPARATOR}?\d{{1,15}}|\b\d{{1,15}})"
    rf"(?:{_SEPARATOR}{{1,2}}(?:\(0\){_SEPARATOR}?)?\d{{1,8}}){{0,7}}"
    r"(?:(?: ?x| ?ext\.? ?| extension )\d{1,6})?"
)
_NOT_A_NUMBER = re2.compile(
    r"^(?:"
    r"(?:19|20)\d\d[\-/. ]\d{1,2}[\-/. ]\d{1,2}(?:[ \-].*)?"  # dates
    r"|\d{1,2}[\-/.]\d{1,2}[\-/.](?:19|20)\d\d(?: .*)?|\d{1,2}[/.]\d{1,2}[/.]\d\d"
    r"|(?:1[89]|20)\d\d ?[\-/] ?(?:1[89]|20)\d\d"  # years
    r"|[1-9]\d{0,2}(?:\.\d{3})+"  # thousands
    r"|\d+\.\d+|0\.\d.*|[\d() \-/]*[ \-/]\d+\.\d.*|\d+\.\d[\d.]*[ \-/].*|\d{1,3}(?:\.\d{1,3}){3}"  # decimals, an address
    r"|\d{4}[ \-]\d{6}[ \-]\d{4,5}|[1-9]\d{13,}"  # cards
    r")$"
)
_BEFORE = frozenset("$€£¥#/+")
_BEHIND = frozenset("%°€$£")
"""What makes another thing of a number."""
_THOUSANDS = re2.compile(r"^\d,$")
_SPACED_THOUSANDS = re2.compile(r"^[1-9]\d{0,2}(?: \d{3})+$")
_DECIMALS = re2.compile(r"^,\d")
_ACCOUNT_BEFORE = re2.compile(r"(?:^|[^\pL\d])[A-Z]{2}\d{2} ?$")
"""The begin of an account number of any country, right or wrong."""
_DIGITS = range(7, 16)
HINT = rf"\d(?:(?:{_SEPARATOR}|[()+]){{0,4}}\d){{{_DIGITS.start - 1}}}"
"""True of every text that has a candidate."""
_ENOUGH = re2.compile(HINT)
_ACCOUNT = 6
"""Characters before a number in which an account number may begin."""
_EXTENSION = re2.compile(r"(?i) ?(?:x|ext).*$")


def digits_in(text: str) -> int:
    """How many digits it has, of those that numbers are written with here. Many texts have none."""
    return sum(map(text.count, digits))


def may_have_candidates(text: str, count: int) -> bool:
    """Whether enough of its `count` digits stand close together for `candidates`, in all of it or a part. Takes less time."""
    return count >= _DIGITS.start and _ENOUGH.search(text) is not None


def candidates(text: str) -> Iterator[tuple[int, int]]:
    """What has as many digits as a number may have, stands alone, and reads as nothing else."""
    for match in _CANDIDATE.finditer(text):
        start, end = match.span()
        if end - start < _DIGITS.start:
            continue
        number = bare(match.group())
        if sum(map(str.isdigit, number)) not in _DIGITS or _NOT_A_NUMBER.search(number):
            continue
        before = text[max(0, start - 2) : start]
        if _SPACED_THOUSANDS.search(number) and _DECIMALS.search(text[end : end + 2]):
            continue
        if (
            stands_alone(text, start, end)
            and not _ACCOUNT_BEFORE.search(text[max(0, start - _ACCOUNT) : start])
            and before[-1:] not in _BEFORE
            and not _THOUSANDS.search(before)
            and text[end : end + 1] not in _BEHIND
        ):
            yield start, end


def bare(number: str) -> str:
    """Without its extension, and with the separators that are typed, one for one."""
    number = number if number.isascii() else number.translate(_PLAIN)
    return _EXTENSION.sub("", number) if "x" in number.lower() else number
