"""Mail addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import re2

from router_extproc.encoders.scores import Span
from router_extproc.pii.context import joins
from router_extproc.pii.kinds import CERTAIN, PiiType

if TYPE_CHECKING:
    from collections.abc import Iterator

_LATIN = r"A-Za-z\x{c0}-\x{24f}\x{300}-\x{36f}"
_OTHER = (
    r"\p{Greek}\p{Cyrillic}\p{Armenian}\p{Hebrew}\p{Arabic}\p{Devanagari}\p{Bengali}\p{Gujarati}\p{Gurmukhi}\p{Tamil}\p{Telugu}"
)
"""Other scripts with spaces between words: without them, nothing tells where an address begins."""
_UNSPACED = (
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}A-Za-z\d.\-]*"
    r"\.(?:中国|中國|公司|网络|網路|网址|在线|香港|台灣|台湾|新加坡|한국|닷컴|みんな|コム)"
)
"""A domain in a script without such spaces, which must end as one does."""
_DOMAIN = rf"(?:[{_LATIN}{_OTHER}\d][{_LATIN}{_OTHER}\d.\-]*\.(?:xn--[A-Za-z\d\-]+|[{_LATIN}]+|[{_OTHER}]+)|{_UNSPACED})"
_ADDRESS = re2.compile(rf"(?:[{_LATIN}\d_][{_LATIN}\d_.%+&'\-]*|[{_OTHER}\d_][{_OTHER}\d_.%+&'\-]*)@{_DOMAIN}")
_IN_URL = re2.compile(rf"(?i)(?:%[0-9a-f]{{2}})?((?:[{_LATIN}{_OTHER}\d_.+'\-]|%2b)+(?:@|%40){_DOMAIN})")
"""There, `&` parts the fields of a query, and other signs are written as two digits."""
_AT = re2.compile(r"@|%40")
_MAX_LOCAL = 64
_MAX_DOMAIN = 253
_TOP_LEVEL = range(2, 25)
"""Letters of the last part."""
_FILES = frozenset(
    {"png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "css", "js", "ts", "scss", "pdf", "html", "json", "service"}
)
"""Endings of names such as icon@2x.png and unit@tty.service."""
_FORGE = re2.compile(r"(?i)(?:^|\.)(?:git(?:hub|lab|ea|ee)?|bitbucket|codeberg|azure|ssh)\.")
"""Hosts of repositories, whose `git@` is nobody's address."""
_PATH = re2.compile(r"^:(?:[/~]|[\pL\d_.\-]+/[\pL\d_./~\-]*(?:[\s\"'`<>()\[\],;]|$)|[\pL\d_.\-]+\.git\b)")
"""Behind the host of a remote; a lone word there is a password more often than a file."""
_COPY = re2.compile(r"(?i)(?:^|[^\pL\d])(?:scp|rsync|sftp|sshfs|git)\s[^\n]*$")
_COMMAND = 120
"""Characters before an address in which a command may stand that copies files."""


def find(text: str) -> Iterator[Span]:
    """Addresses with a full domain; those of example domains too, but no file names and no Git remotes."""
    for match in _ADDRESS.finditer(text):
        start, end = match.span()
        if text[end : end + 1] == "_":
            start, end = _unemphasised(text, start, end)
        if _is_address(text, start, end, "@") and not _is_remote(text, start, end):
            yield Span(start, end, PiiType.EMAIL, CERTAIN)


def in_url(text: str, url: Span) -> Iterator[Span]:
    """Addresses within a web address: in a query, a path, or as the user at its host, if no password is told with it."""
    address = text[url.start : url.end]
    if not _AT.search(address):
        return
    login = _login(address)
    for match in _IN_URL.finditer(address):
        start, end = match.span(1)
        if _is_address(address, start, end, "@" if "@" in match.group(1) else "%40") and not login.holds(address, start):
            yield Span(url.start + start, url.start + end, PiiType.EMAIL, CERTAIN)


def _unemphasised(text: str, start: int, end: int) -> tuple[int, int]:
    """Without the lines below that Markdown sets around it; if the word goes on, the end stays."""
    behind = text[end : end + 3].lstrip("_")
    if joins(behind[:1]):
        return start, end
    while text[start] == "_" and text[start + 1] != "@":
        start += 1
    return start, end


def _is_address(text: str, start: int, end: int, at: str) -> bool:
    """Whether its parts have the lengths of an address's, and it is no file."""
    local, _, domain = text[start:end].partition(at)
    if len(local) > _MAX_LOCAL or len(domain) > _MAX_DOMAIN or local.endswith((".", ".git")) or ".." in text[start:end]:
        return False
    top = domain.rpartition(".")[2].lower()
    return top not in _FILES and len(top) in _TOP_LEVEL and not _goes_on(text, end)


def _goes_on(text: str, end: int) -> bool:
    """Whether the word does not end there; one line below or several may be Markdown's."""
    behind = text[end : end + 3].lstrip("_")
    return joins(behind[:1]) or behind[:1] == "@"


def _is_remote(text: str, start: int, end: int) -> bool:
    """Whether it is where a repository or an upload goes: git@host:path."""
    local, _, domain = text[start:end].partition("@")
    behind = text[end : end + _COMMAND]
    if local == "git" and (behind[:1] == ":" or _FORGE.search(domain)):
        return True
    if behind[:1] != ":" or not behind[1:2].strip() or behind[1:2].isdigit():
        return False
    return _PATH.search(behind) is not None or _COPY.search(text[max(0, start - _COMMAND) : start]) is not None


class _Login(NamedTuple):
    """Where a web address may have a user's name and a password: between its scheme and its path."""

    start: int
    end: int
    colon: int
    """The first one in it; its end, if it has none."""

    def holds(self, address: str, start: int) -> bool:
        """Whether what begins there is a password at a host, or `git` at one."""
        return self.start <= start <= self.end and (self.colon < start or address.startswith("git@", start))


def _login(address: str) -> _Login:
    """Told once for all mail addresses in a web address, of which there may be thousands."""
    slash = address.find("/")
    if slash < 1 or not address.startswith("://", slash - 1):
        return _Login(0, -1, 0)
    start = slash + 2
    end = min((at for sign in "/?#" if (at := address.find(sign, start)) >= 0), default=len(address))
    colon = address.find(":", start, end)
    return _Login(start, end, colon if colon >= 0 else end)
