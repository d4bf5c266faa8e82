"""Requests and the rate limits: who is let in, what that costs, and what a response corrects."""

from __future__ import annotations

import json
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.config.embedded import failures
from router_extproc.config.offline import decide, explain
from router_extproc.limits.limit import PER_DOLLAR
from router_extproc.limits.memory import MemoryStore
from router_extproc.limits.store import Answer, Charge, Receipt
from router_extproc.policy.load import compile_policy
from router_extproc.pools import PoolStats
from router_extproc.request import Caller, Envelope, Message, Part, PartKind, Request, Role
from router_extproc.router import Router
from router_extproc.routing import Observation, Outcome, Reason, Verdict
from router_extproc.selectors.registry import SELECTORS
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from collections.abc import Sequence

PATH = "/v1/chat/completions"
HEAD = """\
version: 1
pools:
  small: {cluster: s, model: qwen-small, aliases: [tiny], price: {input: 1, output: 2}}
  large: {cluster: l, price: {input: 10, output: 20}}
default: small
identity: {userHeader: x-u, groupsHeader: x-g, tenantHeader: x-t, proof: none}
requests: {unreadableEncoding: reject}
decisions:
  - {name: no, when: files, action: {reject: {status: 403}}}
rateLimits:
"""
TEXT = "0123456789" * 41
"""100 tokens, with those of its message 104."""
PROMPT = 104


@dataclass
class Clock:
    """Seconds, as the test says."""

    now: float = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@dataclass
class Counted:
    """A router that counts, and its store."""

    router: Router
    store: MemoryStore
    clock: Clock
    stats: PoolStats

    def route(self, request: Request) -> Outcome:
        """The outcome."""
        return self.router.route(request)

    def reasons(self, request: Request, count: int) -> list[str]:
        """The reasons of several outcomes."""
        return [self.route(request).decision.reason.value for _ in range(count)]

    def used(self) -> list[tuple[int, int, float]]:
        """What counts against every allowance: requests, tokens, US dollars."""
        spaces = self.store._spaces.values()
        counts = [tuple(window.used) for space in spaces for window in space.windows.values()]
        return [(requests, tokens, cost / PER_DOLLAR) for requests, tokens, cost in counts]


def counted(*limits: str, head: str = HEAD) -> Counted:
    """A router with these limits."""
    services, clock, stats = SignalServices(), Clock(), PoolStats()
    text = head + "".join(f"  - {{{limit}}}\n" for limit in limits)
    policy = compile_policy(text, source="p", services=services, selectors=SELECTORS).policy
    store = MemoryStore(clock=clock)
    return Counted(Router(policy, services=services, stats=stats, store=store), store, clock, stats)


def request(*groups: str, user: str = "", tenant: str = "", headers: dict[str, str] | None = None, **more: Any) -> Request:
    """A chat request."""
    caller = Caller(user, groups, tenant)
    whole = {"model": "auto", **more}
    message = Message(Role.USER, (Part(PartKind.TEXT, TEXT),))
    return Request("openai_chat", messages=(message,), envelope=Envelope(headers=headers or {}, caller=caller), **whole)


def seen(outcome: Outcome, status: int = 200, **more: Any) -> Observation:
    """What a response told."""
    return Observation(outcome.id, "small", "m", status, **more)


