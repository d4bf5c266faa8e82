"""Secrets that are named: `password: ...`, `API_KEY=...`, `Bearer ...`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from router_extproc.encoders.scores import Span
from router_extproc.pii.entropy import is_placeholder, is_placeholder_password, is_random
from router_extproc.pii.kinds import NEARBY, PiiType
from router_extproc.pii.references import is_attribute, is_reference

if TYPE_CHECKING:
    from collections.abc import Iterator

# Without regard to case, the range would take k and s along: the Kelvin sign and the long s are theirs.
_VALUE = r"(?-i:[^\s\"'`<>,;(){}\[\]|\\\x{80}-\x{10ffff}]+)"
# Letters up to Thai, where scripts without spaces between words begin, and the signs of a keyboard: £, §, €.
_TYPED = r"\\\x{80}-\x{a2}\x{a4}-\x{a6}\x{a8}-\x{bf}\x{e00}-\x{20ab}\x{20ad}-\x{10ffff}"
_PASSWORD = re2.compile(
    rf"(?i)(?:password|passwd|passphrase|pwd|passwort|contraseña|mot de passe)"
    rf"(?:[\"']?\s{{0,3}}[:=]{{1,2}}|\s+is:?|\s+was:?)\s{{0,3}}"
    rf"(?-i:\"([^\s\"\\]+)\"|'([^\s'\\]+)'|`([^\s`\\]+)`|[\"'`\x{{201c}}\x{{201e}}]?([^\s\"'`<>,;(){{}}\[\]|{_TYPED}]+))"
)
_SECRET = re2.compile(
    rf"(?i)(?:api[ _\-]?key|apikey|secret(?:[ _\-]?(?:access[ _\-]?)?key)?|(?:access|account|encryption|signing|private)[ _\-]?key|token|"
    rf"credentials?|auth)(?:[\"']?\s{{0,3}}[:=]{{1,2}}|\s+is:?)\s{{0,3}}[\"'`]?({_VALUE})"
)
_BEARER = re2.compile(r"(?i)\bbearer\s{1,3}([A-Za-z0-9._~+/\-]+=*)")
_BRACKETED = re2.compile(
    rf"^(?:[(\[{{<][^\s\"'`,;|(){{}}\[\]<>{_TYPED}]*[)\]}}>][A-Za-z0-9!@#$_][^\s\"'`<>,;(){{}}\[\]|{_TYPED}]*)+"
)
"""The rest of `pa(ss)w0rd9`: behind a call's brackets no word goes on."""
_ENDS = ("</", "<br")
"""What follows a value in HTML."""
_BRACKETS = frozenset("([{<")
_OPEN = 4
"""The group of a password without quotes around it."""
_SIGNS = ".!?:"
"""The sentence's, at a value's end."""
_MIN_SECRET = 12
MIN_PASSWORD = 6
MAX = 512


def find(text: str) -> Iterator[Span]:
    """The values alone; not the names, calls and placeholders that stand there in code."""
    for match in _PASSWORD.finditer(text):
        group = match.lastindex or _OPEN
        start, value = match.start(group), match.group(group)
        value = _unquoted(text, start, value) if group == _OPEN else value
        if MIN_PASSWORD <= len(value) <= MAX and is_password(value):
            yield Span(start, start + len(value), PiiType.API_KEY, NEARBY)
    for pattern in (_SECRET, _BEARER):
        for match in pattern.finditer(text):
            value = match.group(1).rstrip(_SIGNS)
            if _may_be_secret(text, match.start(1), value) and _has_digit(value) and is_random(value):
                yield Span(match.start(1), match.start(1) + len(value), PiiType.API_KEY, NEARBY)


def is_password(value: str) -> bool:
    """Whether it has what a password has, and a word or a name in code has not: letters and digits."""
    if not _has_digit(value) or not any(map(str.isalpha, value)) or is_placeholder_password(value) or is_reference(value):
        return False
    return is_random(value) and not is_attribute(value)


def _unquoted(text: str, start: int, value: str) -> str:
    """The value with what brackets it holds and without the sentence's signs; empty before a call's or a lookup's brackets."""
    end = start + len(value)
    if text[end : end + 1] not in _BRACKETS or text.startswith(_ENDS, end):
        return value.rstrip(_SIGNS)
    more = _BRACKETED.search(text[end : end + MAX])
    whole = value + more.group() if more else ""
    return "" if text[start + len(whole) : start + len(whole) + 1] in _BRACKETS else whole.rstrip(_SIGNS)


def _may_be_secret(text: str, start: int, value: str) -> bool:
    """Whether it is a value at all: no address, no variable, no call, nothing to be filled in."""
    if not _MIN_SECRET <= len(value) <= MAX or is_placeholder(value) or is_reference(value):
        return False
    return text[start + len(value) : start + len(value) + 1] not in _BRACKETS


def _has_digit(value: str) -> bool:
    return any(map(str.isdigit, value))
