"""Encoding: compressed request bodies, read within bounds."""

from __future__ import annotations

import zlib

from router_extproc.errors import RequestRefusedError
from router_extproc.routing import Reason

_GZIP = 16 + zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS
READABLE = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})


def is_readable(encoding: str) -> bool:
    """Whether a `content-encoding` header names something that `decoded` can read."""
    return encoding.strip().lower() in READABLE


def decoded(body: bytes, encoding: str, *, limit: int) -> bytes:
    """The body as the caller wrote it, at most `limit` bytes. `encoding` must be readable.

    Raises RequestRefusedError: CORRUPT_ENCODING, or BODY_TOO_LARGE without having read more than `limit`.
    """
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return body
    if name == "deflate":
        return _deflate(body, limit)
    return _members(body, limit)


def _members(body: bytes, limit: int) -> bytes:
    """gzip, which may be several members one after the other (RFC 1952, 2.2)."""
    parts: list[bytes] = []
    left = limit
    while body or not parts:
        part, body = _inflated(body, _GZIP, left)
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _deflate(body: bytes, limit: int) -> bytes:
    """`deflate` is zlib by the standard (RFC 9110, 8.4.1.2) and raw deflate by the habit of some clients."""
    try:
        text, rest = _inflated(body, zlib.MAX_WBITS, limit)
    except RequestRefusedError as error:
        if error.reason is not Reason.CORRUPT_ENCODING:
            raise
        text, rest = _inflated(body, _RAW, limit)
    if rest:
        raise _corrupt()
    return text


def _inflated(body: bytes, wbits: int, limit: int) -> tuple[bytes, bytes]:
    """One compressed stream's text, and the bytes after it."""
    reader = zlib.decompressobj(wbits)
    try:
        text = reader.decompress(body, limit + 1)
    except zlib.error:
        raise _corrupt() from None
    if len(text) > limit:
        raise RequestRefusedError(
            Reason.BODY_TOO_LARGE, f"The request body is larger than {limit} bytes once it is decompressed.", status=413
        )
    if not reader.eof:
        raise _corrupt()
    return text, reader.unused_data


def _corrupt() -> RequestRefusedError:
    return RequestRefusedError(Reason.CORRUPT_ENCODING, "The request body is not what its content-encoding says.")