class TestWho:
    def test_each_user_has_an_allowance(self) -> None:
        """And nobody sees another's."""
        limited = counted("name: it, per: [user], requests: 2, window: 1m")

        assert limited.reasons(request(user="ada"), 3) == ["default", "default", "rate_limited"]
        assert limited.reasons(request(user="bob"), 1) == ["default"]

    def test_a_request_counts_against_each_group(self) -> None:
        """And needs room in all of them."""
        limited = counted("name: it, per: [group], requests: 2, window: 1m")
        limited.route(request("a", "b"))
        limited.route(request("a"))

        assert limited.reasons(request("a", "b"), 1) == ["rate_limited"]
        assert limited.reasons(request("b", "b"), 2) == ["default", "rate_limited"]

    def test_a_combination_is_one_allowance(self) -> None:
        """A user's for each model."""
        limited = counted("name: it, per: [user, model], requests: 1, window: 1m")

        assert limited.reasons(request(user="ada", model="small"), 2) == ["explicit_model", "rate_limited"]
        assert limited.reasons(request(user="ada", model="large"), 1) == ["explicit_model"]
        assert limited.reasons(request(user="bob", model="small"), 1) == ["explicit_model"]

    def test_a_model_is_one_by_all_its_names(self) -> None:
        """Else an alias would be a second allowance."""
        limited = counted("name: it, per: [model], requests: 2, window: 1m")

        assert limited.reasons(request(model="tiny"), 1) == ["explicit_model"]
        assert limited.reasons(request(model="qwen-small"), 1) == ["explicit_model"]
        assert limited.reasons(request(model="small"), 1) == ["rate_limited"]

    def test_unknown_models_are_not_counted_or_are_one(self) -> None:
        """As the policy refuses or routes them: callers cannot invent allowances."""
        limited = counted("name: it, per: [model], requests: 1, window: 1m")
        assert limited.reasons(request(model="x"), 2) == ["model_not_found", "model_not_found"]
        assert limited.store.keys == 0
        limited = counted("name: it, per: [model], requests: 1, window: 1m", head="unknownModels: route\n" + HEAD)
        assert limited.reasons(request(model="x"), 1) == ["default"]
        assert limited.reasons(request(model="y"), 1) == ["rate_limited"]

    def test_a_header_counts_by_its_value(self) -> None:
        """As it came."""
        limited = counted("name: it, per: [{header: X-Team}], requests: 1, window: 1m")

        assert limited.reasons(request(headers={"x-team": "a"}), 2) == ["default", "rate_limited"]
        assert limited.reasons(request(headers={"x-team": "b"}), 1) == ["default"]

    def test_a_condition_says_for_which(self) -> None:
        """Others are neither counted nor refused."""
        limited = counted("name: it, requests: 1, window: 1m, when: {signal: tenant, is: trial}")

        assert limited.reasons(request(tenant="trial"), 2) == ["default", "rate_limited"]
        assert limited.reasons(request(tenant="paid"), 2) == ["default", "default"]

    def test_a_caller_in_very_many_groups_counts_against_some(self) -> None:
        """One request's work is bounded."""
        limited = counted("name: it, per: [group], requests: 1, window: 1m")
        limited.route(request(*map(str, range(1000))))

        assert limited.store.keys == 64


class TestMissing:
    def test_nobody_shares_with_nobody(self) -> None:
        """One allowance for all who do not say who they are, and none of a user's."""
        limited = counted("name: it, per: [user], requests: 1, window: 1m")

        assert limited.reasons(request(), 2) == ["default", "rate_limited"]
        assert limited.reasons(request(user="ada"), 1) == ["default"]

    def test_or_is_refused(self) -> None:
        """And told what is missing."""
        outcome = counted("name: it, per: [group], requests: 1, window: 1m, onMissing: reject").route(request())

        assert (outcome.verdict, outcome.status, outcome.decision.reason) == (Verdict.REJECT, 403, Reason.MISSING_IDENTITY)
        assert "does not say its group" in outcome.message

    def test_or_is_not_limited(self) -> None:
        """By this limit."""
        limited = counted("name: it, per: [user, model], requests: 1, window: 1m, onMissing: skip")

        assert limited.reasons(request(), 3) == ["default"] * 3
        assert limited.reasons(request(user="ada"), 2) == ["default", "rate_limited"]


