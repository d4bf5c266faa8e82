"""Canary: another policy that decides a share of the sessions, so that both can be compared under the same traffic."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.request import Request
    from router_extproc.router.router import Router


@dataclass(frozen=True, slots=True)
class Canary:
    """The other policy's router, and who gets it."""

    router: Router
    share: float
    """Of sessions, in [0, 1]."""
    key: Callable[[Request], str]
    """What tells sessions apart; a request without one is left to chance."""
    source: random.Random = field(default_factory=random.Random, compare=False)

    def takes(self, request: Request) -> bool:
        """Whether this request is its. A session stays with one policy, in all replicas and after restarts, as long as the share does.

        Where the share grows, those that were the canary's stay so.
        """
        key = self.key(request)
        if not key:
            return self.source.random() < self.share
        digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8, person=b"canary").digest()
        return int.from_bytes(digest) < self.share * 2**64
