"""Words in long texts: looked for in a thread, and never unknown."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import wait
from math import inf
from typing import TYPE_CHECKING

import pytest

from router_extproc.limits.memory import MemoryStore
from router_extproc.policy.load import compile_policy
from router_extproc.pools import PoolStats
from router_extproc.request import Message, Part, PartKind, Request, Role
from router_extproc.router import Router
from router_extproc.routing import Reason, Verdict
from router_extproc.selectors.registry import SELECTORS
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from collections.abc import Iterator

POLICY = """\
version: 1
pools: {small: {cluster: s}, large: {cluster: l}}
default: small
signals:
  forbidden: {type: keyword, any: [mellon]}
decisions:
  - {name: no, when: forbidden, action: {reject: {status: 403}}}
"""
LIMITED = """\
rateLimits:
  - {name: words, per: [model], requests: 1, window: 1h, when: forbidden}
"""
LONG = "\ufb03" * 300_000
"""Ligatures, each of which becomes three letters."""


@pytest.fixture
def services() -> Iterator[SignalServices]:
    """Whose threads end."""
    services = SignalServices()
    yield services
    services.lengthy.lanes.close()


@pytest.fixture
def router(services: SignalServices) -> Router:
    """One that refuses a word."""
    return made(POLICY, services)


def made(text: str, services: SignalServices, store: MemoryStore | None = None) -> Router:
    """The policy's."""
    result = compile_policy(text, source="p.yaml", services=services, selectors=SELECTORS)
    return Router(result.policy, services=services, stats=PoolStats(), store=store)


def asked(text: str) -> Request:
    """A request that says so."""
    return Request("openai_chat", "auto", (Message(Role.USER, (Part(PartKind.TEXT, text),)),))


class TestLongTexts:
    @pytest.mark.parametrize(("end", "status"), [(" mellon", 403), (" melon", None)])
    def test_are_searched_in_a_thread(self, router: Router, end: str, status: int | None) -> None:
        """The walk goes on when that is done, at the same rule."""
        routing = router.begin(asked(LONG + end))

        assert routing.step() is None
        wait(routing.work)
        outcome = routing.step()
        assert outcome is not None
        assert outcome.status == (status or outcome.status)
        assert outcome.verdict is (Verdict.REJECT if status else Verdict.ROUTE)
        assert any(thread.name.startswith("words") for thread in threading.enumerate())

    def test_are_waited_for_past_the_deadline(self, router: Router) -> None:
        """A long text does not get past a rule."""
        routing = router.begin(asked(LONG + " mellon"))
        assert routing.step() is None
        routing.signals.deadline = 0.0

        assert routing.remaining_s() == inf
        outcome = routing.give_up()
        while outcome is None:
            wait(routing.work)
            outcome = routing.give_up()
        assert (outcome.verdict, outcome.decision.name) == (Verdict.REJECT, "no")

    def test_are_searched_at_once_where_no_thread_can(self, router: Router, services: SignalServices) -> None:
        """As with a queue that is full."""
        services.lengthy.lanes.close()
        outcome = router.begin(asked(LONG + " mellon")).step()

        assert outcome is not None
        assert outcome.decision.name == "no"

    def test_short_ones_are_searched_at_once(self, router: Router) -> None:
        """A thread would cost more."""
        outcome = router.begin(asked("speak mellon and enter")).step()

        assert outcome is not None
        assert outcome.decision.name == "no"

    def test_those_who_may_block_wait(self, router: Router) -> None:
        """Offline."""
        assert router.route(asked(LONG + " mellon")).decision.name == "no"
        assert router.explain(asked(LONG + " mellon")).outcome.decision.name == "no"

    def test_rate_limits_wait_for_them(self, services: SignalServices) -> None:
        """A limit that asks for a word counts the request, and the next is refused."""
        policy = POLICY.replace("decisions:\n  - {name: no, when: forbidden, action: {reject: {status: 403}}}\n", "") + LIMITED
        router = made(policy, services, MemoryStore())
        reasons = []
        for _ in range(2):
            routing = router.begin(asked(LONG + " mellon"))
            outcome = routing.step()
            assert outcome is None
            while outcome is None:
                assert routing.remaining_s() == inf
                wait(routing.work)
                outcome = routing.step()
            reasons.append(outcome.decision.reason)

        assert reasons == [Reason.DEFAULT, Reason.RATE_LIMITED]

    async def test_the_loop_goes_on_meanwhile(self, router: Router) -> None:
        """Folding and searching leave the interpreter to others every now and then."""
        routing = router.begin(asked("\ufb03" * 1_000_000 + " mellon"))
        assert routing.step() is None
        beats = 0
        while not routing.work[0].done():
            beats += 1
            await asyncio.sleep(0)

        assert beats > 10
        outcome = routing.step()
        assert outcome is not None
        assert outcome.decision.name == "no"