class TestRefusal:
    def test_tells_what_and_when(self) -> None:
        """The limit is the decision."""
        limited = counted("name: it, requests: 1, window: 1m")
        limited.route(request())
        outcome = limited.route(request())

        assert (outcome.status, outcome.decision.name, outcome.verdict) == (429, "it", Verdict.REJECT)
        assert outcome.limited is not None
        assert (outcome.limited.limit, outcome.limited.amount) == ("it", "requests")
        after = outcome.limited.retry_after_s
        assert after is not None
        assert (
            outcome.message
            == f"Too many requests: at most 1 requests within one minute are served. Try again in {after} seconds."
        )
        limited.clock.now += after
        assert limited.route(request()).verdict is Verdict.ROUTE

    def test_no_model_is_asked(self) -> None:
        """Signals that only decisions ask for are not computed."""
        limited = counted("name: it, requests: 1, window: 1m")
        limited.route(request())
        outcome = limited.route(request())

        assert dict(outcome.signals) == {}
        assert {skipped.why for skipped in outcome.skipped} == {"not needed: the rate limit it came first"}

    def test_counts_nothing(self) -> None:
        """Against any limit."""
        limited = counted("name: one, requests: 1, window: 1m", "name: two, tokens: 100000, window: 1h")
        limited.route(request())
        before = limited.used()
        limited.route(request())

        assert limited.used() == before

    def test_a_prompt_that_never_fits_need_not_come_again(self) -> None:
        """No time is told then."""
        outcome = counted("name: it, tokens: 50, window: 2h").route(request())

        assert outcome.limited is not None
        assert outcome.limited.retry_after_s is None
        assert (
            outcome.message == f"This request alone takes about {PROMPT} tokens, and at most 50 tokens within 2 hours are served."
        )

    def test_money_is_told_in_dollars(self) -> None:
        """As the policy has it."""
        limited = counted("name: it, costUsd: 0.0001, window: 1d")
        limited.route(request())
        outcome = limited.route(request())

        assert outcome.message.startswith("Too many requests: at most 0.0001 US dollars within one day are served. Try again in ")


class TestTokens:
    def test_prompt_and_permitted_answer_are_reserved(self) -> None:
        """For every completion."""
        limited = counted("name: it, tokens: 1000, window: 1m")
        limited.route(request(max_output_tokens=100, n=2))

        assert limited.used() == [(1, PROMPT + 200, 0.0)]

    def test_a_large_cap_is_no_reason_to_refuse(self) -> None:
        """It reserves what is left, and the response gives that back."""
        limited = counted("name: it, tokens: 1000, window: 1m")
        for used in (120, 240, 360):
            outcome = limited.route(request(max_output_tokens=128_000))
            assert outcome.verdict is Verdict.ROUTE
            assert limited.reasons(request(), 1) == ["rate_limited"]
            assert outcome.settle is not None
            outcome.settle(seen(outcome, input_tokens=100, output_tokens=20))
            assert limited.used()[0][1] == used

    def test_the_response_settles(self) -> None:
        """More or less."""
        limited = counted("name: it, tokens: 1000, window: 1m")
        outcome = limited.route(request())
        assert outcome.observe
        assert outcome.settle is not None
        outcome.settle(seen(outcome, input_tokens=90, output_tokens=400))

        assert limited.used() == [(1, 490, 0.0)]

    @pytest.mark.parametrize(
        ("told", "tokens"),
        [
            pytest.param({"status": 500}, 0, id="an error costs nothing"),
            pytest.param({"status": 429}, 0, id="nor does a refusal"),
            pytest.param({}, PROMPT + 50, id="no usage told: the estimate"),
            pytest.param({"complete": False}, PROMPT + 50, id="broken off: the estimate"),
            pytest.param({"complete": False, "input_tokens": 80}, 130, id="broken off after the prompt's usage"),
            pytest.param({"input_tokens": 80, "output_tokens": 0}, 80, id="no output"),
        ],
    )
    def test_what_is_not_told_keeps_its_estimate(self, told: dict[str, Any], tokens: int) -> None:
        """And what was not served is given back."""
        limited = counted("name: it, tokens: 1000, window: 1m")
        outcome = limited.route(request(max_output_tokens=50))
        assert outcome.settle is not None
        outcome.settle(seen(outcome, **{"status": 200, **told}))

        assert limited.used() == [(1, tokens, 0.0)]

    def test_an_answer_of_unknown_length_is_taken_as_the_pool_s_usual_one(self) -> None:
        """If nothing was allowed and nothing told."""
        limited = counted("name: it, tokens: 1000, window: 1m")
        limited.stats.observe(Observation("x", "small", "m", 200, output_tokens=70))
        outcome = limited.route(request())
        assert limited.used() == [(1, PROMPT, 0.0)]
        assert outcome.settle is not None
        outcome.settle(seen(outcome, complete=False))

        assert limited.used() == [(1, PROMPT + 70, 0.0)]

    def test_what_goes_nowhere_costs_no_tokens(self) -> None:
        """It was a request all the same."""
        limited = counted("name: it, tokens: 1000, requests: 9, window: 1m")
        file = Message(Role.USER, (Part(PartKind.FILE),))
        outcome = limited.route(replace(request(), messages=(*request().messages, file)))

        assert outcome.decision.reason is Reason.RULE_REJECT
        assert limited.used() == [(1, 0, 0.0)]


