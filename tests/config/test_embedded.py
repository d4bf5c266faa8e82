"""Embedded tests: each expectation is held, and a failure says what came instead."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from router_extproc.config.embedded import differences, failures
from router_extproc.config.offline import decide
from router_extproc.policy.compiled import Expectation, PolicyTest
from router_extproc.routing import Signal, Unknown, UnknownReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.router import Router
    from router_extproc.routing import SignalResult

    Fails = Callable[[str, str], list[str]]

TEST = PolicyTest("t", "/v1/chat/completions", {}, b"", Expectation(), ("tests", 0))


@pytest.fixture
def fails(make_router: Callable[[str], Router], policy: str) -> Fails:
    """The messages of one test's failures, by its prompt and what it expects."""

    def run(prompt: str, expect: str) -> list[str]:
        text = f"{policy}tests:\n  - {{name: t, prompt: {prompt}, expect: {expect}}}\n"
        return [problem.message.removeprefix("the test 't' fails: ") for problem in failures(make_router(text), text)]

    return run


class TestFailures:
    @pytest.mark.parametrize(
        ("prompt", "expect"),
        [
            pytest.param("a traceback", "{decision: code, pool: large, model: qwen-large}", id="routed"),
            pytest.param("hi", "{decision: default, verdict: route, reason: default, status: 200}", id="default"),
            pytest.param("hunter2", "{decision: no-secrets, verdict: reject, status: 403}", id="rejected"),
            pytest.param("a traceback", "{signals: {code_words: true, secret: false}}", id="signals"),
        ],
    )
    def test_none_if_all_is_as_expected(self, fails: Fails, prompt: str, expect: str) -> None:
        """A met expectation is silent."""
        assert fails(prompt, expect) == []

    @pytest.mark.parametrize(
        ("prompt", "expect", "told"),
        [
            pytest.param("hi", "{decision: code}", "expected decision code, got default", id="decision"),
            pytest.param("hi", "{verdict: reject}", "expected verdict reject, got route", id="verdict"),
            pytest.param("hi", "{pool: large}", "expected pool large, got small", id="pool"),
            pytest.param("hi", "{model: qwen-large}", "expected model qwen-large, got qwen-small", id="model"),
            pytest.param("hunter2", "{status: 200}", "expected status 200, got 403", id="status"),
            pytest.param("hunter2", "{pool: small}", "expected pool small, got nothing", id="no pool"),
            pytest.param("hi", "{reason: rule}", "expected reason rule, got default", id="reason"),
            pytest.param("hi", "{signals: {secret: true}}", "expected signals.secret true, got 0.0", id="flag"),
        ],
    )
    def test_tells_what_came_instead(self, fails: Fails, prompt: str, expect: str, told: str) -> None:
        """Each expectation that is not met is one problem."""
        assert fails(prompt, expect) == [told]

    def test_tells_of_a_signal_that_was_not_needed(self, fails: Fails) -> None:
        """It is not false: the walk ended before it was asked for."""
        (told,) = fails("hunter2", "{signals: {code_words: false}}")

        assert "it was not computed, because another condition decided first" in told

    def test_the_cure_tells_the_decision(self, make_router: Callable[[str], Router], policy: str) -> None:
        """And the command that shows how it came about."""
        text = policy + "tests:\n  - {name: t, prompt: hi, expect: {decision: code}}\n"
        (problem,) = failures(make_router(text), text)

        assert problem.cure == "it came to 'default' (default); `router-extproc explain` shows why"
        assert problem.path == "tests[0].expect.decision"

    def test_every_test_runs(self, make_router: Callable[[str], Router], policy: str) -> None:
        """The failure of one hides no other."""
        text = policy + "tests:\n" + "".join(f"  - {{name: t{n}, prompt: hi, expect: {{pool: large}}}}\n" for n in range(3))

        assert [problem.path for problem in failures(make_router(text), text)] == [f"tests[{n}].expect.pool" for n in range(3)]


class TestDifferences:
    @pytest.mark.parametrize(
        ("result", "fact", "agree"),
        [
            pytest.param(Signal("s", 1.0), True, True, id="present"),
            pytest.param(Signal("s", 0.0), True, False, id="absent"),
            pytest.param(Signal("s", 0.0), False, True, id="wanted absent"),
            pytest.param(Signal("s", 0.93), 0.93, True, id="score"),
            pytest.param(Signal("s", 0.93), 0.9, False, id="other score"),
            pytest.param(Signal("s", 1.0, measure=812.0), 812, True, id="number"),
            pytest.param(Signal("s", 1.0, measure=812.0), 1.0, False, id="a number's value is not its measure"),
            pytest.param(Signal("s", 1.0, label="de"), "de", True, id="label"),
            pytest.param(Signal("s", 1.0, label="de", labels={"de": 1.0, "en": 0.6}), "en", True, id="one of several labels"),
            pytest.param(
                Signal("s", 0.6, label="de", labels={"de": 0.6, "en": 0.4}), "en", False, id="a label that is not likely"
            ),
            pytest.param(Signal("s", 1.0, label="de"), "en", False, id="other label"),
            pytest.param(Unknown("s", UnknownReason.NO_TEXT), False, False, id="unknown is not absent"),
            pytest.param(None, False, False, id="not computed is not absent"),
        ],
    )
    def test_of_a_signal(
        self, router: Router, chat: Callable[..., bytes], result: SignalResult | None, *, fact: bool | float | str, agree: bool
    ) -> None:
        """Flags by presence, numbers by measure, labels by name; what is unknown meets no expectation."""
        decided = decide(router, path=TEST.path, headers={}, body=chat())
        outcome = replace(decided, signals={} if result is None else {"s": result})
        test = replace(TEST, expect=Expectation(signals={"s": fact}))

        assert (not list(differences(test, outcome))) == agree
