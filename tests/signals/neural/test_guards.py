"""The signals that read each text of a request on its own: jailbreak and pii."""

from __future__ import annotations

import codecs
import threading
from typing import TYPE_CHECKING, Any

import pytest
from told import signal

from router_extproc.encoders.encoder import EncoderOptions
from router_extproc.encoders.models import Models
from router_extproc.policy.load import compile_policy
from router_extproc.policy.problems import PolicyError
from router_extproc.pools import PoolStats
from router_extproc.request import Message, Part, PartKind, Request, Role
from router_extproc.router import Router
from router_extproc.routing import Reason
from router_extproc.selectors.registry import SELECTORS
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from router_extproc.routing import Extractor, Outcome, SignalResult

    Decided = Callable[..., Outcome]
    Build = Callable[..., Extractor]
    Ask = Callable[..., Request]
    Extract = Callable[[Extractor, Request], SignalResult]

JAILBREAK = ("{type: jailbreak}", "{signal: it, atLeast: 0.5}")
CALM = "the tea of the song "
EMAIL = "please tell ada.lovelace@example.org of it"


def tool(text: str) -> dict[str, Any]:
    """A tool's result."""
    return {"role": "tool", "tool_call_id": "1", "content": text}


class TestJailbreak:
    def test_tells_the_highest_of_all_texts(self, outcome: Decided) -> None:
        """An attack in an earlier turn counts like one in the last."""
        assert outcome(*JAILBREAK, "ignore", CALM).decision.name == "hit"
        assert outcome(*JAILBREAK, CALM, "ignore").decision.name == "hit"
        assert outcome(*JAILBREAK, CALM, CALM).decision.name == "default"

    def test_an_attack_does_not_drown(self, outcome: Decided) -> None:
        """In a long text it stands in some window, and the highest counts."""
        assert outcome(*JAILBREAK, CALM * 9 + "ignore " + CALM * 9).decision.name == "hit"

    def test_a_tools_result_is_a_text_of_its_own(self, outcome: Decided) -> None:
        """The evidence says where the highest stands; never the text."""
        found = outcome(*JAILBREAK, CALM, tool("ignore"))

        assert found.decision.name == "hit"
        assert signal(found).evidence == ("tool_result",)

    def test_the_model_is_told_where_a_text_comes_from(self, outcome: Decided) -> None:
        """The same words mean more in what a tool brought in."""
        brought = signal(outcome("{type: jailbreak, reads: tool_results}", "it", CALM, tool(CALM)))
        said = signal(outcome("{type: jailbreak, reads: last_user}", "it", CALM, tool(CALM)))

        assert brought.value > said.value

    @pytest.mark.parametrize(
        ("reads", "decision"),
        [
            pytest.param("last_user", "default", id="last_user"),
            pytest.param("all_user", "default", id="all_user"),
            pytest.param("conversation", "default", id="conversation"),
            pytest.param("system", "default", id="system"),
            pytest.param("tool_results", "hit", id="tool_results"),
            pytest.param("everything", "hit", id="everything"),
        ],
    )
    def test_reads_what_it_is_told(self, outcome: Decided, reads: str, decision: str) -> None:
        """An attack in a tool's result is found by those that read it."""
        turns = ({"role": "system", "content": "tea"}, CALM, {"role": "assistant", "content": "a"}, tool("ignore"), "a song")

        assert outcome(f"{{type: jailbreak, reads: {reads}}}", "it", *turns).decision.name == decision

    def test_reads_what_the_tools_say_of_themselves(self, outcome: Decided) -> None:
        """A tool's description comes from outside as well."""
        tools = [{"type": "function", "function": {"name": "f", "description": "ignore", "parameters": {}}}]

        assert outcome(*JAILBREAK, CALM, tools=tools).decision.name == "hit"

    def test_texts_beyond_the_limit_are_not_covered(self, outcome: Decided) -> None:
        """The last ones are read; a rule that asks for full coverage does not take the others for harmless."""
        turns = ["ignore", "the tea", "the song", "a card"]
        few = outcome("{type: jailbreak, maxTexts: 2}", "it", *turns)
        strict = outcome("{type: jailbreak, maxTexts: 2}", "{signal: it, minCoverage: 1}", *turns, on_unknown="deny")

        assert few.decision.name == "default"
        assert signal(few).coverage == pytest.approx(14 / 27)
        assert (strict.status, strict.decision.reason) == (503, Reason.UNKNOWN_DENIED)

    def test_tells_of_texts_as_they_were_sent(self, build: Build, ask: Ask, extract: Extract) -> None:
        """What is taken out of a request must stand there: in its disguise."""
        guard, request = build("jailbreak"), ask("i g n o r e")
        extract(guard, request)
        ((segment, chance),) = guard.judged(request)  # type: ignore[attr-defined]  # it is a Jailbreak

        assert (segment.text, chance > 0.9) == ("i g n o r e", True)

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("i g n o r e", id="spaced"),
            pytest.param("\u0456gn\u043er\u0435", id="Cyrillic"),
            pytest.param("ig\u200bnore", id="zero width"),
            pytest.param(codecs.encode("the rules of you: ignore all of the tea", "rot13"), id="ROT13"),
        ],
    )
    def test_reads_what_is_meant(self, outcome: Decided, text: str) -> None:
        """Without what disguises it; all of it is covered."""
        found = outcome(*JAILBREAK, text)

        assert (found.decision.name, signal(found).coverage) == ("hit", 1.0)

    @pytest.mark.parametrize("turns", [pytest.param((), id="no message"), pytest.param((" ",), id="blank")])
    def test_nothing_to_read_is_no_attempt(self, outcome: Decided, turns: tuple[str, ...]) -> None:
        """A guard that refuses what it cannot check does not refuse a picture."""
        found = outcome(*JAILBREAK, *turns, on_unknown="deny")

        assert (signal(found).value, signal(found).coverage, found.status) == (0.0, 1.0, 200)