class TestCost:
    def test_is_expected_once_the_pool_is_known(self) -> None:
        """And settled by what the response told."""
        limited = counted("name: it, costUsd: 1, window: 1d")
        outcome = limited.route(request(max_output_tokens=100))
        assert limited.used() == [(1, 0, pytest.approx((PROMPT * 1 + 100 * 2) / 1e6))]
        assert outcome.settle is not None
        outcome.settle(seen(outcome, input_tokens=1000, output_tokens=10))

        assert limited.used() == [(1, 0, pytest.approx((1000 + 20) / 1e6))]

    def test_cached_tokens_have_their_own_price(self) -> None:
        """Where the pool has one."""
        head = HEAD.replace("price: {input: 1, output: 2}", "price: {input: 1, output: 2, cached: 0.1}")
        limited = counted("name: it, costUsd: 1, window: 1d", head=head)
        outcome = limited.route(request())
        assert outcome.settle is not None
        outcome.settle(seen(outcome, input_tokens=1000, output_tokens=10, cached_tokens=800))

        assert limited.used() == [(1, 0, pytest.approx((200 + 80 + 20) / 1e6))]

    def test_is_the_chosen_pool_s(self) -> None:
        """Ten times as much here."""
        limited = counted("name: it, costUsd: 1, window: 1d")
        limited.route(request(model="large"))

        assert limited.used() == [(1, 0, pytest.approx(PROMPT * 10 / 1e6))]

    def test_a_spent_budget_serves_nobody(self) -> None:
        """Until the window has passed."""
        limited = counted("name: it, costUsd: 0.00015, window: 1d")

        assert limited.reasons(request(), 3) == ["default", "default", "rate_limited"]
        limited.clock.now += 94_000
        assert limited.reasons(request(), 1) == ["default"]


class TestObserving:
    def test_only_what_has_to_be_settled_is_observed(self) -> None:
        """A limit on requests costs no response its way through the router."""
        limited = counted("name: it, requests: 5, window: 1m")
        assert not limited.router.may_observe
        assert not limited.route(request()).observe

        limited = counted("name: it, tokens: 5000, window: 1m, when: {signal: tenant, is: trial}")
        assert limited.router.may_observe
        assert limited.route(request(tenant="trial")).observe
        assert not limited.route(request()).observe


GRANTED = Answer(tokens=(PROMPT,))


@dataclass
class Later:
    """A store that answers when the test says so."""

    future: Future[Answer] = field(default_factory=Future)
    asked: list[str] = field(default_factory=list)

    def reserve(self, _charges: Sequence[Charge], /) -> Future[Answer]:
        """Later."""
        self.asked.append("reserve")
        return self.future

    def alone(self, _charges: Sequence[Charge], /) -> Answer:
        """At once."""
        self.asked.append("alone")
        return GRANTED

    def adjust(self, _charges: Sequence[Charge], _receipt: Receipt, /) -> None:
        """Noted."""
        self.asked.append("adjust")

    def used(self, _charge: Charge, /) -> tuple[int, int, int]:
        """Nothing."""
        return (0, 0, 0)


