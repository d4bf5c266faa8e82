"""Bank accounts: a country's length and ISO 7064's checksum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from router_extproc.encoders.scores import Span
from router_extproc.pii.context import joins
from router_extproc.pii.kinds import CERTAIN, PiiType

if TYPE_CHECKING:
    from collections.abc import Iterator

_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29, "BY": 28,
    "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
    "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HN": 28, "HR": 21, "HU": 28,
    "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
    "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28,
    "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24,
    "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26,
    "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}  # fmt: skip  # eighty lines of two words tell nobody more
"""Characters of an account number, by country."""

HINT = r"\b[A-Za-z]{2}\d{2}[ \-\x{a0}\x{2011}\x{202f}]?[A-Za-z0-9]{2}"
"""True of every text that has an account number or the shape of one."""
_HEAD = re2.compile(HINT)
_SEPARATORS = frozenset(" -\u00a0\u2011\u202f")
_GROUP = 4


def find(text: str) -> Iterator[Span]:
    """Account numbers, grouped or not, in capitals or not."""
    for start, end in shapes(text):
        if is_iban("".join(filter(str.isalnum, text[start:end]))):
            yield Span(start, end, PiiType.IBAN, CERTAIN)


def shapes(text: str) -> Iterator[tuple[int, int]]:
    """What has a country's letters and length, right or wrong."""
    for head in _HEAD.finditer(text):
        length = _LENGTHS.get(head.group()[:2].upper())
        end = _end(text, head.start(), length) if length else None
        if end is not None:
            yield head.start(), end


def _end(text: str, start: int, length: int) -> int | None:
    """Where the account number of that length ends: single separators may only part groups of four."""
    seen = 0
    grouped = False
    for at in range(start, min(len(text), start + 2 * length)):
        character = text[at]
        if character.isascii() and character.isalnum():
            seen += 1
            if seen == length:
                return None if joins(text[at + 1 : at + 2]) else at + 1
        elif character in _SEPARATORS and seen % _GROUP == 0 and text[at - 1].isalnum() and (grouped or seen == _GROUP):
            grouped = True
        else:
            return None
    return None


def is_iban(account: str) -> bool:
    """Whether the checksum is right; without separators."""
    if len(account) != _LENGTHS.get(account[:2].upper()):
        return False
    turned = account[4:] + account[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1
