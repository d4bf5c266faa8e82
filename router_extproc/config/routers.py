"""Routers: the one that a stream gets: the policy in force, with a canary beside it if there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.router.canary import Canary

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.config.store import PolicyStore
    from router_extproc.request import Request
    from router_extproc.router import Router


class Routers:
    """Made anew when one of the two policies was. Called on one thread."""

    def __init__(self, store: PolicyStore, canary: PolicyStore | None, share: float, key: Callable[[Request], str]) -> None:
        self._store = store
        self._canary = canary
        self._share = share
        self._key = key
        self._made: tuple[Router, Router, Router] | None = None
        """The policy's, the canary's, and what was made of them."""

    def current(self) -> Router:
        """The router for a stream that begins now."""
        router = self._store.router
        if self._canary is None:
            return router
        other = self._canary.router
        if self._made is None or self._made[0] is not router or self._made[1] is not other:
            self._made = (router, other, router.beside(Canary(other, self._share, self._key)))
        return self._made[2]
