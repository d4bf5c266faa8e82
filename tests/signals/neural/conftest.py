"""What the tests of neural signals share: a policy with one of them, through the router."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.config.offline import decide
from router_extproc.policy.load import compile_policy
from router_extproc.pools import PoolStats
from router_extproc.router import Router
from router_extproc.selectors.registry import SELECTORS

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.routing import Outcome
    from router_extproc.signals.services import SignalServices

POOLS = "version: 1\npools: {small: {cluster: s}, large: {cluster: l}}\ndefault: small\n"

Message = dict[str, Any]


def said(text: str, role: str = "user") -> Message:
    """One message."""
    return {"role": role, "content": text}


def brought(text: str) -> Message:
    """A tool's result."""
    return {"role": "tool", "tool_call_id": "1", "content": text}


@pytest.fixture
def router_of(services: SignalServices) -> Callable[..., Router]:
    """Makes a router whose one rule asks the signal `it`, which is declared as told."""

    def make(declared: str, when: str, *, on_unknown: str = "skip", **limits: int) -> Router:
        rule = f"{{name: hit, when: {when}, route: large, onUnknown: {on_unknown}}}"
        text = f"{POOLS}signals: {{it: {declared}}}\ndecisions: [{rule}]\nlimits: {json.dumps(limits)}\n"
        policy = compile_policy(text, source="policy.yaml", services=services, selectors=SELECTORS).policy
        return Router(policy, services=services, stats=PoolStats()).unhurried()

    return make


@pytest.fixture
def outcome(router_of: Callable[..., Router]) -> Callable[..., Outcome]:
    """The outcome of a conversation by such a rule. A text is what the user says."""

    def routed(declared: str, when: str, *turns: str | Message, on_unknown: str = "skip", **more: Any) -> Outcome:
        messages = [said(turn) if isinstance(turn, str) else turn for turn in turns]
        body = json.dumps({"model": "auto", "messages": messages, **more}).encode()
        router = router_of(declared, when, on_unknown=on_unknown)
        return decide(router, path="/v1/chat/completions", headers={}, body=body)

    return routed
