"""The signals of the encoder's own heads, each in a policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from told import signal, why_unknown

from router_extproc.encoders.heads import CLASSES
from router_extproc.routing import Cost, SignalKind, UnknownReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.router import Router
    from router_extproc.routing import Outcome
    from router_extproc.signals.services import SignalServices

    Decided = Callable[..., Outcome]

ANSWERED = ({"role": "user", "content": "tell me a song"}, {"role": "assistant", "content": "a song"})
LONG = "the tea of the song " * 200


class TestClassHeads:
    @pytest.mark.parametrize(
        ("kind", "text", "label"),
        [
            pytest.param("domain", "what is algebra", "math", id="domain"),
            pytest.param("domain", "tell me about the court", "law", id="another domain"),
            pytest.param("modality", "draw a song", "image", id="modality"),
        ],
    )
    def test_tell_a_label(self, outcome: Decided, kind: str, text: str, label: str) -> None:
        """With the probability of each, which a rule can ask for."""
        found = outcome(f"{{type: {kind}}}", f"{{signal: it, is: {label}, atLeast: 0.9}}", text)

        told = signal(found)
        assert found.decision.name == "hit"
        assert (told.label, told.coverage) == (label, 1.0)
        assert told.labels is not None
        assert set(told.labels) == set(CLASSES[kind])
        assert sum(told.labels.values()) == pytest.approx(1.0)

    @pytest.mark.parametrize("kind", ["domain", "modality"])
    def test_of_no_text_are_unknown(self, outcome: Decided, kind: str) -> None:
        """What that means is the rule's to say."""
        label = CLASSES[kind][0]
        found = outcome(f"{{type: {kind}}}", f"{{signal: it, is: {label}}}", " \n", on_unknown="match")

        assert why_unknown(found) is UnknownReason.NO_TEXT
        assert (found.decision.name, found.decision.unknown) == ("hit", ("it",))


class TestChanceHeads:
    @pytest.mark.parametrize(
        ("kind", "text", "plain"),
        [
            pytest.param("difficulty", "please prove", "tell me a song", id="difficulty"),
            pytest.param("fact_check", "what is the capital", "tell me a song", id="fact_check"),
        ],
    )
    def test_tell_a_probability(self, outcome: Decided, kind: str, text: str, plain: str) -> None:
        """Of a text with the word that the model knows, and of one without."""
        rule = (f"{{type: {kind}}}", "{signal: it, atLeast: 0.5}")

        assert outcome(*rule, text).decision.name == "hit"
        assert outcome(*rule, plain).decision.name == "default"
        assert 0 < signal(outcome(*rule, plain)).value < 0.5 < signal(outcome(*rule, text)).value < 1

    def test_can_be_asked_by_their_type(self, outcome: Decided) -> None:
        """They have no option that must be set."""
        found = outcome("{type: domain}", "{all: [difficulty, {signal: it, is: math}]}", "prove algebra")

        assert found.decision.name == "hit"


class TestFeedback:
    def test_is_told_after_an_answer(self, outcome: Decided) -> None:
        """What the user says of it."""
        found = outcome("{type: feedback}", "{signal: it, is: wrong_answer}", *ANSWERED, "that is wrong")

        assert found.decision.name == "hit"

    @pytest.mark.parametrize(
        "turns",
        [
            pytest.param(("that is wrong",), id="one turn"),
            pytest.param(("a song", "that is wrong"), id="two turns of the user"),
            pytest.param(("that is wrong", {"role": "assistant", "content": "a"}), id="the answer is still to be judged"),
            pytest.param(
                ({"role": "assistant", "content": "a"}, "<system-reminder>wrong</system-reminder>"), id="no word of the user's"
            ),
        ],
    )
    def test_is_unknown_where_there_is_nothing_to_judge(self, outcome: Decided, turns: tuple[str, ...]) -> None:
        """A first request is no complaint."""
        found = outcome("{type: feedback}", "{signal: it, is: wrong_answer}", *turns)

        assert why_unknown(found) is UnknownReason.NO_TEXT

    def test_is_unknown_where_nothing_can_be_read(self, outcome: Decided) -> None:
        """All such turns sound the same, and are neither praise nor blame."""
        found = outcome("{type: feedback}", "{signal: it, is: satisfied}", *ANSWERED, "ខ្ញុំ អរគុណ")

        assert why_unknown(found) is UnknownReason.NO_TEXT


class TestReach:
    def test_a_long_text_is_read_in_part(self, outcome: Decided) -> None:
        """Its head and its tail, and the coverage says how much that was."""
        found = outcome("{type: difficulty, maxWindows: 2}", "{signal: it, atLeast: 0.5}", "prove " + LONG)

        assert 0.0 < signal(found).coverage < 0.2

    @pytest.mark.parametrize(
        ("windows", "decision"),
        [pytest.param(1, "default", id="too few windows"), pytest.param(64, "hit", id="enough windows")],
    )
    def test_a_rule_may_ask_for_coverage(self, outcome: Decided, windows: int, decision: str) -> None:
        """Below it the signal is unknown to that rule."""
        declared = f"{{type: difficulty, maxWindows: {windows}}}"
        found = outcome(declared, "{signal: it, atMost: 0.5, minCoverage: 1}", "the tea " * 100)

        assert found.decision.name == decision

    @pytest.mark.parametrize(
        ("reads", "label"),
        [
            pytest.param("last_user", "law", id="last_user"),
            pytest.param("system", "biology", id="system"),
            pytest.param("tool_results", "math", id="tool_results"),
        ],
    )
    def test_reads_what_it_is_told(self, outcome: Decided, reads: str, label: str) -> None:
        """The text of one speaker."""
        turns = (
            {"role": "system", "content": "cells"},
            {"role": "assistant", "content": "a", "tool_calls": []},
            {"role": "tool", "tool_call_id": "1", "content": "algebra"},
            "court",
        )
        found = outcome(f"{{type: domain, reads: {reads}}}", "{signal: it, is: other}", *turns)

        assert signal(found).label == label


class TestLaziness:
    def test_only_what_the_policy_asks_for_is_computed(self, router_of: Callable[..., Router]) -> None:
        """A head that no signal needs costs nothing; neither does the embedding."""
        router = router_of("{type: domain}", "{signal: it, is: math}")
        extractor = router.policy.extractors["it"]

        assert extractor.cost is Cost.MODEL
        assert extractor.shape.kind is SignalKind.LABEL
        assert extractor._share.outputs == ("domain",)  # type: ignore[attr-defined]  # the policy's own share

    def test_one_pass_serves_all_signals(self, outcome: Decided, services: SignalServices) -> None:
        """Of one text: a second signal asks nothing more of the model."""
        before = services.models.figures["shared"].texts
        found = outcome(
            "{type: domain}", "{all: [difficulty, fact_check, {signal: it, is: math}]}", "prove the capital of algebra"
        )

        assert found.decision.name == "hit"
        assert services.models.figures["shared"].texts - before == 1

    def test_a_cheap_signal_that_decides_spares_the_model(self, outcome: Decided, services: SignalServices) -> None:
        """Whatever the order in the condition."""
        before = services.models.figures["shared"].texts
        found = outcome(
            "{type: domain}", "{all: [{signal: it, is: math}, {signal: turns, above: 3}]}", "only here and now: algebra"
        )

        assert found.decision.name == "default"
        assert services.models.figures["shared"].texts == before
