"""Prices: what a turn is likely to cost at a pool, and what it costs to leave the pool that has the prompt in its cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from router_extproc.sessions.state import cost_usd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router_extproc.pools import PoolStatistics
    from router_extproc.routing import ModelPool
    from router_extproc.sessions.state import SessionState

USUAL_OUTPUT = 500
"""Tokens of an answer of which nothing is known."""


@dataclass(frozen=True, slots=True)
class Prices:
    """For one request."""

    prompt_tokens: int
    limit: int | None
    """Most tokens that the caller takes."""
    statistics: Mapping[str, PoolStatistics]

    def output_tokens(self, pool: ModelPool) -> float:
        """Expected tokens of the answer: as long as the pool's answers were lately, never more than the caller takes.

        Of a pool that was not seen, as long as those of the others: nobody is cheaper because he is better known.
        """
        seen = self.statistics.get(pool.name)
        usual = seen.output_tokens if seen is not None else None
        if usual is None:
            others = [each.output_tokens for each in self.statistics.values() if each.output_tokens is not None]
            usual = sum(others) / len(others) if others else float(USUAL_OUTPUT)
        return usual if self.limit is None else min(usual, float(self.limit))

    def turn(self, pool: ModelPool, cached: float = 0.0) -> float:
        """Expected US dollars of this turn, when so many tokens of the prompt are in the pool's cache; 0 without a price."""
        return cost_usd(pool.price, self.prompt_tokens, self.output_tokens(pool), cached)

    def answer(self, pool: ModelPool, cached: float = 0.0) -> float:
        """Expected US dollars until there is an answer: a pool that answers every other time is asked twice."""
        seen = self.statistics.get(pool.name)
        return self.turn(pool, cached) / (max(1.0 - seen.error_rate, 0.01) if seen is not None else 1.0)

    def cheapest(self, pools: tuple[ModelPool, ...]) -> ModelPool | None:
        """The one with the cheapest turn; None if none has a price."""
        priced = [pool for pool in pools if pool.price is not None]
        return min(priced, key=self.turn) if priced else None


def cached_tokens(state: SessionState, prompt_tokens: int, idle_s: float, ttl_s: float) -> int:
    """Tokens of the prompt that the session's pool is likely to have in its cache.

    That is the prompt of the last turn, which this one begins with, as far as the pool was seen to find what could be there. After a pause
    that is longer than caches live, nothing; nor where the pool never told that it cached anything.
    """
    if idle_s > ttl_s or not state.cached_share:
        return 0
    return round(min(state.input_tokens, prompt_tokens) * state.cached_share)


def gain_usd(here: ModelPool, there: ModelPool, prices: Prices, cached: int, turns: int) -> float:
    """What so many turns cost less there, once each pool has as much of the prompt in its cache."""
    if here.price is None or there.price is None:
        return 0.0
    return turns * (prices.turn(here, cached) - prices.turn(there, cached))


def held_tokens(state: SessionState, there: ModelPool, prompt_tokens: int, now: float, ttl_s: float) -> int:
    """Tokens of the prompt that another pool is likely to have in its cache still, because the session was there before."""
    if there.name != state.left or now - state.left_at > ttl_s:
        return 0
    return min(state.left_tokens, prompt_tokens)


def loss_usd(there: ModelPool, prices: Prices, cached: int, held: int = 0) -> float:
    """What the first turn costs more there, because of the prompt only `held` tokens are in that pool's cache yet."""
    return max(0.0, prices.turn(there, held) - prices.turn(there, cached))
