"""The `rateLimits` section: what it becomes, and what is wrong with it."""

from __future__ import annotations

import pytest

from router_extproc.limits.limit import By, Dimension, OnMissing, RateLimit
from router_extproc.policy.load import CompileResult, compile_policy
from router_extproc.policy.problems import PolicyError
from router_extproc.selectors.registry import SELECTORS
from router_extproc.signals.services import SignalServices

HEAD = """\
version: 1
pools: {a: {cluster: a, price: {input: 1, output: 1}}, b: {cluster: b, PRICE}}
default: a
identity: {userHeader: x-u, groupsHeader: x-g, tenantHeader: x-t, proof: none}
requests: {unreadableEncoding: reject}
decisions: [{name: long, when: {signal: context_tokens, above: 50}, route: b}]
rateLimits:
"""
PRICED = HEAD.replace("PRICE", "price: {input: 1, output: 1}")


def compiled(limit: str, head: str = PRICED, more: str = "") -> CompileResult:
    """The policy with that limit."""
    return compile_policy(f"{head}  - {{{limit}}}\n{more}", source="p.yaml", services=SignalServices(), selectors=SELECTORS)


class TestLimit:
    def test_becomes_what_it_says(self) -> None:
        """Every key counts."""
        counts = "per: [user, model, {header: X-Team}], requests: 5, tokens: 7, costUsd: 0.5, window: 2h"
        (limit,) = compiled(f"name: x, {counts}, onMissing: skip, onUnknown: deny").policy.limits

        per = (Dimension(By.USER), Dimension(By.MODEL), Dimension(By.HEADER, "x-team"))
        assert limit == RateLimit("x", per, (5, 7, 500_000_000), 7200, on_missing=OnMissing.SKIP, deny_unknown=True)
        assert limit.settles
        assert [dimension.label for dimension in limit.per] == ["user", "model", "header x-team"]

    def test_leaves_out_what_it_may(self) -> None:
        """One allowance for all requests; one for all that have no user."""
        (limit,) = compiled("name: x, requests: 5, window: 1s").policy.limits
        assert limit == RateLimit("x", (), (5, -1, -1), 1)
        assert not limit.settles
        (limit,) = compiled("name: x, per: [user], requests: 5, window: 30d").policy.limits
        assert (limit.window_s, limit.on_missing) == (30 * 86_400, OnMissing.SHARE)

    def test_its_signals_are_the_policy_s(self) -> None:
        """They need no decision that asks for them."""
        result = compiled("name: x, requests: 5, window: 1m, when: {all: [stream, {not: tools}]}")

        assert {"stream", "tools"} <= set(result.policy.extractors)
        assert result.warnings == ()
        assert result.policy.limits[0].when is not None

    def test_the_smallest_amount_of_money_is_not_nothing(self) -> None:
        """Rounding must not make a limit that nobody can meet."""
        assert compiled("name: x, costUsd: 0.0000000001, window: 1m").policy.limits[0].most[2] == 1


BROKEN = [
    ("name: x, window: 1m", "'x' limits nothing", "add `requests`, `tokens` or `costUsd`", "{name:"),
    ("name: x, requests: 1", "'window' is missing", "add `window:`", "{name:"),
    ("name: x, requests: 1, window: 1w", "'1w' is not a duration", "30s, 1m, 12h or 30d", "1w"),
    ("name: x, requests: 1, window: 60", "expected text, found 60", 'put it in quotes: "60"', "60"),
    ("name: x, requests: 1, window: 0s", "'0s' is not a duration", "30s, 1m", "0s"),
    ("name: x, requests: 1, window: 31d", "31d is longer than 30d", "write a shorter window", "31d"),
    ("name: x, requests: 0, window: 1m", "must be more than 0, found 0", "", "0"),
    (
        "name: x, per: [users], requests: 1, window: 1m",
        "'users' is not one of user, group, tenant or model",
        "did you mean 'user'?",
        "users]",
    ),
    ("name: x, per: [[user]], requests: 1, window: 1m", "a list is nothing to count by", "write user, group", "[user]]"),
    ("name: x, per: [user, user], requests: 1, window: 1m", "the limit already counts by user", "remove one of them", "user]"),
    ("name: x, per: [{header: 'x y'}], requests: 1, window: 1m", "'x y' is not a header's name", "use letters", "'x"),
    (
        "name: x, per: [{header: x-router-pool}], requests: 1, window: 1m",
        "removed from every request",
        "choose another",
        "x-router-pool",
    ),
    ("name: x, requests: 1, window: 1m, onMissing: share", "`onMissing` has no effect", "remove it", "onMissing:"),
    ("name: x, per: [model], requests: 1, window: 1m, onMissing: skip", "`onMissing` has no effect", "remove it", "onMissing:"),
    (
        "name: x, requests: 1, window: 1m, when: {any: [stream, {not: {signal: jailbreak, atLeast: 0.5}}]}",
        "the signal 'jailbreak' runs a model, and limits are asked before any model runs",
        "use signals that run none",
        "jailbreak",
    ),
    ("name: x, requests: 1, window: 1m, when: domian", "unknown signal 'domian'", "did you mean 'domain'?", "domian"),
    ("name: long, requests: 1, window: 1m", "the name 'long' is already a decision", "give it another name", "long"),
    ("name: default, requests: 1, window: 1m", "the name 'default' is already reserved", "give it another name", "default"),
    (
        "name: x, requests: 1, window: 1m}\n  - {name: x, tokens: 1, window: 1m",
        "already that of another limit",
        "another name",
        "x",
    ),
    ("name: x, request: 1, window: 1m", "unknown key 'request'", "did you mean 'requests'?", "request:"),
]


