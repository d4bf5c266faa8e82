"""Logins: passwords behind a user's name, in an address, a header or on curl's command line."""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import TYPE_CHECKING
from urllib.parse import unquote

import re2

from router_extproc.encoders.scores import Span
from router_extproc.pii.kinds import NEARBY, PiiType
from router_extproc.pii.secrets import MAX, MIN_PASSWORD, is_password

if TYPE_CHECKING:
    from collections.abc import Iterator

HINT = (
    r"://[^\s/:@\"'<>]*:[^\s/\"'<>]+@|(?:-[A-Za-z]*u[ =]?|--(?:proxy-)?user[ =])[\"']?[^\s:\"'@/]+:[^\s\"']|"
    r"(?i:authorization)[\"']?\s{0,3}[:=]\s{0,3}[\"'`]?(?i:basic)\s"
)
"""A text without any has none."""
_ADDRESS = re2.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^\s/:@\"'<>]*:([^\s/\"'<>]+)@[A-Za-z0-9_\[.\-]")
_DIGESTS = ("sha256:", "sha512:")
"""Behind the tag of an image: no host."""
_HOSTS = re2.compile(r"^\d{1,5},")
"""A port, and another host."""
_BASIC = re2.compile(r"(?i)authorization[\"']?\s{0,3}[:=]\s{0,3}[\"'`]?basic\s{1,3}([A-Za-z0-9+/_\-]+={0,2})")
_OPTION = re2.compile(
    r"(?:^|\s)(?:-[A-Za-z]*u[ =]?|--(?:proxy-)?user[ =])"
    r"(?:\"[^\s:\"@/]+:([^\s\"]+)\"|'[^\s:'@/]+:([^\s']+)'|[^\s:\"'@/]+:([^\s\"'`|;<>]+))"
)
_COMMAND = "curl"
_NEAR = 400
"""Characters before an option in which its command stands."""
_SIGNS = ".,)"


def find(text: str) -> Iterator[Span]:
    """Passwords, and what a header says of name and password together; no placeholders, no variables, no plain words."""
    # Most texts with a key have none of these: what is looked for first takes no time.
    if "://" in text:
        yield from _of_addresses(text)
    if _COMMAND in text:
        yield from _of_commands(text)
    for match in _BASIC.finditer(text):
        if len(match.group(1)) <= MAX and _counts(_password_of(match.group(1))):
            yield Span(match.start(1), match.end(1), PiiType.API_KEY, NEARBY)


def _of_addresses(text: str) -> Iterator[Span]:
    for match in _ADDRESS.finditer(text):
        written = match.group(1)
        if not text.startswith(_DIGESTS, match.end() - 1) and not _HOSTS.search(written) and _counts(unquote(written)):
            yield Span(match.start(1), match.end(1), PiiType.API_KEY, NEARBY)


def _of_commands(text: str) -> Iterator[Span]:
    for match in _OPTION.finditer(text):
        start, end = match.span(match.lastindex or 0)
        password = text[start:end].rstrip(_SIGNS)
        if _counts(password) and text.rfind(_COMMAND, max(0, match.start() - _NEAR), match.start()) >= 0:
            yield Span(start, start + len(password), PiiType.API_KEY, NEARBY)


def _counts(password: str) -> bool:
    """Whether it could be somebody's, as the name before it already says that it is a password."""
    return MIN_PASSWORD <= len(password) <= MAX and is_password(password)


def _password_of(encoded: str) -> str:
    """What stands behind the colon; empty if it is no name and password."""
    try:
        decoded = b64decode(
            encoded + "=" * (-len(encoded) % 4), altchars=b"-_" if set("-_") & set(encoded) else None, validate=True
        )
        return decoded.decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
