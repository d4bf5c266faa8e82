"""Canary: another policy decides a share of the sessions."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pytest

from router_extproc.config.offline import decide, explain
from router_extproc.config.routers import Routers
from router_extproc.request import Message, Part, PartKind, Request, Role
from router_extproc.router.canary import Canary
from router_extproc.selectors.weighted import sticky_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.config.store import PolicyStore
    from router_extproc.router import Router

    Make = Callable[[str], Router]

POLICY = "version: 1\npools: {old: {cluster: a}, new: {cluster: b}}\ndefault: POOL\n"


def session(request: Request) -> str:
    """What tells sessions apart."""
    return sticky_key(request, "session")


def asked(text: str) -> Request:
    """One turn."""
    return Request("openai_chat", "auto", (Message(Role.USER, (Part(PartKind.TEXT, text),)),))


@dataclass
class Store:
    """A policy store with a router in it."""

    router: Router


@pytest.fixture
def main(make_router: Make) -> Router:
    """Sends everything to the old pool."""
    return make_router(POLICY.replace("POOL", "old"))


@pytest.fixture
def other(make_router: Make) -> Router:
    """Sends everything to the new pool."""
    return make_router(POLICY.replace("POOL", "new"))


def pool(router: Router, text: str) -> tuple[str, str]:
    """Where a request goes, and which version decided."""
    outcome = router.route(asked(text))
    assert outcome.selection is not None
    return outcome.selection.pool.name, outcome.policy


class TestCanary:
    def test_gets_its_share_of_sessions(self, main: Router, other: Router) -> None:
        """And the decision names the version that made it."""
        router = main.beside(Canary(other, 0.2, session))

        found = [pool(router, f"Conversation {index}") for index in range(2000)]

        assert set(found) == {("old", main.policy.version), ("new", other.policy.version)}
        assert sum(name == "new" for name, _ in found) / 2000 == pytest.approx(0.2, abs=0.03)

    def test_a_session_stays(self, main: Router, other: Router) -> None:
        """Where the share grows, nobody goes back."""
        small, large = (main.beside(Canary(other, share, session)) for share in (0.2, 0.5))
        texts = [f"Conversation {index}" for index in range(300)]

        first = {text for text in texts if pool(small, text)[0] == "new"}

        assert first == {text for text in texts if pool(small, text)[0] == "new"}
        assert first < {text for text in texts if pool(large, text)[0] == "new"}

    def test_a_request_of_no_session_is_left_to_chance(self, main: Router, other: Router) -> None:
        """Not all to one policy."""
        router = main.beside(Canary(other, 0.3, lambda _: "", random.Random(1)))

        names = [pool(router, "the same")[0] for _ in range(1000)]

        assert names.count("new") / 1000 == pytest.approx(0.3, abs=0.05)

    def test_offline_decisions_and_explanations_follow(self, main: Router, other: Router) -> None:
        """What people are told is what would happen."""
        router = main.beside(Canary(other, 1.0, session))
        body = b'{"model":"auto","messages":[{"role":"user","content":"hello"}]}'

        outcome = decide(router, path="/v1/chat/completions", headers={}, body=body)

        assert outcome.policy == other.policy.version
        assert explain(router, path="/v1/chat/completions", headers={}, body=body).outcome.policy == other.policy.version

    def test_responses_are_wanted_where_one_of_both_wants_them(self, main: Router, make_router: Make) -> None:
        """Envoy is told before it is known who decides."""
        watching = make_router(POLICY.replace("POOL", "new") + "record: {observe: true}\n")
        router = main.beside(Canary(watching, 0.5, session))

        assert (main.may_observe, router.may_observe, router.wants_responses) == (False, True, True)


class TestRouters:
    def test_follow_both_stores(self, main: Router, other: Router, make_router: Make) -> None:
        """A new policy of either makes a new router; else it is the same one."""
        first, second = Store(main), Store(other)
        routers = Routers(cast("PolicyStore", first), cast("PolicyStore", second), 1.0, session)

        made = routers.current()
        assert routers.current() is made
        assert pool(made, "x")[0] == "new"
        second.router = make_router(POLICY.replace("POOL", "old"))
        assert pool(routers.current(), "x")[0] == "old"

    def test_without_a_canary_there_is_one_policy(self, main: Router) -> None:
        """As it is."""
        assert Routers(cast("PolicyStore", Store(main)), None, 0.0, session).current() is main
