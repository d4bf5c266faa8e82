"""The demo's requests: what is expected of each is what the shipped policy says, also without Envoy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from router_extproc.config.loader import load
from router_extproc.config.offline import decide
from router_extproc.demo.envoy_config import POOLS, shipped
from router_extproc.demo.prompts import Prompt, prompts
from router_extproc.pools import PoolStats
from router_extproc.routing import Verdict
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from router_extproc.router import Router

ALL = prompts()


@pytest.fixture(scope="module")
def demo_router() -> Router:
    """A router with the shipped policy, and all the time that a busy machine may need."""
    return load(shipped("policy.yaml"), services=SignalServices(), stats=PoolStats()).router.unhurried()


class TestPrompts:
    @pytest.mark.parametrize("prompt", [pytest.param(prompt, id=prompt.title) for prompt in ALL])
    def test_is_decided_as_expected(self, demo_router: Router, prompt: Prompt) -> None:
        """Pool, status and decision, by the code that serves Envoy."""
        outcome = decide(demo_router, path=prompt.path, headers=prompt.headers, body=prompt.body)
        selection = outcome.selection

        assert (selection.pool.name if selection else "") == prompt.pool
        assert (outcome.status if outcome.verdict is Verdict.REJECT else 200) == prompt.status
        # A request that no rule sees has a name of the router's own, which is in no header.
        assert prompt.decision in {"-", outcome.decision.name}

    def test_there_are_many_with_titles_of_their_own(self) -> None:
        """The table's first column tells them apart."""
        assert len({prompt.title for prompt in ALL}) == len(ALL) >= 32

    def test_every_pool_api_and_decision_is_shown(self, demo_router: Router) -> None:
        """A decision of the policy that no prompt reaches would be a decision that the demo does not show."""
        # interns-write-less changes a request and lets the search go on: it is never the decision taken.
        named = {rule.name for rule in demo_router.policy.main.rules} - {"interns-write-less"}

        assert {prompt.pool for prompt in ALL} == {"", *POOLS}
        assert len({prompt.path for prompt in ALL}) == 5
        assert named <= {prompt.decision for prompt in ALL}

    def test_streams_are_asked_for_in_the_body(self) -> None:
        """What is expected to be a stream is one."""
        assert all((b'"stream": true' in prompt.body) == prompt.stream for prompt in ALL if prompt.status == 200)
