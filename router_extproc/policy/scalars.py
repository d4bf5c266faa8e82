"""Scalars: what an unquoted word of a YAML 1.2 file means (its core schema)."""

from __future__ import annotations

import math
import re

Scalar = str | int | float | bool | None

_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_OCTAL = re.compile(r"0o[0-7]+\Z")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))\Z")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_MAX_DIGITS = 18
"""More do not fit a 64-bit integer, and no setting needs them."""


class ScalarError(ValueError):
    """A word that reads as a number, but not as one that can be used; the second argument is the cure."""


def resolve(text: str) -> Scalar:
    """The value of an unquoted scalar. `no`, `on` and `yes` are text, as YAML 1.2 has it. Raises ScalarError."""
    if text in _WORDS:
        return _WORDS[text]
    first = text[0]
    if first.isdigit() or first in "+-.":
        return _number(text)
    return text


def _number(text: str) -> Scalar:
    if _INTEGER.match(text):
        return _integer(text)
    if _OCTAL.match(text):
        return int(_bounded(text), 8)
    if _HEXADECIMAL.match(text):
        return int(_bounded(text), 16)
    if _FLOAT.match(text):
        return _finite(text)
    if _NOT_FINITE.match(text):
        raise ScalarError(f"{text} is not a number that can be used", f'write a finite number, or "{text}" for the text')
    return text


def _integer(text: str) -> int:
    digits = text.lstrip("+-")
    if len(digits) > 1 and digits.startswith("0"):
        cure = f'write {int(_bounded(digits))} for the number, or "{text}" for the text'
        raise ScalarError(f"{text} is octal to YAML 1.1 and decimal to YAML 1.2", cure)
    return int(_bounded(text))


def _bounded(text: str) -> str:
    if len(text) > _MAX_DIGITS:
        raise ScalarError(f"a number of {len(text)} digits is too large", "write a smaller number, or put the text in quotes")
    return text


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ScalarError(f"{text[:40]} is too large", "write a smaller number")
    return number
