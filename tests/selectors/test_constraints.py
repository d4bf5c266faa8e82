"""Constraints: what callers demand of the pool that gets their request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from router_extproc.errors import RequestRefusedError
from router_extproc.policy.load import compile_policy
from router_extproc.policy.problems import PolicyError
from router_extproc.pools import PoolStats
from router_extproc.request import Envelope, Message, Part, PartKind, Request, Role
from router_extproc.router import Router
from router_extproc.routing import Observation, Reason, Verdict
from router_extproc.selectors.registry import SELECTORS
from router_extproc.signals.services import SignalServices

POLICY = """\
version: 1
pools:
  dear: {cluster: d, model: dear, price: {input: 10, output: 30}, tags: [eu]}
  cheap: {cluster: c, model: cheap, price: {input: 1, output: 2}, tags: [eu, small]}
  free: {cluster: f, model: free}
default: [dear, cheap, free]
constraints:
  maxCostUsd: header:X-Max-Cost
  maxSeconds: metadata:max_seconds
  tags: header:x-require
"""


def router(text: str = POLICY) -> Router:
    """A router of that policy."""
    services = SignalServices().for_policy(Path())
    policy = compile_policy(text, source="p.yaml", services=services, selectors=SELECTORS).policy
    return Router(policy, services=services, stats=PoolStats())


def asked(headers: dict[str, str] | None = None, *, model: str = "auto", **more: Any) -> Request:
    """A request of about a thousand tokens of answer."""
    message = Message(Role.USER, (Part(PartKind.TEXT, "hello"),))
    return Request("openai_chat", model, (message,), max_output_tokens=1000, envelope=Envelope(headers=headers or {}), **more)


class TestDemands:
    @pytest.mark.parametrize(
        ("headers", "pool", "dropped"),
        [
            pytest.param({}, "dear", {}, id="none"),
            pytest.param({"x-max-cost": "0.01"}, "cheap", {"dear": "max_cost", "free": "max_cost"}, id="cost"),
            pytest.param({"x-max-cost": "1"}, "dear", {"free": "max_cost"}, id="a pool without a price may cost anything"),
            pytest.param({"x-require": "small"}, "cheap", {"dear": "tags", "free": "tags"}, id="tag"),
            pytest.param({"x-require": " eu , small,"}, "cheap", {"dear": "tags", "free": "tags"}, id="all tags"),
            pytest.param({"x-require": ", ", "x-max-cost": " "}, "dear", {}, id="blank"),
        ],
    )
    def test_drop_the_candidates_that_do_not_meet_them(self, headers: dict[str, str], pool: str, dropped: dict[str, str]) -> None:
        """Whatever the selector prefers, and with the reason on record."""
        outcome = router().route(asked(headers))

        assert outcome.selection is not None
        assert (outcome.selection.pool.name, outcome.selection.filtered) == (pool, dropped)

    def test_that_no_candidate_meets_are_told(self) -> None:
        """The caller learns which demand was in the way."""
        outcome = router().route(asked({"x-max-cost": "0.0000001", "x-require": "eu"}))

        assert (outcome.verdict, outcome.decision.reason, outcome.status) == (Verdict.REJECT, Reason.NO_CANDIDATE, 400)
        assert "dear: max_cost" in outcome.message
        assert "free: tags" in outcome.message

    def test_of_time_drop_what_was_slow_lately(self) -> None:
        """And leave in what was never seen: it would never be."""
        routing = router()
        assert routing.observes("dear")
        routing.observe(Observation("1", "dear", "dear", 200, duration_s=9.0))

        outcome = routing.route(asked(metadata={"max_seconds": "3"}))

        assert outcome.selection is not None
        assert (outcome.selection.pool.name, outcome.selection.filtered) == ("cheap", {"dear": "max_seconds"})

    @pytest.mark.parametrize("value", ["much", "-1", "nan", "inf", "1,5"])
    def test_that_cannot_be_understood_are_refused(self, value: str) -> None:
        """A limit on what a request may cost must not go unheeded."""
        with pytest.raises(RequestRefusedError, match="The header x-max-cost must hold a number"):
            router().route(asked({"x-max-cost": value}))

    def test_of_too_many_tags_are_refused(self) -> None:
        """A list has a bound."""
        with pytest.raises(RequestRefusedError, match="more than 32 tags"):
            router().route(asked({"x-require": ",".join(map(str, range(40)))}))

    def test_do_not_bind_who_named_a_model(self) -> None:
        """The caller chose already."""
        outcome = router().route(asked({"x-require": "small"}, model="dear"))

        assert outcome.selection is not None
        assert outcome.selection.pool.name == "dear"

    def test_are_not_listened_to_unless_the_policy_says_where(self) -> None:
        """A header of that name means nothing by itself."""
        outcome = router(POLICY.partition("constraints:")[0]).route(asked({"x-max-cost": "0.01", "x-require": "small"}))

        assert outcome.selection is not None
        assert outcome.selection.pool.name == "dear"


class TestFile:
    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            pytest.param(
                "default: a\nconstraints: {maxCostUsd: header:x-a}", "p.yaml:4:27: error: no pool has a price", id="no price"
            ),
            pytest.param("default: a\nconstraints: {tags: metadata:t}", "p.yaml:4:21: error: no pool has tags", id="no tags"),
            pytest.param("default: a\nconstraints: {maxSeconds: x-a}", "p.yaml:4:27:", id="neither header nor metadata"),
            pytest.param(
                "default: a\nconstraints: {maxSeconds: header:x-router-pool}", "is removed from every request", id="ours"
            ),
        ],
    )
    def test_what_could_not_work_is_an_error(self, text: str, problem: str) -> None:
        """With its place."""
        head = "version: 1\npools: {a: {cluster: a}}\n"
        with pytest.raises(PolicyError) as caught:
            compile_policy(head + text, source="p.yaml", services=SignalServices(), selectors=SELECTORS)

        assert problem in "\n".join(map(str, caught.value.problems))
