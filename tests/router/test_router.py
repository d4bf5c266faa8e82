"""The router: from a request to an outcome."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.config.offline import decide, explain
from router_extproc.errors import RequestRefusedError
from router_extproc.plugin import Plugin, Registry
from router_extproc.policy.load import compile_policy
from router_extproc.pools import PoolStats
from router_extproc.request import Message, Part, PartKind, Request, Role
from router_extproc.router import Router
from router_extproc.routing import (
    Cost,
    Observation,
    Reason,
    Signal,
    SignalKind,
    SignalShape,
    Truth,
    Unknown,
    UnknownReason,
    Verdict,
)
from router_extproc.selectors.registry import SELECTORS
from router_extproc.signals.options import Options
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.routing import Outcome, SignalResult

POOLS = """\
version: 1
pools:
  small: {cluster: pool-small, model: qwen-small}
  large: {cluster: pool-large, model: qwen-large, aliases: [big], reasoning: qwen}
default: small
"""
PATH = "/v1/chat/completions"


class FakeOptions(Options):
    """What a fake signal gives."""

    value: float = 1.0
    cost: int = 0
    unknown: bool = False
    breaks: bool = False


class Fake:
    """A signal that gives what it is told, and counts how often it is asked."""

    shape = SignalShape(SignalKind.SCORE)
    asked: dict[str, int] = {}

    def __init__(self, name: str, options: FakeOptions, _services: SignalServices) -> None:
        self.name = name
        self.cost = Cost(options.cost)
        self._options = options

    def extract(self, _request: Request, /) -> SignalResult:
        self.asked[self.name] = self.asked.get(self.name, 0) + 1
        if self._options.breaks:
            raise ValueError("the prompt says: my secret")
        if self._options.unknown:
            return Unknown(self.name, UnknownReason.UNAVAILABLE)
        return Signal(self.name, self._options.value)


def broken(_request: Request) -> int:
    """A part of the router that fails."""
    raise ZeroDivisionError


@pytest.fixture
def fakes() -> dict[str, int]:
    """How often each fake signal was asked."""
    Fake.asked = {}
    return Fake.asked


def routed(rules: str, *, model: str = "auto") -> Outcome:
    """The outcome of a request by rules over fake signals."""
    return router_of(rules).route(Request("openai_chat", model, (Message(Role.USER, (Part(PartKind.TEXT, "hello"),)),)))


def router_of(rules: str) -> Router:
    """A router with fake signals."""
    registry: Registry[Any] = Registry("signal")
    registry.add(Plugin("fake", FakeOptions, Fake, "A fake."))
    services = SignalServices()
    policy = compile_policy(POOLS + rules, source="p", services=services, selectors=SELECTORS, extractors=registry).policy
    return Router(policy, services=services, stats=PoolStats())


SIGNALS = """\
signals:
  yes: {type: fake}
  no: {type: fake, value: 0.0}
  maybe: {type: fake, unknown: true}
  broken: {type: fake, breaks: true}
  dear: {type: fake, cost: 3}
"""


class TestWalk:
    def test_the_first_match_wins(self, fakes: dict[str, int]) -> None:
        """And nothing after it is asked."""
        outcome = routed(
            SIGNALS
            + "decisions: [{name: a, when: no, route: small}, {name: b, when: yes, route: large}, {name: c, when: dear, route: small}]\n"
        )

        assert (outcome.decision.name, outcome.decision.reason) == ("b", Reason.RULE)
        assert fakes == {"no": 1, "yes": 1}
        assert {skipped.name: skipped.why for skipped in outcome.skipped} == {"dear": "not needed: b decided first"}

    def test_without_a_match_the_default_does(self, fakes: dict[str, int]) -> None:
        """With the rules on record."""
        outcome = routed(SIGNALS + "decisions: [{name: a, when: no, route: large}]\n")

        assert (outcome.decision.name, outcome.decision.reason) == ("default", Reason.DEFAULT)
        assert [(trace.rule, trace.truth, trace.effect) for trace in outcome.rules] == [("a", Truth.FALSE, "no match")]
        assert fakes == {"no": 1}

    def test_a_signal_is_computed_once(self, fakes: dict[str, int]) -> None:
        """However many rules ask for it."""
        routed(
            SIGNALS + "decisions: [{name: a, when: {not: yes}, route: large}, {name: b, when: {all: [yes, no]}, route: large}]\n"
        )

        assert fakes == {"yes": 1, "no": 1}

    def test_the_dear_is_asked_only_if_it_matters(self, fakes: dict[str, int]) -> None:
        """In `all` a cheap part that fails is enough; in `any` one that holds."""
        routed(
            SIGNALS
            + "decisions: [{name: a, when: {all: [dear, no]}, route: large}, {name: b, when: {any: [dear, yes]}, route: large}]\n"
        )

        assert "dear" not in fakes

    def test_changes_add_up(self, fakes: dict[str, int]) -> None:
        """The lowest cap, the last effort, all headers; the search goes on after each."""
        outcome = routed(
            SIGNALS
            + """\
