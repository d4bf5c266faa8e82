"""Health: which pools are to be asked now, by what their answers showed and by what Envoy says of their hosts."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from router_extproc.breaker import Breaker, circuit_options
from router_extproc.pools import MAX_POOLS, SERVER_ERROR, failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from router_extproc.breaker import BreakerOptions, BreakerReport
    from router_extproc.routing import ModelPool, Observation

CIRCUIT_OPEN = "circuit_open"
NO_HOSTS = "no_healthy_hosts"
_CLIENT_ERROR = 400
_FRESH_S = 30.0
"""Figures of Envoy's that are older say nothing: it is not asked any more, or does not answer."""
TRIAL_S = 60.0
"""How long a probe keeps its place when nothing is heard of it: its answer came from a cache, or its caller left."""


class Turns:
    """Transitions of one pool's circuit, by the state that it went to."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def turned(self, state: str) -> None:
        """Count one."""
        self.counts[state] = self.counts.get(state, 0) + 1


@dataclass(frozen=True, slots=True)
class Hosts:
    """Healthy hosts by Envoy cluster, and when they were counted."""

    healthy: Mapping[str, int]
    at: float
    """On the clock of PoolHealth."""


_NO_HOSTS: Mapping[str, int] = MappingProxyType({})


class PoolHealth:
    """The circuits of all pools. Safe from several threads; outlives policies, because pools do."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._options = circuit_options()
        self._circuits: dict[str, Breaker] = {}
        self.turns: dict[str, Turns] = {}
        """Transitions by pool."""
        self._hosts = Hosts(_NO_HOSTS, 0.0)

    def configure(self, options: BreakerOptions, pools: Iterable[str]) -> None:
        """Take a policy's settings. Pools that it no longer has are forgotten, and with other settings every circuit begins closed."""
        kept = frozenset(pools)
        with self._lock:
            changed = options != self._options
            self._options = options
            self._circuits = {} if changed else {name: each for name, each in self._circuits.items() if name in kept}
            self.turns = {name: each for name, each in self.turns.items() if name in kept}

    def observe(self, seen: Observation) -> None:
        """Learn from an answer. One that broke off tells nothing: perhaps its caller left; nor does one that the caller got wrong."""
        silent = not seen.complete and seen.status < _CLIENT_ERROR
        if silent or (_CLIENT_ERROR <= seen.status < SERVER_ERROR and not failed(seen)):
            circuit = self._circuits.get(seen.pool)
            if circuit is not None:
                circuit.passed()
        elif failed(seen):
            circuit = self._circuit(seen.pool)
            if circuit is not None:
                circuit.failed(f"status {seen.status}")
        elif (circuit := self._circuits.get(seen.pool)) is not None:
            circuit.succeeded()

    def learn(self, healthy: Mapping[str, int]) -> None:
        """Take Envoy's count of healthy hosts by cluster."""
        self._hosts = Hosts(MappingProxyType(dict(healthy)), self._clock())

    def hosts(self) -> Mapping[str, int]:
        """Healthy hosts by cluster, as far as that is known and fresh."""
        hosts = self._hosts
        return hosts.healthy if self._clock() - hosts.at <= _FRESH_S else _NO_HOSTS

    def barred(self, pool: ModelPool) -> str:
        """Why the pool is not to be asked now, `circuit_open` or `no_healthy_hosts`; empty where it is. Takes no probe's place."""
        if self.hosts().get(pool.cluster, 1) <= 0:
            return NO_HOSTS
        circuit = self._circuits.get(pool.name)
        return CIRCUIT_OPEN if circuit is not None and not circuit.would_admit() else ""

    def admits(self, pool: ModelPool) -> str:
        """The same for a request that goes there if it may: where the circuit is half-open, it is a probe."""
        if self.hosts().get(pool.cluster, 1) <= 0:
            return NO_HOSTS
        circuit = self._circuits.get(pool.name)
        return CIRCUIT_OPEN if circuit is not None and not circuit.admits(self._clock() + TRIAL_S) else ""

    def reports(self) -> Mapping[str, BreakerReport]:
        """How the circuits stand, by pool; pools that never failed are not among them."""
        return {name: circuit.report for name, circuit in dict(self._circuits).items()}

    def _circuit(self, pool: str) -> Breaker | None:
        circuit = self._circuits.get(pool)
        if circuit is not None:
            return circuit
        with self._lock:
            if pool not in self._circuits and len(self._circuits) < MAX_POOLS:
                turns = self.turns.setdefault(pool, Turns())
                self._circuits[pool] = Breaker(pool, self._options, turns, self._clock, what="pool")
            return self._circuits.get(pool)
