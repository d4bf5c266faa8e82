"""Entropy: whether a string looks drawn by lot or written by hand."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from math import log2
from typing import TYPE_CHECKING

import re2

if TYPE_CHECKING:
    from collections.abc import Iterable

_PLACEHOLDER = re2.compile(
    r"(?i)your|example|placeholder|change[_\-]?me|replace|insert|redacted|dummy|sample|x{4}|\.{3}|\*{3}|…|"
    r"my[_\-]?(?:key|token|secret|password|api)|(?:key|token|secret|password)[_\-]?(?:here|goes)|"
    r"(?:^|[^a-z])(?:put[_\-]|enter[_\-]|todo(?:[^a-z]|$))"
)
_ROW = re2.compile(r"(?i)0?123456(?:7(?:8(?:90?)?)?)?|abcdef(?:g(?:h(?:i(?:jk?)?)?)?)?|0{5,}|1{5,}")
"""What hands type that mean nothing by it. People's passwords have it, too."""
_ENOUGH = 16
MIN_BITS = 3.0
"""Bits a character. Of random hexadecimal strings of 16 characters 86 in 100 have more, of 24 characters 99, of base 62 all."""
_MIN_BITS_SHORT = 2.0


def is_placeholder(value: str) -> bool:
    """Whether somebody wrote it where a secret is to stand."""
    return _PLACEHOLDER.search(value) is not None or _ROW.search(value) is not None


def is_placeholder_password(value: str) -> bool:
    """The same for a password, which may count up to six behind a word: `Anna123456` is somebody's."""
    return _PLACEHOLDER.search(value) is not None or not _ROW.sub("", value)


def is_random(value: str) -> bool:
    """Whether the characters vary as a secret's do, and are not the words of an identifier."""
    if not _mixed(value):
        return False
    return bits(value) >= (MIN_BITS if len(value) >= _ENOUGH else _MIN_BITS_SHORT)


def bits(value: Iterable[str]) -> float:
    """Shannon's entropy, in bits a character."""
    counts = Counter(value)
    total = sum(counts.values())
    return -sum(count / total * log2(count / total) for count in counts.values()) if total else 0.0


def _mixed(value: str) -> bool:
    """Whether there are letters and digits, or capitals among small letters where no word begins."""
    has_letters = any(map(str.isalpha, value))
    if has_letters and any(map(str.isdigit, value)):
        return True
    return _turns(value) >= len(value) / 4


def _turns(value: str) -> int:
    """How often a capital follows a small letter or another way round."""
    return sum(first.islower() != second.islower() for first, second in pairwise(value))
