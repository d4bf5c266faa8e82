"""Sessions in a router: turns that stay, leave, are raised, lowered and refused, and what the outcome tells of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from agent import asked, call, result, user

from router_extproc.breaker import circuit_options
from router_extproc.config.embedded import failures
from router_extproc.health import PoolHealth
from router_extproc.limits.memory import MemoryStore
from router_extproc.policy.load import compile_policy
from router_extproc.pools import PoolStats
from router_extproc.router import Router
from router_extproc.routing import Observation, Outcome, Verdict
from router_extproc.selectors.registry import SELECTORS
from router_extproc.sessions.memory import SessionMemory
from router_extproc.sessions.sessions import Sessions
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from router_extproc.request import Message, Request

HEAD = """\
version: 1
pools:
  small: {cluster: s, model: small, contextWindow: 4000, price: {input: 1, output: 2, cached: 0.1}}
  medium: {cluster: m, model: medium, price: {input: 3, output: 6, cached: 0.3}}
  large: {cluster: l, model: large, trusted: true, price: {input: 10, output: 20, cached: 1}}
  spare: {cluster: x, model: spare}
virtualModels: [auto]
signals: {hard: {type: keyword, any: [prove], reads: last_user}}
"""
TASK = user("prove that the tests pass")
LOOP = (call(), result())


@dataclass
class Clock:
    """Seconds, as the test says."""

    now: float = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@dataclass
class Bench:
    """A router with its clock."""

    text: str
    clock: Clock = field(default_factory=Clock)
    store: MemoryStore | None = None

    def __post_init__(self) -> None:
        """Compile it."""
        services = SignalServices()
        policy = compile_policy(self.text, source="p", services=services, selectors=SELECTORS).policy
        self.health = PoolHealth(clock=self.clock)
        self.health.configure(policy.settings.circuits, policy.pools)
        self.sessions = Sessions(SessionMemory(clock=self.clock))
        self.router = Router(
            policy,
            services=services,
            stats=PoolStats(clock=self.clock),
            store=self.store,
            sessions=self.sessions,
            health=self.health,
        )

    def ask(self, *messages: Message, **more: dict[str, str]) -> Outcome:
        """One turn that nothing is heard of."""
        return self.router.route(asked(*messages, **more))  # type: ignore[arg-type]  # fields by name

    def told(
        self,
        outcome: Outcome,
        *,
        status: int = 200,
        prompt: int = 1000,
        output: int = 100,
        cached: int | None = None,
        name: str = "",
    ) -> None:
        """The answer to it."""
        assert outcome.selection is not None
        pool = outcome.selection.pool
        seen = Observation(outcome.id, pool.name, pool.model, status, prompt, output, cached, response_id=name)
        if status >= 400:
            seen = Observation(outcome.id, pool.name, pool.model, status)
        self.router.observe(seen)
        if outcome.settle is not None:
            outcome.settle(seen)


def bench(
    session: str = "{}", *, rule: str = "", select: str = "cheapest-sufficient", fallback: str = "", more: str = ""
) -> Bench:
    """A router with this `session` in its default route, and this rule before it."""
    falls = f", fallback: {fallback}" if fallback else ""
    default = f"default: {{candidates: [small, medium, large], select: {select}, session: {session}{falls}}}\n"
    decisions = f"decisions:\n  - {rule}\n" if rule else ""
    return Bench(HEAD + default + decisions + more)


def went(outcome: Outcome) -> tuple[str, str, str]:
    """Where it went, by which move, and why."""
    assert outcome.session is not None
    return (outcome.selection.pool.name if outcome.selection else "-", outcome.session.move.value, outcome.session.why)


HARD = "{name: hard, when: hard, route: {candidates: [large, medium], session: {}}}"


class TestTurns:
    def test_a_tool_loop_stays_where_it_is(self) -> None:
        """Whatever the selector says; the note tells the turn, what it is known by and why."""
        router = bench("{switch: always}", rule=HARD)
        first = router.ask(TASK)
        assert went(first) == ("large", "opened", "")

        # The last user turn still says `prove`; the prompt is short, and the other rule would not hold its pool.
        assert went(router.ask(TASK, *LOOP)) == ("large", "kept", "tool_loop")
        later = router.ask(TASK, *LOOP, user("thanks"))
        assert went(later) == ("small", "switched", "always")
        note = later.session
        assert note is not None
        assert (note.turn, note.before, note.source.value) == (3, "large", "fingerprint")

    def test_a_tool_loop_stays_with_a_pool_that_this_rule_has_not(self) -> None:
        """Where another rule matches in the middle of it; when the loop is over the rule has its way."""
        router = bench(rule="{name: hard, when: hard, route: {candidates: [large, medium], session: {}}}")
        hello = user("hello there")
        assert went(router.ask(hello))[0] == "small"
        asks = (hello, call(), result("now prove it"), user("<system-reminder>x</system-reminder>"))
        assert went(router.ask(hello, *LOOP)) == ("small", "kept", "tool_loop")
        assert went(router.ask(*asks[:1], *LOOP, user("prove it"))) == ("large", "moved", "no candidate")
        assert went(router.ask(*asks[:1], *LOOP, user("prove it"), *LOOP)) == ("large", "kept", "tool_loop")

    def test_what_does_not_fit_is_left_in_the_middle_of_a_loop(self) -> None:
        """The context window."""
        router = bench()
        assert went(router.ask(TASK)) == ("small", "opened", "")

        assert went(router.ask(TASK, call(), result("word " * 6000))) == ("medium", "moved", "context_window")

    def test_a_rule_may_override_a_loop(self) -> None:
        """By its own word."""
        rule = "{name: hard, when: hard, route: {candidates: [large], session: {override: true, budget: {usd: 9}}}}"
        router = bench(rule=rule)
        hello = user("hello there")
        assert went(router.ask(hello))[0] == "small"
        assert went(router.ask(hello, *LOOP))[1] == "kept"
        router = bench("{override: true}", select="first")
        router.ask(TASK)
        assert went(router.ask(TASK, *LOOP)) == ("small", "pinned", "override")

    def test_private_data_moves_it(self) -> None:
        """Also in the middle of a loop."""
        rule = "{name: mail, action: {pii: {types: {EMAIL: trusted}}}}"
        router = bench(rule=rule)
        assert went(router.ask(TASK))[0] == "small"

        assert went(router.ask(TASK, call(), result("ann.lee@example.org"))) == ("large", "moved", "trusted")

    def test_nobody_known_is_no_session(self) -> None:
        """Requests in which nobody spoke, and routes without `session`."""
        assert bench().ask().session is None

    def test_an_answer_names_the_session(self) -> None:
        """`previous_response_id`."""
        router = bench()
        router.told(router.ask(TASK), name="resp_1")
        later = router.router.route(asked(user("go on"), conversation_id="resp_1"))

        assert later.session is not None
        assert (later.session.turn, later.session.before) == (2, "small")


class TestThreads:
    CLAUDE = "user_a_account_b_session_c-1"

    def test_a_call_on_the_side_moves_no_loop(self) -> None:
        """Conversations under one id have a pool each, and spend together."""
        router = bench("{budget: {tokens: 5000}}", rule=HARD.replace("{}", "{budget: {tokens: 5000}}"))

        def said(*messages: Message) -> Outcome:
            return router.router.route(asked(*messages, api="anthropic_messages", end_user=self.CLAUDE))

        router.told(said(TASK))
        aside = said(user("name this conversation"))
        router.told(aside)
        assert went(aside) == ("small", "opened", "")
        later = said(TASK, *LOOP)
        assert went(later) == ("large", "kept", "tool_loop")
        assert later.session is not None
        assert (later.session.turn, later.session.tokens) == (2, 2200)


class TestSwitching:
    def opened(self, router: Bench, *, cached: int, prompt: int = 3000) -> None:
        """A session at large whose prompts are cached as told."""
        first = router.ask(TASK)
        assert went(first)[0] == "large"
        router.told(first, prompt=prompt)
        second = router.ask(TASK, *LOOP)
        router.told(second, prompt=prompt, cached=cached)

    def test_leaves_where_the_gain_is_larger_than_the_loss(self) -> None:
        """Small is cheaper by more than reading the prompt anew costs."""
        router = bench("{expectedTurns: 5}", rule=HARD)
        self.opened(router, cached=3000)
        outcome = router.ask(TASK, *LOOP, user("thanks"))

        assert went(outcome) == ("small", "switched", "worth it")
        note = outcome.session
        assert note is not None
        assert note.gain_usd is not None
        assert note.loss_usd is not None
        assert note.gain_usd > note.loss_usd > 0
        assert note.cached_tokens > 0

    def test_stays_where_the_loss_is_larger(self) -> None:
        """Back to medium for one short turn: a long prompt would be read anew."""
        router = Bench(
            HEAD.replace("price: {input: 3, output: 6, cached: 0.3}", "price: {input: 9, output: 20, cached: 5}")
            + "default: {candidates: [medium, large], session: {expectedTurns: 1}}\ndecisions:\n"
            "  - {name: hard, when: hard, route: {candidates: [large], session: {budget: {usd: 9}}}}\n"
        )
        self.opened(router, cached=3000)
        long = user("word " * 3000)
        outcome = router.ask(TASK, *LOOP, long)

        assert went(outcome) == ("large", "pinned", "not worth it")

    def test_an_old_cache_is_worth_nothing(self) -> None:
        """After a pause that is longer than it lives."""
        router = bench("{cacheTtlSeconds: 60}", rule=HARD)
        self.opened(router, cached=3000)
        router.clock.now += 61
        note = router.ask(TASK, *LOOP, user("thanks")).session

        assert note is not None
        assert (note.cached_tokens, note.loss_usd, note.idle_s) == (0, 0.0, 61.0)

    def test_never_is_never(self) -> None:
        """But a rule that has not its pool still moves it."""
        router = bench("{switch: never}", rule=HARD)
        self.opened(router, cached=0)

        assert went(router.ask(TASK, *LOOP, user("thanks"))) == ("large", "pinned", "never")

    def test_a_score_may_be_worth_money(self) -> None:
        """The selector's order, here the place in the list."""
        text = "default: {{candidates: [large, small], session: {{scoreUsd: {worth}}}}}\n"
        for worth, pool in ((0.0, "small"), (1.0, "large")):
            router = Bench(
                HEAD
                + text.format(worth=worth)
                + "decisions:\n  - {name: hard, when: hard, route: {candidates: [small], session: {budget: {usd: 9}}}}\n"
            )
            router.told(router.ask(TASK))
            assert went(router.ask(TASK, *LOOP, user("thanks")))[0] == pool


