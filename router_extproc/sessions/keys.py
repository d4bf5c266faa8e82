"""Keys: sessions and tasks as keyed hashes, so that no store, log or metric learns what callers call them."""

from __future__ import annotations

import secrets
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router_extproc.request import Request

LEAST_SECRET = 16
_SIZE = 16


class SessionKeys:
    """Hashes with one secret. Replicas that share sessions must share it."""

    def __init__(self, secret: bytes | None = None) -> None:
        """None: a secret of this process's own."""
        # A key has at most 64 bytes: the digest always fits. The tag keeps it apart from what else is keyed with the same secret.
        self._key = blake2b(secret or secrets.token_bytes(32), digest_size=32, person=b"router-session").digest()

    def session(self, request: Request, raw: str, thread: str = "") -> bytes:
        """The key of a session, or of a thread of it, 16 bytes. Who calls is part of it: nobody gets at another's session by its name."""
        return self._hash("s", request, f"{raw}\0{thread}" if thread else raw)

    def task(self, request: Request, raw: str) -> bytes:
        """The key of a task, 16 bytes."""
        return self._hash("t", request, raw)

    def _hash(self, kind: str, request: Request, raw: str) -> bytes:
        caller = request.envelope.caller
        text = f"{kind}\0{caller.tenant}\0{caller.user}\0{raw}"
        return blake2b(text.encode(errors="surrogatepass"), digest_size=_SIZE, key=self._key).digest()
