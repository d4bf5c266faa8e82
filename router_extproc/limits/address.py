"""Address: where the shared store is, and with which credentials. They come from a file or the environment, never from a command line."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

USERNAME = "ROUTER_EXTPROC_STATE_USERNAME"
PASSWORD = "ROUTER_EXTPROC_STATE_PASSWORD"  # noqa: S105 - a variable's name
_SCHEMES = frozenset({"redis", "rediss", "unix"})
_FORM = "redis://HOST:PORT/DB, rediss://HOST:PORT/DB (TLS) or unix:///PATH"


class AddressError(ValueError):
    """An address that cannot be used; the text says why and quotes nothing of it."""


def state_url(url: str, file: Path | None, environment: Mapping[str, str]) -> str:
    """The address with its credentials; empty if none is given. Raises AddressError, or OSError if the file cannot be read."""
    if url and file is not None:
        raise AddressError("give the address once: --state or --state-file")
    if file is not None:
        return _checked(file.read_text(encoding="utf-8").strip())
    if not url:
        return ""
    parts = urlsplit(_checked(url))
    if "@" in parts.netloc or "password=" in parts.query.lower():
        raise AddressError(
            f"credentials in a command line can be read by everyone on the machine: set {PASSWORD}, or use --state-file"
        )
    user, password = environment.get(USERNAME, ""), environment.get(PASSWORD, "")
    if not (user or password):
        return url
    credentials = f"{quote(user, safe='')}:{quote(password, safe='')}@"
    return urlunsplit((parts.scheme, credentials + parts.netloc, parts.path, parts.query, ""))


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES:
        raise AddressError(f"write {_FORM}")
    try:
        valid = bool(parts.path) if parts.scheme == "unix" else bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise AddressError(f"write {_FORM}")
    return url
