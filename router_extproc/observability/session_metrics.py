"""Session metrics: what became of turns, what is remembered of sessions, and how pools fare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.registry import Collector

from router_extproc.observability.tally import counter, gauge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

    from router_extproc.envoy_admin import AskFigures
    from router_extproc.health import PoolHealth
    from router_extproc.observability.tally import Counts
    from router_extproc.routing import Outcome
    from router_extproc.sessions.sessions import Sessions

_NAME = "router_extproc_"


class SessionCollector(Collector):
    """Figures that the sessions and the pools' health keep."""

    def __init__(self, sessions: Sessions, health: PoolHealth, envoy: AskFigures | None) -> None:
        """`envoy` is None where Envoy is not asked."""
        self._envoy = envoy
        self._memory = sessions.memory
        self._shared = sessions.shared
        self._health = health

    def collect(self) -> Iterator[Metric]:
        """Everything, as Prometheus wants it. Clusters are those of Envoy, pools those of the policy: few, and known to the operator."""
        yield gauge(f"{_NAME}sessions", "Sessions and tasks that are remembered.", (), {(): len(self._memory)})
        text = "Sessions that made place for others before their time."
        yield counter(f"{_NAME}session_evictions", text, (), {(): self._memory.evicted})
        lost = dict(self._shared.figures.failures) if self._shared is not None else {}
        text = "Calls of the shared store of sessions without an answer."
        yield counter(f"{_NAME}session_store_failures", text, ("reason",), {(reason,): count for reason, count in lost.items()})
        states: dict[tuple[str, ...], float] = {
            (name,): float(report.state.rank) for name, report in self._health.reports().items()
        }
        text = "0: closed, 1: half-open, 2: open, it is not asked."
        yield gauge(f"{_NAME}pool_circuit_state", text, ("pool",), states)
        turns: dict[tuple[str, ...], float] = {
            (name, state): float(count)
            for name, each in dict(self._health.turns).items()
            for state, count in dict(each.counts).items()
        }
        yield counter(f"{_NAME}pool_circuit_transitions", "Transitions of pools' circuits.", ("pool", "to"), turns)
        hosts: dict[tuple[str, ...], float] = {(name,): float(count) for name, count in self._health.hosts().items()}
        yield gauge(f"{_NAME}cluster_healthy_hosts", "Healthy hosts, as Envoy counts them.", ("cluster",), hosts)
        envoy = self._envoy
        up: dict[tuple[str, ...], float] = {(): float(envoy.up)} if envoy is not None else {}
        yield gauge(f"{_NAME}envoy_admin_up", "1 if Envoy's admin port tells healthy hosts.", (), up)
        failures: dict[tuple[str, ...], float] = {
            (reason,): float(count) for reason, count in dict(envoy.failures if envoy else {}).items()
        }
        yield counter(f"{_NAME}envoy_admin_failures", "Times that it did not.", ("reason",), failures)


def turn_counts(outcome: Outcome, turns: Counts, reroutes: Counts) -> None:
    """Count what became of a turn, and which pools were left."""
    note = outcome.session
    if note is not None:
        turns.add((outcome.decision.name, note.move, note.budget))
    for each in outcome.reroutes:
        reroutes.add((each.pool, each.why, "rerouted" if each.to else "refused" if outcome.selection is None else "tried"))