decisions:
  - {name: a, when: yes, action: {caps: {maxOutputTokens: 100, n: 5}, headers: {set: {x-a: "1"}}, reasoningEffort: high}}
  - name: b
    when: {not: no}
    action: {caps: {maxOutputTokens: 900, n: 2}, headers: {set: {x-b: "2"}}, block: [seed], reasoningEffort: low}
  - {name: c, when: {any: [no, yes]}, route: large}
"""
        )

        assert outcome.edits.caps == {"max_output_tokens": 100, "n": 2}
        assert outcome.edits.reasoning_effort == "low"
        assert [edit.name for edit in outcome.headers] == ["x-a", "x-b"]
        assert outcome.edits.blocked == {"seed"}
        assert fakes == {"yes": 1, "no": 1}

    def test_effort_is_dropped_where_the_pool_has_no_way_to_set_it(self, fakes: dict[str, int]) -> None:
        """It would be an unknown field to that model server."""
        outcome = routed(SIGNALS + "decisions: [{name: a, when: yes, action: {reasoningEffort: low}}]\n")

        assert outcome.edits.reasoning_effort == ""
        assert fakes == {"yes": 1}


class TestUnknown:
    @pytest.mark.parametrize("signal", ["maybe", "broken"])
    @pytest.mark.parametrize(
        ("on_unknown", "decision", "verdict"),
        [("skip", "default", Verdict.ROUTE), ("match", "a", Verdict.ROUTE), ("deny", "a", Verdict.REJECT)],
    )
    def test_means_what_the_rule_says(
        self, fakes: dict[str, int], signal: str, on_unknown: str, decision: str, verdict: Verdict
    ) -> None:
        """A signal that cannot be told and one that fails are alike."""
        outcome = routed(SIGNALS + f"decisions: [{{name: a, when: {signal}, route: large, onUnknown: {on_unknown}}}]\n")

        assert (outcome.decision.name, outcome.verdict) == (decision, verdict)
        assert outcome.decision.unknown == (signal,)
        assert fakes == {signal: 1}

    def test_not_of_unknown_is_unknown(self, fakes: dict[str, int]) -> None:
        """`not jailbreak` must not become true because the classifier failed."""
        outcome = routed(SIGNALS + "decisions: [{name: a, when: {not: broken}, route: large}]\n")

        assert outcome.decision.name == "default"
        assert fakes == {"broken": 1}

    def test_guards_deny_unless_told_otherwise(self, fakes: dict[str, int]) -> None:
        """503: it could not be checked."""
        outcome = routed(SIGNALS + "decisions: [{name: a, when: broken, action: {reject: {status: 403}}}]\n")

        assert (outcome.verdict, outcome.status, outcome.decision.reason) == (Verdict.REJECT, 503, Reason.UNKNOWN_DENIED)
        assert fakes == {"broken": 1}

    def test_a_failure_is_logged_without_what_it_says(self, fakes: dict[str, int], caplog: pytest.LogCaptureFixture) -> None:
        """An exception's text may quote the prompt."""
        with caplog.at_level(logging.ERROR):
            for _ in range(3):
                routed(SIGNALS.replace("broken:", "leaky:") + "decisions: [{name: a, when: leaky, route: large}]\n")

        records = [record.getMessage() for record in caplog.records]
        assert len(records) == 1
        assert "leaky fails with ValueError" in records[0]
        assert "secret" not in caplog.text
        assert fakes == {"leaky": 3}


class TestModels:
    RULES = (
        SIGNALS + "decisions: [{name: guard, when: no, action: {reject: {status: 403}}}, {name: a, when: yes, route: large}]\n"
    )

    @pytest.mark.parametrize(("model", "pool"), [("small", "small"), ("qwen-large", "large"), ("big", "large")])
    def test_explicit_ones_go_to_their_pool(self, fakes: dict[str, int], model: str, pool: str) -> None:
        """By the pool's name, its model, or an alias; rules that route are skipped, guards are asked."""
        outcome = routed(self.RULES, model=model)

        assert outcome.selection is not None
        assert (outcome.selection.pool.name, outcome.decision.reason) == (pool, Reason.EXPLICIT_MODEL)
        assert [trace.effect for trace in outcome.rules] == ["no match", "not for explicit models"]
        assert fakes == {"no": 1}

    def test_unknown_ones_are_refused_or_routed(self, fakes: dict[str, int]) -> None:
        """As the policy says."""
        refused = routed(self.RULES, model="gpt-9")
        sent = routed("unknownModels: route\n" + self.RULES, model="gpt-9")

        assert (refused.status, refused.decision.reason) == (404, Reason.MODEL_NOT_FOUND)
        assert (sent.decision.name, sent.edits.model) == ("a", "qwen-large")
        assert fakes == {"no": 1, "yes": 1}

    def test_none_is_like_a_virtual_one(self, fakes: dict[str, int]) -> None:
        """The model is added to the body."""
        outcome = routed(self.RULES, model="")

        assert (outcome.decision.name, outcome.edits.model) == ("a", "qwen-large")
        assert fakes


