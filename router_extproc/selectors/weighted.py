"""Weighted: a split by the candidates' weights, by chance or, for one session or user, always the same way."""

from __future__ import annotations

import hashlib
import math
import random
from typing import TYPE_CHECKING, Annotated

from pydantic import StringConstraints

from router_extproc.selectors.options import Options
from router_extproc.selectors.profile import Profile
from router_extproc.sessions.identity import identified

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router_extproc.request import Request
    from router_extproc.routing import Candidate
    from router_extproc.selectors.selector import Choice, Selector
    from router_extproc.selectors.services import SelectorServices


class WeightedOptions(Options):
    """How the split is made."""

    sticky_by: Annotated[
        str, StringConstraints(pattern=r"^(none|user|tenant|session|header:[a-z0-9!#$%&'*+.^_`|~-]{1,128})$")
    ] = "none"
    """What always goes the same way: `session`, `user`, `tenant`, `header:NAME`; `none` leaves each request to chance."""
    salt: Annotated[str, StringConstraints(max_length=64)] = ""
    """Another salt makes another split: for a second experiment that must not follow the first."""


class Share:
    """Scores by weight: a candidate's share of the whole."""

    name = "share"

    def score(self, candidates: Sequence[Candidate], _choice: Choice, /) -> Sequence[float]:
        """Shares, in [0, 1], that add up to 1."""
        total = sum(candidate.weight for candidate in candidates)
        return [candidate.weight / total for candidate in candidates]


class Draw:
    """Picks by chance, each candidate as often as its weight says."""

    def __init__(self, source: random.Random) -> None:
        self._source = source

    def pick(self, scored: Sequence[tuple[Candidate, float]], _choice: Choice, /) -> Candidate:
        """One of them."""
        return self._source.choices([candidate for candidate, _ in scored], [share for _, share in scored])[0]

    def chances(self, scored: Sequence[tuple[Candidate, float]], _choice: Choice, /) -> Sequence[float]:
        """The shares of those that are left."""
        total = sum(share for _, share in scored)
        return [share / total for _, share in scored]


class Sticky:
    """Picks the same candidate for the same key: weighted rendezvous hashing.

    Changing one weight moves only the share that it must (Schindelhauer and Schomaker, Weighted Distributed Hash Tables, SPAA 2005).
    A request without a key is left to chance.
    """

    def __init__(self, by: str, salt: str, source: random.Random) -> None:
        self._by = by
        # A key has at most 64 bytes, a salt as many characters: its digest always fits.
        self._key = hashlib.blake2b(salt.encode(), digest_size=16).digest()
        self._draw = Draw(source)

    def pick(self, scored: Sequence[tuple[Candidate, float]], choice: Choice, /) -> Candidate:
        """The one with the lowest distance to the key."""
        key = sticky_key(choice.request, self._by)
        if not key:
            return self._draw.pick(scored, choice)
        return min(scored, key=lambda pair: self._distance(key, pair[0].pool.name, pair[1]))[0]

    def chances(self, scored: Sequence[tuple[Candidate, float]], choice: Choice, /) -> Sequence[float]:
        """The shares, over all keys."""
        return self._draw.chances(scored, choice)

    def _distance(self, key: str, pool: str, share: float) -> float:
        if share <= 0:  # a weight so small beside the others that its share is no number
            return math.inf
        digest = hashlib.blake2b(f"{pool}\0{key}".encode(errors="surrogatepass"), digest_size=8, key=self._key).digest()
        uniform = (int.from_bytes(digest) + 0.5) / 2**64
        return -math.log(uniform) / share


def sticky_key(request: Request, by: str) -> str:
    """What identifies the user, tenant, session or header value of a request; empty if nothing does."""
    caller = request.envelope.caller
    if by == "user":
        return caller.user or request.end_user
    if by == "tenant":
        return caller.tenant
    if by.startswith("header:"):
        return request.envelope.headers.get(by.removeprefix("header:"), "")
    session = identified(request)
    return session.raw if session is not None else caller.user or request.end_user


def build(options: WeightedOptions, candidates: tuple[Candidate, ...], _services: SelectorServices) -> Selector:
    """The selector for these candidates."""
    return build_from(options, candidates, random.Random())  # noqa: S311 - a traffic split, not a secret


def build_from(options: WeightedOptions, candidates: tuple[Candidate, ...], source: random.Random) -> Selector:
    """The same, with a given source of chance."""
    picker = Draw(source) if options.sticky_by == "none" else Sticky(options.sticky_by, options.salt, source)
    return Profile("weighted", candidates, [(Share(), 1.0)], picker)