class TestWaiting:
    def router(self, store: Later, *, deadline_ms: int = 60_000) -> Router:
        """A router that counts in that store."""
        head = f"limits: {{deadlineMs: {deadline_ms}}}\n{HEAD}"
        return counted("name: it, tokens: 1000, window: 1m, onUnknown: deny", head=head).router.counting(store)

    def test_is_as_for_a_model(self) -> None:
        """Nothing blocks."""
        store = Later()
        routing = self.router(store).begin(request())

        assert routing.step() is None
        assert list(routing.work) == [store.future]
        store.future.set_result(GRANTED)
        outcome = routing.step()
        assert outcome is not None
        assert outcome.verdict is Verdict.ROUTE
        assert outcome.observe

    def test_ends_at_the_deadline(self) -> None:
        """What the store did not say is decided without it."""
        store = Later()
        routing = self.router(store).begin(request())
        routing.step()

        assert routing.give_up().verdict is Verdict.ROUTE
        assert store.asked == ["reserve", "alone"]

    def test_a_blocking_caller_waits_no_longer_either(self) -> None:
        """Offline."""
        store = Later()
        assert self.router(store, deadline_ms=20).route(request()).verdict is Verdict.ROUTE
        store = Later()
        store.future.set_result(GRANTED)
        assert self.router(store).route(request()).verdict is Verdict.ROUTE
        assert store.asked == ["reserve"]

    def test_a_limit_that_denies_is_503(self) -> None:
        """It says that it could not be checked."""
        store = Later()
        router = self.router(store)
        store.future.set_result(Answer(denied=router.admission.limits[0]))
        outcome = router.route(request())

        assert (outcome.status, outcome.decision.name, outcome.decision.reason) == (503, "it", Reason.UNKNOWN_DENIED)


class TestOffline:
    BODY = json.dumps({"model": "auto", "messages": [{"role": "user", "content": TEXT}]}).encode()

    def test_nothing_is_counted_without_a_store(self) -> None:
        """A file of requests is no stretch of time."""
        services = SignalServices()
        text = HEAD + "  - {name: it, requests: 1, window: 1m}\n"
        policy = compile_policy(text, source="p", services=services, selectors=SELECTORS).policy
        router = Router(policy, services=services, stats=PoolStats())

        assert [decide(router, path=PATH, headers={}, body=self.BODY).verdict for _ in range(3)] == [Verdict.ROUTE] * 3
        assert not router.may_observe

    def test_explaining_tells_each_limit(self) -> None:
        """And neither counts nor refuses."""
        limited = counted(
            "name: it, per: [user], requests: 1, window: 1m",
            "name: trial, tokens: 1000, window: 1m, when: {signal: tenant, is: trial}",
            "name: team, per: [group], requests: 1, window: 1m, onMissing: reject",
        )
        limited.route(request("a", user="ada"))
        for _ in range(2):
            told = explain(limited.router, path=PATH, headers={"x-u": "ada", "x-t": "b"}, body=self.BODY).to_dict()

        assert told["verdict"] == "route"
        assert told["limits"] == [
            {
                "limit": "it",
                "applies": True,
                "per": {"user": "ada"},
                "takes": {"requests": 1, "tokens": 0, "cost_usd": 0.0},
                "used": {"requests": 1, "tokens": 0, "cost_usd": 0.0},
                "room": False,
            },
            {"limit": "trial", "applies": False},
            {
                "limit": "team",
                "applies": True,
                "per": {"group": None},
                "takes": {"requests": 0, "tokens": 0, "cost_usd": 0.0},
            },
        ]

    def test_embedded_tests_count_from_nothing(self) -> None:
        """Each of them, and none with the requests that are served."""
        tests = """\
tests:
  - {name: two, prompt: hi, repeat: 2, expect: {decision: default}}
  - {name: three, prompt: hi, repeat: 3, expect: {decision: it, reason: rate_limited, status: 429, verdict: reject}}
  - {name: too many, prompt: hi, repeat: 4, expect: {decision: default}}
"""
        text = HEAD + "  - {name: it, requests: 2, window: 1m}\n" + tests
        limited = counted("name: it, requests: 2, window: 1m", head=tests + HEAD)

        (problem,) = failures(limited.router, tests + HEAD + text.removeprefix(HEAD).removesuffix(tests))
        assert "the test 'too many' fails: expected decision default, got it" in problem.message
        assert limited.store.keys == 0
