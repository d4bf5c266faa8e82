"""Paths: which of a router's known paths a request's path means, however it is written."""

from __future__ import annotations

import posixpath
import re
from functools import lru_cache
from urllib.parse import unquote

_PARAMETERS = re.compile(r";[^/]*")

_CACHED_LENGTH = 200
"""Longer paths are not kept: callers choose them, and the cache is bounded in bytes too."""


def normalised(path: str) -> str:
    """The path as a lenient model server would read it: no query, escapes, parameters, double slashes, dots or capitals.

    Servers and frameworks differ in which of these they accept, and a path that only the server recognises would pass a guard by.
    """
    bare = path.partition("?")[0].partition("#")[0]
    return _cached(bare) if len(bare) <= _CACHED_LENGTH else _plain(bare)


def _plain(bare: str) -> str:
    for _ in range(3):
        plain = unquote(bare)
        if plain == bare:
            break
        bare = plain
    bare = _PARAMETERS.sub("", bare.replace("\\", "/"))
    return "/" + posixpath.normpath("/" + bare).strip("/").lower()


_cached = lru_cache(maxsize=1024)(_plain)
