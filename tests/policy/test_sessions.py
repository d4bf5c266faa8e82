"""What a policy says about sessions and pools that fail: compiled, or refused with place and cure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from router_extproc.breaker import circuit_options
from router_extproc.policy.load import compile_policy
from router_extproc.policy.problems import PolicyError
from router_extproc.policy.session_rules import (
    Budget,
    Escalation,
    Fallback,
    Order,
    Per,
    SessionRule,
    SessionSettings,
    Switch,
    WhenSpent,
)
from router_extproc.selectors.registry import SELECTORS
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from router_extproc.policy.compiled import Policy

HEAD = """\
version: 1
pools:
  small: {cluster: s, price: {input: 1, output: 2, cached: 0.1}}
  large: {cluster: l, price: {input: 10, output: 20}}
  free: {cluster: f}
  spare: {cluster: x}
"""


def compiled(route: str, more: str = "", candidates: str = "small, large") -> Policy:
    """The policy with this in its default route."""
    text = f"{HEAD}default: {{candidates: [{candidates}], {route}}}\n{more}"
    return compile_policy(text, source="p", services=SignalServices().for_policy(Path()), selectors=SELECTORS).policy


class TestCompiled:
    def test_everything(self) -> None:
        """Each key."""
        policy = compiled(
            "session: {switch: worth, expectedTurns: 7, scoreUsd: 0.01, cacheTtlSeconds: 60, "
            "escalate: {repeatedCalls: 2, failedResults: 4, reasks: 2, order: [large, small], holdTurns: 9}, "
            "budget: {per: task, usd: 1.5, tokens: 900, nearly: 0.5, then: reject, status: 402, message: Enough.}}, "
            "fallback: {order: cheapest, lastResort: spare}",
            "sessions: {header: X-Session, taskHeader: X-Task, ttlSeconds: 60}\n"
            "circuits: {failures: 2, pauseSeconds: 1.5, longestPauseSeconds: 3, probes: 4}\n",
        )
        route = policy.main.default

        assert route.session == SessionRule(
            Switch.WORTH,
            7,
            0.01,
            60.0,
            escalation=Escalation(2, 4, 2, ("large", "small"), 9),
            budget=Budget(Per.TASK, 1.5, 900, 0.5, WhenSpent.REJECT, 402, "Enough."),
        )
        assert route.fallback == Fallback(Order.CHEAPEST, last_resort="spare")
        assert policy.settings.sessions == SessionSettings("x-session", "x-task", 60.0)
        assert policy.settings.circuits == circuit_options(2, 1.5, 3.0, 4)
        assert policy.pools["small"].price is not None
        assert policy.pools["small"].price.cached == 0.1

    def test_the_stronger_is_the_dearer(self) -> None:
        """Unless the order is given."""
        route = compiled("session: {escalate: {}}", candidates="large, free, small").main.default

        assert route.session is not None
        assert route.session.escalation is not None
        assert route.session.escalation.order == ("free", "small", "large")

    @pytest.mark.parametrize(
        ("route", "more", "candidates", "message"),
        [
            pytest.param("session: {switch: never, scoreUsd: 1}", "", "small, large", "`scoreUsd` has no effect", id="never"),
            pytest.param("session: {override: true, expectedTurns: 2}", "", "small, large", "asks no price", id="override"),
            pytest.param("session: {}", "", "small", "only one candidate", id="one candidate"),
            pytest.param("session: {escalate: {}}", "", "free, spare", "no candidate has a price", id="no price to order by"),
            pytest.param("session: {escalate: {order: [small, spare]}}", "", "small, large", "is no candidate", id="order"),
            pytest.param(
                "session: {escalate: {repeatedCalls: 0, failedResults: 0, reasks: 0}}",
                "",
                "small, large",
                "no sign",
                id="no sign",
            ),
            pytest.param("session: {budget: {}}", "", "small, large", "bounds nothing", id="budget of nothing"),
            pytest.param("session: {budget: {usd: 1}}", "", "free, spare", "known to cost", id="dollars without prices"),
            pytest.param(
                "session: {budget: {usd: 1, then: cheapest, status: 402}}", "", "small, large", "nobody is refused", id="status"
            ),
            pytest.param("session: {budget: {usd: 1, per: task}}", "", "small, large", "names a task", id="no task header"),
            pytest.param("select: first", "sessions: {ttlSeconds: 9}\n", "small, large", "no route looks", id="unused sessions"),
            pytest.param(
                "session: {}", "sessions: {taskHeader: x-t}\n", "small, large", "no budget is a task's", id="unused task"
            ),
            pytest.param(
                "session: {}", "sessions: {header: x-router-pool}\n", "small, large", "is removed from", id="own header"
            ),
            pytest.param("session: {}", "sessions: {header: 'x y'}\n", "small, large", "not a header's name", id="no header"),
            pytest.param("select: first", "circuits: {probes: 2}\n", "small, large", "no route falls back", id="unused circuits"),
            pytest.param("fallback: {}", "circuits: {longestPauseSeconds: 1}\n", "small, large", "is less than", id="pauses"),
            pytest.param("fallback: {lastResort: spar}", "", "small, large", "unknown pool 'spar'", id="unknown last resort"),
            pytest.param("fallback: {lastResort: small}", "", "small, large", "is a candidate already", id="candidate"),
            pytest.param(
                "fallback: {lastResort: spare, onExhausted: try}", "", "small, large", "`onExhausted` has no effect", id="both"
            ),
            pytest.param("fallback: {order: cheapest}", "", "free, spare", "no candidate has a price", id="no price to go by"),
            pytest.param("session: {pin: true}", "", "small, large", "unknown key 'pin'", id="unknown key"),
        ],
    )
    def test_what_can_do_nothing_is_refused(self, route: str, more: str, candidates: str, message: str) -> None:
        """With its place in the file."""
        with pytest.raises(PolicyError) as caught:
            compiled(route, more, candidates)

        problems = [problem for problem in caught.value.errors if message in problem.message]
        assert problems
        assert problems[0].line > 1