class TestBroken:
    @pytest.mark.parametrize(("limit", "message", "cure", "pointed"), [pytest.param(*case, id=case[0]) for case in BROKEN])
    def test_is_told_with_place_and_cure(self, limit: str, message: str, cure: str, pointed: str) -> None:
        """In the operator's words."""
        with pytest.raises(PolicyError) as caught:
            compiled(limit)

        problem = next(each for each in caught.value.errors if message in each.message)
        assert problem.line == 8 + limit.count("\n")
        assert problem.excerpt[problem.column - 1 :].startswith(pointed)
        assert cure in problem.cure

    @pytest.mark.parametrize("kind", ["user", "group", "tenant"])
    def test_who_never_calls_has_no_allowance(self, kind: str) -> None:
        """Without the header that says so."""
        head = PRICED.replace("identity: {userHeader: x-u, groupsHeader: x-g, tenantHeader: x-t, proof: none}\n", "")
        with pytest.raises(PolicyError) as caught:
            compiled(f"name: x, per: [{kind}], requests: 1, window: 1m", head)

        assert f"no request has a {kind}" in caught.value.errors[0].message

    def test_money_needs_prices(self) -> None:
        """None anywhere is an error, some missing a warning."""
        unpriced = HEAD.replace(", PRICE", "")
        (warning,) = compiled("name: x, costUsd: 1, window: 1m", unpriced).warnings
        assert "requests to pools without a price cost nothing here: b" in warning.message
        with pytest.raises(PolicyError) as caught:
            compiled("name: x, costUsd: 1, window: 1m", unpriced.replace(", price: {input: 1, output: 1}", ""))
        assert caught.value.errors[0].message == "no pool has a price, so nothing ever costs anything"

    def test_a_way_around_them_is_told(self) -> None:
        """Unless the file says that it is wanted."""
        head = PRICED.replace("requests: {unreadableEncoding: reject}\n", "")
        (warning,) = compiled("name: x, requests: 1, window: 1m", head).warnings
        assert "routed unread, past every limit" in warning.message
        head = PRICED.replace("unreadableEncoding: reject", "unreadableEncoding: route")
        assert compiled("name: x, requests: 1, window: 1m", head).warnings == ()

    def test_a_test_repeats_for_limits_only(self) -> None:
        """Nothing else remembers a request."""
        test = "tests: [{name: t, prompt: hi, repeat: 2, expect: {pool: a}}]\n"
        compiled("name: x, requests: 1, window: 1m", more=test)
        with pytest.raises(PolicyError) as caught:
            compile_policy(PRICED.replace("rateLimits:\n", test), source="p", services=SignalServices(), selectors=SELECTORS)
        assert "`repeat` has no effect without `rateLimits`" in caught.value.errors[0].message

    def test_a_test_may_expect_a_limit(self) -> None:
        """By its name, as a decision."""
        test = "tests: [{name: t, prompt: hi, repeat: 2, expect: {decision: x, reason: rate_limited, status: 429}}]\n"

        assert compiled("name: x, requests: 1, window: 1m", more=test).policy.tests[0].repeat == 2