class TestEscalation:
    STUCK = (TASK, *(call(), result()) * 3)

    def test_raises_and_comes_back(self) -> None:
        """One step up in the middle of a loop, held until it has got on for some turns, and then by what is worth it."""
        router = bench("{escalate: {holdTurns: 2}}")
        assert went(router.ask(TASK))[0] == "small"
        assert went(router.ask(TASK, *LOOP))[1] == "kept"
        assert went(router.ask(*self.STUCK)) == ("medium", "escalated", "calls 3")
        on = (*self.STUCK, call("edit"), result())
        assert went(router.ask(*on)) == ("medium", "kept", "tool_loop")
        assert went(router.ask(*on, user("well?"))) == ("medium", "held", "calm 1")
        assert went(router.ask(*on, user("well?"), user("fine"))) == ("small", "switched", "worth it")

    def test_goes_on_rising_only_for_new_signs(self) -> None:
        """What was there at the last escalation counts no longer."""
        router = bench("{escalate: {}}")
        router.ask(TASK)
        assert went(router.ask(*self.STUCK))[0] == "medium"
        more = (*self.STUCK, call(), result())
        assert went(router.ask(*more)) == ("medium", "kept", "tool_loop")
        assert went(router.ask(*more, call(), result(), call(), result())) == ("large", "escalated", "calls 3")
        top = (*more, *(call(), result()) * 8)
        assert went(router.ask(*top)) == ("large", "kept", "tool_loop")

    def test_goes_by_the_order_that_is_given(self) -> None:
        """Whatever the prices."""
        router = bench("{escalate: {order: [small, large, medium]}}")
        router.ask(TASK)

        assert went(router.ask(*self.STUCK))[0] == "large"

    def test_a_sign_that_does_not_count(self) -> None:
        """Is none."""
        router = bench("{escalate: {repeatedCalls: 0}}")
        router.ask(TASK)

        assert went(router.ask(*self.STUCK)) == ("small", "kept", "tool_loop")

    def test_a_person_who_asks_again(self) -> None:
        """Between loops."""
        router = bench("{escalate: {}}")
        router.ask(TASK)

        assert went(router.ask(TASK, user("Prove that the tests pass!"))) == ("medium", "escalated", "reasks 1")


