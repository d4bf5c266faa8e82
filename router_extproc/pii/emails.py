"""Mail addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from router_extproc.encoders.scores import Span
from router_extproc.pii.context import joins
from router_extproc.pii.kinds import CERTAIN, PiiType

if TYPE_CHECKING:
    from collections.abc import Iterator

_LETTER = r"A-Za-z\x{c0}-\x{24f}"
_ADDRESS = re2.compile(rf"[{_LETTER}\d_][{_LETTER}\d_.%+'\-]*@[{_LETTER}\d][{_LETTER}\d.\-]*\.(?:xn--[A-Za-z\d\-]+|[{_LETTER}]+)")
_MAX_LOCAL = 64
_MAX_DOMAIN = 253
_TOP_LEVEL = range(2, 25)
"""Letters of the last part."""
_FILES = frozenset(
    {"png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "css", "js", "ts", "scss", "pdf", "html", "json", "service"}
)
"""Endings of names such as icon@2x.png and unit@tty.service."""


def find(text: str) -> Iterator[Span]:
    """Addresses with a full domain; those of example domains too, but no file names and no Git remotes."""
    for match in _ADDRESS.finditer(text):
        start, end = match.span()
        local, _, domain = match.group().partition("@")
        if len(local) > _MAX_LOCAL or len(domain) > _MAX_DOMAIN or _is_remote(local, text[end : end + 2]):
            continue
        top = domain.rpartition(".")[2].lower()
        if top in _FILES or len(top) not in _TOP_LEVEL or joins(text[end : end + 1]) or text[end : end + 1] == "@":
            continue
        if local.endswith(".") or ".." in match.group():
            continue
        yield Span(start, end, PiiType.EMAIL, CERTAIN)


def _is_remote(local: str, behind: str) -> bool:
    """Whether it is where a repository or an upload goes: git@host:path."""
    return local == "git" or (behind[:1] == ":" and (behind[1:].isalpha() or behind[1:] in {"/", "~"}))
