"""Session metrics: moves, reroutes, circuits and hosts."""

from __future__ import annotations

from router_extproc.health import PoolHealth
from router_extproc.hooks import RouteDetails
from router_extproc.observability.metrics import Metrics
from router_extproc.routing import Decision, ModelPool, Observation, Outcome, Reason, Selection, Verdict
from router_extproc.sessions.identity import Source
from router_extproc.sessions.note import Move, Reroute, SessionNote, Spent
from router_extproc.sessions.sessions import Sessions
from router_extproc.sessions.state import Turn


class TestSessionMetrics:
    def test_tells_all(self) -> None:
        """By closed words, pools and clusters; no session is a label."""
        metrics, sessions, health = Metrics(), Sessions(), PoolHealth()
        metrics.watch_sessions(sessions, health)
        sessions.memory.take(b"k", Turn("small", 0.0, 0, sessions.memory.clock()))
        for _ in range(5):
            health.observe(Observation("1", "small", "m", 503))
        health.learn({"pool-small": 0})
        note = SessionNote("ab", Source.HEADER, 2, Move.ESCALATED, budget=Spent.OK)
        large = Selection(ModelPool("large", "l", "m"), "m")
        for selection, to in ((large, "large"), (large, ""), (None, "")):
            reroutes = (Reroute("small", "circuit_open", to),)
            outcome = Outcome("1", Verdict.ROUTE, Decision("hard", Reason.RULE), selection, session=note, reroutes=reroutes)
            metrics.routed(RouteDetails(outcome, None, "openai_chat", "buffered", 1, 0.1))
        told = metrics.text().decode()

        for line in (
            'router_extproc_session_turns_total{budget="ok",decision="hard",move="escalated"} 3.0',
            'router_extproc_reroutes_total{pool="small",reason="circuit_open",result="rerouted"} 1.0',
            'router_extproc_reroutes_total{pool="small",reason="circuit_open",result="tried"} 1.0',
            'router_extproc_reroutes_total{pool="small",reason="circuit_open",result="refused"} 1.0',
            "router_extproc_sessions 1.0",
            'router_extproc_pool_circuit_state{pool="small"} 2.0',
            'router_extproc_pool_circuit_transitions_total{pool="small",to="open"} 1.0',
            'router_extproc_cluster_healthy_hosts{cluster="pool-small"} 0.0',
        ):
            assert line in told