class TestBudget:
    def test_is_spent_by_what_answers_tell(self) -> None:
        """Nearly: the cheapest, between loops. Spent: refused, also within one."""
        clause = "{budget: {tokens: 2000, nearly: 0.5, status: 402, message: Enough.}}"
        router = bench(clause, rule=HARD.replace("{}", clause))
        router.told(router.ask(TASK), prompt=900, output=200)
        in_loop = router.ask(TASK, *LOOP)
        assert went(in_loop) == ("large", "kept", "tool_loop")
        router.told(in_loop, status=503)
        nearly = router.ask(TASK, *LOOP, user("thanks"))
        assert went(nearly) == ("small", "lowered", "budget")
        router.told(nearly, prompt=900, output=200)
        refused = router.ask(TASK, *LOOP, user("thanks"), *LOOP)
        assert refused.verdict is Verdict.REJECT
        assert (refused.status, refused.message, refused.decision.reason.value) == (402, "Enough.", "budget_spent")
        assert went(refused) == ("-", "refused", "budget")

    def test_nearly_spent_lowers_between_loops_only(self) -> None:
        """And nothing is escalated any more."""
        router = bench("{budget: {tokens: 10000, nearly: 0.1}, escalate: {}}", rule=HARD)
        router.told(router.ask(TASK), prompt=900, output=200)
        stuck = (TASK, *(call(), result()) * 3)

        assert went(router.ask(*stuck)) == ("large", "kept", "tool_loop")
        assert went(router.ask(*stuck, user("thanks"))) == ("small", "lowered", "budget")

    def test_spent_may_mean_the_cheapest(self) -> None:
        """At once, also in the middle of a loop."""
        router = bench("{budget: {usd: 0.001, then: cheapest}}", rule=HARD)
        router.told(router.ask(TASK))

        assert went(router.ask(TASK.__class__(TASK.role, TASK.parts), *LOOP, user("thanks"), *LOOP)) == (
            "small",
            "lowered",
            "budget",
        )
        assert went(router.ask(TASK, *LOOP, user("thanks"), *LOOP, *LOOP)) == ("small", "kept", "budget")

    def test_a_task_has_its_own(self) -> None:
        """Shared by its sessions; a request without one is its session's."""
        more = "sessions: {taskHeader: x-task}\n"
        router = bench("{budget: {per: task, tokens: 1500}}", more=more)
        first = router.ask(TASK, headers={"x-task": "t"})
        router.told(first, prompt=1900)
        assert router.ask(user("another session"), headers={"x-task": "t"}).verdict is Verdict.REJECT
        assert router.ask(TASK).verdict is Verdict.REJECT
        assert router.ask(user("another session"), headers={"x-task": "u"}).verdict is Verdict.ROUTE

    def test_goes_with_rate_limits(self) -> None:
        """Both are told of the answer."""
        text = (
            HEAD + "default: {candidates: [small, large], session: {budget: {tokens: 5000}}}\n"
            "rateLimits: [{name: all, tokens: 5000, window: 1h}]\n"
        )
        router = Bench(text, store=MemoryStore())
        router.told(router.ask(TASK), prompt=1900)
        note = router.ask(TASK, *LOOP).session

        assert note is not None
        assert note.tokens == 2000


