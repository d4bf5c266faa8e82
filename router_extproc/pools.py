"""Pools: what model pools showed lately, learned from observed responses."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from router_extproc.routing import Observation

MAX_POOLS = 1000
"""More are not kept; a policy holds fewer."""

SERVER_ERROR = 500
CLIENT_ERROR = 400

REFUSALS = frozenset({401, 403, 404, 408, 429})
"""Statuses below 500 by which a pool does not serve what it is sent: the key is refused, the model is not loaded, it is too busy."""

_FORGOTTEN = 2.0**-20
"""A mean that weighs less is told no longer: it is old, and on its way to numbers too small to be divided."""


@dataclass(frozen=True, slots=True)
class PoolStatistics:
    """What one pool showed, older responses counting less. Figures that were never seen are None."""

    responses: float = 0.0
    """How many responses the figures rest on, each weighing less as it ages."""
    error_rate: float = 0.0
    """Share of responses that were 5xx or a refusal (401, 403, 404, 408, 429), or that broke off, in [0, 1]."""
    time_to_first_token_s: float | None = None
    tokens_per_second: float | None = None
    """Output tokens of one stream: the harmonic mean, so that tokens over it are the mean of the times that they took."""
    duration_s: float | None = None
    output_tokens: float | None = None
    """Mean length of an answer."""
    seen_at: float = 0.0
    """When the last response was observed, on the clock of PoolStats."""


@dataclass(slots=True)
class _Average:
    """A mean in which a value loses half its weight every half-life."""

    total: float = 0.0
    weight: float = 0.0

    def add(self, value: float | None, decay: float) -> None:
        self.total *= decay
        self.weight *= decay
        if value is not None:
            self.total += value
            self.weight += 1.0

    @property
    def mean(self) -> float | None:
        return self.total / self.weight if self.weight > _FORGOTTEN else None


class _Pool:
    """The figures of one pool while they change."""

    __slots__ = ("duration", "errors", "output", "pace", "seen_at", "ttft")

    def __init__(self, now: float) -> None:
        self.errors, self.ttft, self.pace, self.duration, self.output = (_Average() for _ in range(5))
        self.seen_at = now

    def add(self, seen: Observation, now: float, half_life: float) -> None:
        decay = math.exp2(-max(0.0, now - self.seen_at) / half_life)
        bad = failed(seen)
        self.errors.add(1.0 if bad else 0.0, decay)
        self.ttft.add(seen.time_to_first_token_s, decay)
        self.pace.add(1 / seen.tokens_per_second if seen.tokens_per_second else None, decay)
        self.duration.add(None if bad else seen.duration_s, decay)
        self.output.add(seen.output_tokens, decay)
        self.seen_at = now

    def statistics(self) -> PoolStatistics:
        pace = self.pace.mean
        return PoolStatistics(
            responses=self.errors.weight,
            error_rate=self.errors.mean or 0.0,
            time_to_first_token_s=self.ttft.mean,
            tokens_per_second=1 / pace if pace else None,
            duration_s=self.duration.mean,
            output_tokens=self.output.mean,
            seen_at=self.seen_at,
        )


def failed(seen: Observation) -> bool:
    """Whether the pool did not serve what it was sent."""
    return seen.status >= SERVER_ERROR or seen.status in REFUSALS or not seen.complete


_EMPTY: Mapping[str, PoolStatistics] = MappingProxyType({})


class PoolStats:
    """Statistics of all pools. Written by observations, read as snapshots; safe from several threads."""

    def __init__(self, *, half_life_s: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._half_life = half_life_s
        self._clock = clock
        self._lock = threading.Lock()
        self._pools: dict[str, _Pool] = {}
        self._snapshot = _EMPTY

    def observe(self, seen: Observation) -> None:
        """Learn from one response. One that calls the request wrong (400, 422, ...) tells nothing of the pool."""
        if CLIENT_ERROR <= seen.status < SERVER_ERROR and not failed(seen):
            return
        now = self._clock()
        with self._lock:
            pool = self._pools.get(seen.pool)
            if pool is None:
                if len(self._pools) >= MAX_POOLS:
                    return
                pool = self._pools[seen.pool] = _Pool(now)
            pool.add(seen, now, self._half_life)
            self._snapshot = MappingProxyType({**self._snapshot, seen.pool: pool.statistics()})

    def snapshot(self) -> Mapping[str, PoolStatistics]:
        """What is known now, by pool name. Never changes; a later call gives a later one."""
        return self._snapshot

    def keep(self, names: Iterable[str]) -> None:
        """Forget pools that a new policy no longer has."""
        kept = frozenset(names)
        with self._lock:
            self._pools = {name: pool for name, pool in self._pools.items() if name in kept}
            self._snapshot = MappingProxyType({name: pool.statistics() for name, pool in self._pools.items()})
