"""Secrets that are named: `password: ...`, `API_KEY=...`, `Bearer ...`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from router_extproc.encoders.scores import Span
from router_extproc.pii.entropy import is_placeholder, is_random
from router_extproc.pii.kinds import NEARBY, PiiType

if TYPE_CHECKING:
    from collections.abc import Iterator

# Without regard to case, the range would take k and s along: the Kelvin sign and the long s are theirs.
_VALUE = r"(?-i:[^\s\"'`<>,;(){}\[\]|\\\x{80}-\x{10ffff}]+)"
_PASSWORD = re2.compile(
    rf"(?i)(?:password|passwd|passphrase|pwd|passwort|contraseña|mot de passe)"
    rf"(?:[\"']?\s{{0,3}}[:=]{{1,2}}|\s+is:?|\s+was:?)\s{{0,3}}[\"'`]?({_VALUE})"
)
_SECRET = re2.compile(
    rf"(?i)(?:api[ _\-]?key|apikey|secret(?:[ _\-]?(?:access[ _\-]?)?key)?|(?:access|account|encryption|signing|private)[ _\-]?key|token|"
    rf"credentials?|auth)(?:[\"']?\s{{0,3}}[:=]{{1,2}}|\s+is:?)\s{{0,3}}[\"'`]?({_VALUE})"
)
_BEARER = re2.compile(r"(?i)\bbearer\s{1,3}([A-Za-z0-9._~+/\-]+=*)")
_PATH = re2.compile(r"^[$A-Za-z_]\w*(?:(?:\.|::|->|/|-|_)\w+)*[.:]?$")
_MIN_SECRET = 12
_MIN_PASSWORD = 6
_MAX = 512


def find(text: str) -> Iterator[Span]:
    """The values alone; not the names, calls and placeholders that stand there in code."""
    for match in _PASSWORD.finditer(text):
        value = match.group(1).rstrip(".!?:")
        if _may_be_secret(text, match.start(1), value, _MIN_PASSWORD) and _is_password(value):
            yield Span(match.start(1), match.start(1) + len(value), PiiType.API_KEY, NEARBY)
    for pattern in (_SECRET, _BEARER):
        for match in pattern.finditer(text):
            value = match.group(1).rstrip(".!?:")
            if _may_be_secret(text, match.start(1), value, _MIN_SECRET) and _has_digit(value) and is_random(value):
                yield Span(match.start(1), match.start(1) + len(value), PiiType.API_KEY, NEARBY)


def _may_be_secret(text: str, start: int, value: str, shortest: int) -> bool:
    """Whether it is a value at all: no address, no variable, no call, nothing to be filled in."""
    if not shortest <= len(value) <= _MAX or "://" in value or value[0] in "$%&/" or is_placeholder(value):
        return False
    return text[start + len(value) : start + len(value) + 1] not in {"(", "[", "{", "<"}


def _is_password(value: str) -> bool:
    """Whether it has what a password has and a name in code has not."""
    if not _has_digit(value) or not any(map(str.isalpha, value)):
        return False
    return is_random(value) and not ("." in value and _PATH.search(value) is not None)


def _has_digit(value: str) -> bool:
    return any(map(str.isdigit, value))
