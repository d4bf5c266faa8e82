"""When a caller who was refused unread is told to come again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.extproc.events import BodyMode, BodyReceived, HeadersReceived
from router_extproc.extproc.replies import Immediate
from router_extproc.extproc.session import Session
from router_extproc.plugin import Plugin, Registry
from router_extproc.policy.load import compile_policy
from router_extproc.pools import PoolStats
from router_extproc.router import Router
from router_extproc.routing import Cost, Signal, SignalKind, SignalShape, Unknown, UnknownReason
from router_extproc.selectors.registry import SELECTORS
from router_extproc.signals.options import NoOptions
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from router_extproc.request import Request
    from router_extproc.routing import SignalResult

POLICY = """\
version: 1
pools: {small: {cluster: s}}
default: small
decisions:
  - {name: attacks, when: {signal: attack, minCoverage: 1}, onUnknown: deny, action: {reject: {status: 403, message: No.}}}
"""


class Attack:
    """A signal that is always the same."""

    name = "attack"
    cost = Cost.FIELD
    shape = SignalShape(SignalKind.FLAG, partial=True)

    def __init__(self, result: SignalResult) -> None:
        self._result = result

    def extract(self, _request: Request, /) -> SignalResult:
        """As it was made."""
        return self._result


def refused(result: SignalResult, chat: Any) -> Immediate:
    """What the caller gets."""
    registry: Registry[Any] = Registry("signal")
    registry.add(Plugin("attack", NoOptions, lambda _name, _options, _services: Attack(result), "Attack."))
    services = SignalServices()
    policy = compile_policy(POLICY, source="p", services=services, selectors=SELECTORS, extractors=registry).policy
    session = Session(Router(policy, services=services, stats=PoolStats()))
    session.receive(
        HeadersReceived({":method": "POST", ":path": "/v1/chat/completions"}, end_of_stream=False, mode=BodyMode.BUFFERED)
    )
    answer, _ = session.receive(BodyReceived(chat(), end_of_stream=True))
    assert isinstance(answer, Immediate)
    return answer


class TestRetryAfter:
    @pytest.mark.parametrize("reason", [UnknownReason.OVERLOADED, UnknownReason.DEADLINE])
    def test_soon_where_the_model_had_no_time(self, chat: Any, reason: UnknownReason) -> None:
        """A conversation that is new to this process gets further each time it is sent."""
        answer = refused(Unknown("attack", reason), chat)

        assert answer.status == 503
        assert answer.headers == (("retry-after", "1"),)

    @pytest.mark.parametrize(
        ("result", "status"),
        [
            pytest.param(Unknown("attack", UnknownReason.FAILED), 503, id="failed"),
            pytest.param(Unknown("attack", UnknownReason.UNAVAILABLE), 503, id="unavailable"),
            pytest.param(Signal("attack", 0.0, coverage=0.5), 503, id="more than is ever read"),
            pytest.param(Signal("attack", 1.0), 403, id="refused for what it is"),
        ],
    )
    def test_nothing_where_that_would_not_do(self, chat: Any, result: SignalResult, status: int) -> None:
        """It would be refused again."""
        answer = refused(result, chat)

        assert answer.status == status
        assert answer.headers == ()