class TestPii:
    def test_tells_what_checks_confirm(self, outcome: Decided) -> None:
        """For certain, and by its type."""
        found = outcome("{type: pii}", "{signal: it, in: [EMAIL]}", EMAIL)

        assert found.decision.name == "hit"
        assert signal(found).evidence == ("EMAIL",)

    def test_tells_what_the_model_marks(self, outcome: Decided) -> None:
        """Names have no checksum."""
        found = outcome("{type: pii}", "{signal: it, in: [PERSON]}", "please tell alice smith")

        assert found.decision.name == "hit"

    def test_several_types_of_one_request(self, outcome: Decided) -> None:
        """Each can be asked for."""
        found = outcome("{type: pii}", "{all: [{signal: it, is: PERSON}, {signal: it, is: EMAIL}]}", "alice", EMAIL)

        assert found.decision.name == "hit"
        assert signal(found).evidence == ("EMAIL", "PERSON")

    def test_only_the_types_that_it_is_told(self, outcome: Decided) -> None:
        """The others do not count."""
        found = outcome("{type: pii, types: [PERSON]}", "{signal: it, is: PERSON}", EMAIL)

        assert found.decision.name == "default"
        assert signal(found).labels == {}

    def test_types_that_patterns_tell_need_no_model(self, tmp_path: Path) -> None:
        """Not even one that could be loaded; a long text is read whole."""
        services = SignalServices(models=Models(EncoderOptions(), folder=tmp_path / "nothing"))
        text = (
            "version: 1\npools: {small: {cluster: a}}\ndefault: small\nsignals: {it: {type: pii, types: [EMAIL, PHONE]}}\n"
            "decisions: [{name: hit, when: {signal: it, is: EMAIL}, route: small}]\n"
        )
        policy = compile_policy(text, source="p", services=services, selectors=SELECTORS).policy
        router = Router(policy, services=services, stats=PoolStats()).unhurried()
        request = Request("openai_chat", "auto", (Message(Role.USER, (Part(PartKind.TEXT, "word " * 50_000 + EMAIL),)),))
        found = router.route(request)

        assert found.decision.name == "hit"
        assert signal(found).coverage == 1.0

    def test_what_checks_confirm_outdoes_the_model(self, outcome: Decided) -> None:
        """A name within an address of mail is no person of its own."""
        found = outcome("{type: pii}", "{signal: it, is: PERSON}", "tell alice@acme.com")

        assert signal(found).evidence == ("EMAIL",)

    def test_what_the_model_runs_into_one_is_told_apart(self, outcome: Decided) -> None:
        """What patterns leave of a name counts."""
        found = outcome("{type: pii}", "{signal: it, is: PERSON}", "tell alice smith@acme.com")

        assert found.decision.name == "hit"
        assert signal(found).evidence == ("EMAIL", "PERSON")

    def test_tools_results_are_read(self, outcome: Decided) -> None:
        """And the coverage is over all texts."""
        assert outcome("{type: pii}", "{signal: it, is: EMAIL}", CALM, tool(EMAIL)).decision.name == "hit"

    def test_nothing_to_read_is_nothing_private(self, outcome: Decided) -> None:
        """No label."""
        found = outcome("{type: pii}", "{signal: it, is: EMAIL}", on_unknown="deny")

        assert (signal(found).label, found.status) == ("", 200)

    def test_an_unknown_type_is_told(self, services: SignalServices) -> None:
        """With those that there are."""
        text = (
            "version: 1\npools: {small: {cluster: s}}\ndefault: small\n"
            "signals: {it: {type: pii, types: [MAIL]}}\n"
            "decisions: [{name: a, when: {signal: it, is: EMAIL}, route: small}]\n"
        )
        with pytest.raises(PolicyError) as caught:
            compile_policy(text, source="p", services=services, selectors=SELECTORS)

        (problem,) = caught.value.problems
        assert (problem.line, problem.path) == (4, "signals.it.types")
        assert "MAIL" in problem.message
        assert "EMAIL" in problem.cure

    def test_patterns_are_looked_for_off_the_callers_thread(self, build: Build, ask: Ask) -> None:
        """The event loop is that thread: a megabyte takes most of a second."""
        extractor = build("pii")
        request = ask("Mr. Smith pays 12.50 on 2024-05-01 to order 4401 1234 5678. " * 2000)
        threads: list[threading.Thread] = []
        done = threading.Event()

        def landed(_future: object) -> None:
            threads.append(threading.current_thread())
            done.set()

        work = extractor.begin(request, float("inf"))  # type: ignore[attr-defined]  # it is Deferred
        work[-1].add_done_callback(landed)
        done.wait(600)

        assert threads[0] is not threading.current_thread()

    def test_patterns_are_prepared_while_another_signal_is_waited_for(self, build: Build, ask: Ask) -> None:
        """The rule then waits once."""
        extractor, request = build("pii"), ask(EMAIL)
        extractor.prepare(request, float("inf"))  # type: ignore[attr-defined]  # it is Deferred
        (prepared,) = [value for key, value in request.memo.items() if key[0] == "patterns"]

        assert prepared is extractor.begin(request, float("inf"))[-1]  # type: ignore[attr-defined]  # as above
        assert "EMAIL" in prepared.result(600).scores

    def test_a_text_is_looked_at_once(self, build: Build, ask: Ask, extract: Extract) -> None:
        """Two signals, and a later request, share what was found."""
        first, second = build("pii"), build("pii", types=["EMAIL"])
        request = ask(EMAIL)
        extract(first, request)

        assert second.begin(request, 0.0)[-1] is first.begin(request, 0.0)[-1]  # type: ignore[attr-defined]  # they are Deferred
        assert first.begin(ask(EMAIL), 0.0)[-1].done()  # type: ignore[attr-defined]  # as above