class TestRecipes:
    POLICY = (
        POOLS
        + """\
decisions:
  - {name: guard, when: images, action: {reject: {status: 403}}}
  - {name: stream, when: stream, route: large}
recipes:
  cheap: {virtualModels: [auto-cheap], default: small}
  best: {default: large}
requests: {recipeHeader: x-recipe}
"""
    )

    def decided(self, make_router: Callable[[str], Router], headers: dict[str, str], **body: Any) -> Outcome:
        """What becomes of a request."""
        raw = json.dumps({"model": "auto", "messages": [{"role": "user", "content": "hello"}], **body}).encode()
        return decide(make_router(self.POLICY), path=PATH, headers=headers, body=raw)

    def test_are_chosen_by_model(self, make_router: Callable[[str], Router]) -> None:
        """And leave the main policy's routes out."""
        outcome = self.decided(make_router, {}, model="auto-cheap", stream=True)

        assert (outcome.decision.recipe, outcome.decision.name) == ("cheap", "default")

    def test_are_chosen_by_header(self, make_router: Callable[[str], Router]) -> None:
        """Which goes before the model."""
        outcome = self.decided(make_router, {"X-Recipe": "best"}, model="auto-cheap")

        assert outcome.selection is not None
        assert (outcome.decision.recipe, outcome.selection.pool.name) == ("best", "large")

    def test_a_header_that_names_none_is_an_error(self, make_router: Callable[[str], Router]) -> None:
        """Not, by silence, the main policy."""
        outcome = self.decided(make_router, {"x-recipe": "bst"})

        assert (outcome.verdict, outcome.status) == (Verdict.REJECT, 400)

    def test_keep_the_guards(self, make_router: Callable[[str], Router]) -> None:
        """Whichever is chosen."""
        picture = [{"type": "image_url", "image_url": {"url": "data:,"}}]
        for headers, model in (({}, "auto-cheap"), ({"x-recipe": "best"}, "auto"), ({"x-recipe": "best"}, "qwen-small")):
            outcome = self.decided(make_router, headers, model=model, messages=[{"role": "user", "content": picture}])

            assert (outcome.status, outcome.decision.name) == (403, "guard")


class TestLearning:
    def test_observations_reach_the_pools_statistics(self, make_router: Callable[[str], Router]) -> None:
        """And the estimate of prompt sizes."""
        router = make_router(POOLS)
        request = Request("openai_chat", "auto", (Message(Role.USER, (Part(PartKind.TEXT, "word " * 400),)),))
        before = router.prompt_tokens(request)

        for _ in range(50):
            router.observe(Observation("1", "small", "m", 200, input_tokens=2 * before, time_to_first_token_s=0.5), request)

        assert router.statistics()["small"].time_to_first_token_s == pytest.approx(0.5)
        assert before < router.prompt_tokens(request) <= 2 * before

    def test_only_what_learns_is_observed(self, make_router: Callable[[str], Router]) -> None:
        """A policy without such a selector asks for no response."""
        plain = make_router(POOLS)
        learning = make_router(
            POOLS + "decisions: [{name: a, when: stream, route: {candidates: [large], select: lowest-latency}}]\n"
        )

        assert (plain.may_observe, learning.may_observe) == (False, True)
        assert (learning.observes("large"), learning.observes("small")) == (True, False)


class TestExplanation:
    def test_tells_everything_that_led_to_the_outcome(self, router: Router, chat: Callable[..., bytes]) -> None:
        """As plain values."""
        told = explain(router, path=PATH, headers={}, body=chat("Why this traceback?")).to_dict()

        assert (told["verdict"], told["decision"], told["pool"], told["model"]) == ("route", "code", "large", "qwen-large")
        assert [rule["name"] for rule in told["rules"]] == ["no-secrets", "greeting", "code"]
        assert told["rules"][2]["when"] == {"text": "code_words", "truth": "true", "observed": "present"}
        assert told["signals"]["code_words"]["evidence"] == ["traceback"]
        assert told["signals"]["code_words"]["us"] > 0
        assert told["changes"] == {"model": "qwen-large"}
        json.dumps(told)

    def test_says_nothing_of_the_prompt(self, router: Router, chat: Callable[..., bytes]) -> None:
        """It may be logged."""
        told = explain(router, path=PATH, headers={}, body=chat("xyzzy traceback plugh")).to_dict()

        assert "xyzzy" not in json.dumps(told)

    def test_is_not_to_be_had_for_what_no_rule_sees(self, router: Router) -> None:
        """The refusal says why."""
        with pytest.raises(RequestRefusedError) as caught:
            explain(router, path="/other", headers={}, body=b"{}")

        assert caught.value.reason is Reason.NOT_LLM