class TestExplaining:
    def test_changes_nothing(self) -> None:
        """It tells what the next turn would be."""
        router = bench()
        router.ask(TASK)
        request: Request = asked(TASK, *LOOP)
        explained = [router.router.explain(request).to_dict()["session"] for _ in range(2)]

        assert explained[0] == explained[1]
        assert explained[0]["turn"] == 2
        assert explained[0]["move"] == "kept"

    def test_a_policys_own_tests_open_sessions_of_their_own(self) -> None:
        """They neither see nor change those of callers; `repeat` makes them turns of one session."""
        more = "tests:\n  - {name: spends, prompt: hello there, repeat: 9, expect: {reason: budget_spent}}\n"
        router = bench("{budget: {tokens: 2000}}", more=more)

        assert failures(router.router, router.text) == ()
        assert len(router.sessions.memory) == 0


class TestFallback:
    def down(self, router: Bench, pool: str) -> None:
        """Enough failures to open its circuit."""
        for _ in range(5):
            router.health.observe(Observation("1", pool, pool, 503))

    def test_goes_round_a_pool_that_fails(self) -> None:
        """To the next in the list, and tells it; a session of its own stays there when it is back."""
        router = bench(fallback="{}")
        assert went(router.ask(TASK))[0] == "small"
        self.down(router, "small")
        outcome = router.ask(TASK, *LOOP)

        assert went(outcome) == ("medium", "moved", "circuit_open")
        assert [(each.pool, each.why, each.to) for each in outcome.reroutes] == [("small", "circuit_open", "medium")]
        assert router.ask(user("a new one")).selection is not None
        assert went(router.ask(user("a new one"), *LOOP)) == ("medium", "kept", "tool_loop")

    def test_goes_the_cheapest_way(self) -> None:
        """By what an answer costs until there is one."""
        text = "default: {candidates: [small, large, medium], fallback: {order: cheapest}}\n"
        router = Bench(HEAD + text)
        self.down(router, "small")
        outcome = router.ask(TASK)

        assert outcome.selection is not None
        assert outcome.selection.pool.name == "medium"

    def test_a_loop_that_stays_left_nothing(self) -> None:
        """Though the selector would have liked a pool that cannot be asked."""
        router = bench(rule=HARD, fallback="{}")
        router.ask(TASK)
        self.down(router, "small")
        hello = user("hello there")
        outcome = router.ask(TASK, *LOOP, hello, *LOOP)

        assert went(outcome)[0] in {"large", "medium"}
        assert went(router.ask(TASK, *LOOP, hello, *LOOP, *LOOP))[1:] == ("kept", "tool_loop")
        assert router.ask(TASK, *LOOP, hello, *LOOP, *LOOP).reroutes == ()

    def test_a_loop_outlives_the_candidates_of_another_rule(self) -> None:
        """Where none of those can be asked, and the loop's own pool can."""
        route = "{candidates: [large], session: {budget: {usd: 9}}, fallback: {}}"
        router = bench(rule=f"{{name: hard, when: hard, route: {route}}}", fallback="{}")
        hello = user("hello there")
        router.ask(hello)
        self.down(router, "large")

        assert went(router.ask(hello, *LOOP)) == ("small", "kept", "tool_loop")
        assert (
            went(router.ask(hello, call(), result("prove it"), user("<system-reminder>prove</system-reminder>"), *LOOP))[0]
            == "small"
        )
        assert router.ask(hello, *LOOP, user("prove it"), *LOOP).verdict is Verdict.ROUTE
        assert router.ask(hello, *LOOP, user("prove it")).verdict is Verdict.REJECT

    def test_the_last_resort_keeps_its_session(self) -> None:
        """As long as no candidate can be asked; then it goes back."""
        router = bench(fallback="{lastResort: spare}")
        for each in ("small", "medium", "large"):
            self.down(router, each)
        assert went(router.ask(TASK)) == ("spare", "opened", "")
        assert went(router.ask(TASK, *LOOP, user("and?")))[:2] == ("spare", "pinned")
        router.health.configure(circuit_options(9), ["small", "medium", "large", "spare"])
        assert went(router.ask(TASK, *LOOP, user("and?"), user("well?"))) == ("small", "moved", "no candidate")

    @pytest.mark.parametrize(
        ("fallback", "pool", "status"),
        [
            pytest.param("{}", None, 503, id="refused"),
            pytest.param("{onExhausted: try}", "small", 200, id="tried"),
            pytest.param("{lastResort: spare}", "spare", 200, id="last resort"),
        ],
    )
    def test_an_exhausted_list_is_told(self, fallback: str, pool: str | None, status: int) -> None:
        """As the operator wants it; every pool that was left is in the outcome."""
        router = bench(fallback=fallback)
        for each in ("small", "medium", "large"):
            self.down(router, each)
        outcome = router.ask(TASK)

        assert (outcome.selection.pool.name if outcome.selection else None, outcome.status) == (pool, status)
        assert [each.pool for each in outcome.reroutes] == ["small", "medium", "large"]
        if pool is None:
            assert outcome.decision.reason.value == "pools_exhausted"
            assert "small: circuit_open" in outcome.message

    def test_probes_when_the_pause_is_over(self) -> None:
        """One request; while it is on its way the others go round, and its answer closes the circuit."""
        router = Bench(HEAD + "default: {candidates: [small, large], fallback: {}}\n")
        self.down(router, "small")
        router.clock.now += 5.1
        probe = router.ask(TASK)
        others = [router.ask(user("another")) for _ in range(3)]
        router.told(probe)

        assert probe.selection is not None
        assert probe.selection.pool.name == "small"
        assert {each.selection.pool.name for each in others if each.selection} == {"large"}
        assert [each.selection.pool.name for each in (router.ask(TASK), router.ask(TASK)) if each.selection] == ["small", "small"]

    def test_envoy_knows_of_no_host(self) -> None:
        """Then the pool is left before it fails."""
        router = Bench(HEAD + "default: {candidates: [small, large], fallback: {}}\n")
        router.health.learn({"s": 0, "l": 2})
        outcome = router.ask(TASK)

        assert [(each.pool, each.why, each.to) for each in outcome.reroutes] == [("small", "no_healthy_hosts", "large")]
        router.clock.now += 31
        assert router.ask(TASK).reroutes == ()

    def test_a_route_without_it_asks_all_the_same(self) -> None:
        """As ever."""
        router = bench()
        self.down(router, "small")

        assert went(router.ask(TASK))[0] == "small"