class TestNobodyCanServe:
    def test_is_a_400_with_the_reasons(self, make_router: Callable[[str], Router], chat: Callable[..., bytes]) -> None:
        """Not a pool that would fail."""
        router = make_router(POOLS.replace("model: qwen-small}", "model: qwen-small, contextWindow: 5}"))

        outcome = decide(router, path=PATH, headers={}, body=chat("many words " * 50))

        assert (outcome.verdict, outcome.status, outcome.decision.reason) == (Verdict.REJECT, 400, Reason.NO_CANDIDATE)
        assert "small: context_window" in outcome.message


class TestPolicyChoices:
    @pytest.mark.parametrize(
        ("setting", "body", "headers", "reason"),
        [
            pytest.param("malformed: route", b'{"a":1,"a":2}', {}, Reason.DUPLICATE_KEY, id="malformed"),
            pytest.param("malformed: route", b"", {}, Reason.EMPTY_BODY, id="empty"),
            pytest.param("unreadableEncoding: route", b"x", {"content-encoding": "br"}, Reason.UNREADABLE_ENCODING, id="brotli"),
        ],
    )
    def test_what_cannot_be_read_may_be_routed_unread(
        self, make_router: Callable[[str], Router], setting: str, body: bytes, headers: dict[str, str], reason: Reason
    ) -> None:
        """To the default, the body untouched."""
        outcome = decide(make_router(POOLS + f"requests: {{{setting}}}\n"), path=PATH, headers=headers, body=body)

        assert outcome.selection is not None
        assert (outcome.verdict, outcome.selection.pool.name, outcome.decision.reason) == (Verdict.ROUTE, "small", reason)
        assert not outcome.edits

    def test_or_refused(self, make_router: Callable[[str], Router]) -> None:
        """415, as HTTP has it."""
        router = make_router(POOLS + "requests: {unreadableEncoding: reject}\n")

        assert decide(router, path=PATH, headers={"content-encoding": "br"}, body=b"x").status == 415

    @pytest.mark.parametrize(("setting", "verdict"), [("reject", Verdict.REJECT), ("route", Verdict.ROUTE)])
    def test_a_fault_of_our_own_is_refused_or_routed(
        self, fakes: dict[str, int], chat: Callable[..., bytes], setting: str, verdict: Verdict
    ) -> None:
        """As the policy says; the caller always gets an answer."""
        router = router_of(f"requests: {{onError: {setting}}}\n")
        router.prompt_tokens = broken

        outcome = decide(router, path=PATH, headers={}, body=chat())

        assert (outcome.verdict, outcome.decision.reason) == (verdict, Reason.INTERNAL_ERROR)
        assert fakes == {}

    def test_prefixes_find_the_apis(self, make_router: Callable[[str], Router], chat: Callable[..., bytes]) -> None:
        """Below them only."""
        router = make_router(POOLS + "requests: {pathPrefixes: [/openai]}\n")

        assert decide(router, path="/openai/v1/chat/completions", headers={}, body=chat()).verdict is Verdict.ROUTE
        assert decide(router, path=PATH, headers={}, body=chat()).decision.reason is Reason.NOT_LLM

    def test_stripped_headers_are_not_seen(self, make_router: Callable[[str], Router], chat: Callable[..., bytes]) -> None:
        """By any signal."""
        text = POOLS + "signals: {vip: {type: header, header: x-vip}}\ndecisions: [{name: a, when: vip, route: large}]\n"
        headers = {"x-vip": "1"}

        assert decide(make_router(text), path=PATH, headers=headers, body=chat()).decision.name == "a"
        stripped = make_router(text + "headers: {strip: [x-vip]}\n")
        assert decide(stripped, path=PATH, headers=headers, body=chat()).decision.name == "default"

    def test_identity_comes_from_the_named_headers(
        self, make_router: Callable[[str], Router], chat: Callable[..., bytes]
    ) -> None:
        """Groups are a list."""
        text = (
            POOLS + "identity: {groupsHeader: X-Groups}\ndecisions: [{name: a, when: {signal: group, in: [b]}, route: large}]\n"
        )

        assert decide(make_router(text), path=PATH, headers={"x-groups": "a, b"}, body=chat()).decision.name == "a"
        assert decide(make_router(text), path=PATH, headers={"x-groups": "ab"}, body=chat()).decision.name == "default"
        assert decide(make_router(text), path=PATH, headers={}, body=chat()).decision.name == "default"
