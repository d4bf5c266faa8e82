"""Implicit: what is learned from errors, cut answers, and how the user goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from agent import asked as agent
from agent import call, result, user

from router_extproc.hooks import CacheDetails, RouteDetails
from router_extproc.learning import implicit as module
from router_extproc.learning.experience import Experience
from router_extproc.learning.implicit import Implicit
from router_extproc.learning.lesson import Lesson, Weights
from router_extproc.observation import Observation
from router_extproc.request import Caller, Message, Part, PartKind, Request, Role
from router_extproc.routing import Decision, ModelPool, Outcome, Reason, Selection, Signal, Verdict
from router_extproc.sessions.identity import conversation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ALL = Weights(0.25, 0.5, 1.0, 0.125)
QUESTION = "How do I list all files of a folder?"
POOL = ModelPool("small", "pool-small", "m")


def asked(*turns: str) -> Request:
    """A conversation with these user turns."""
    said = [Message(Role.USER, (Part(PartKind.TEXT, turn),)) for turn in turns]
    answer = Message(Role.ASSISTANT, (Part(PartKind.TEXT, "So."),))
    return Request("openai_chat", "auto", tuple(each for turn in said for each in (turn, answer))[:-1])


@pytest.fixture
def experience() -> Experience:
    """Of a process without a file or a store."""
    return Experience()


@pytest.fixture
def hook(experience: Experience) -> Implicit:
    """The hook."""
    return Implicit(experience, conversation)


@pytest.fixture
def route(hook: Implicit, lesson: Callable[..., Lesson]) -> Callable[..., None]:
    """Tells the hook of a decision."""

    def tell(
        identity: str,
        request: Request,
        *,
        weights: Weights = ALL,
        heard: str = "",
        signals: Mapping[str, Signal] | None = None,
        learns: bool = True,
        cache: CacheDetails | None = None,
    ) -> None:
        made = lesson(weights=weights) if learns else None
        selection = Selection(POOL, "m", "bandit", lesson=made, heard=heard)
        outcome = Outcome(identity, Verdict.ROUTE, Decision("d", Reason.RULE), selection, signals=signals or {})
        hook.routed(RouteDetails(outcome, request, "openai_chat", "buffered", 1, 0.1, cache=cache))

    return tell


def seen(identity: str, **more: Any) -> Observation:
    """A response."""
    return Observation(identity, "small", "m", **{"status": 200, **more})


async def learned(experience: Experience) -> dict[tuple[str, str], int]:
    """What came of it."""
    await experience.settled()
    return experience.figures.feedback


def sums(experience: Experience) -> tuple[float, float]:
    """Weight, and weighted rewards."""
    found = list(experience.ledger.sums().values())
    return (float(sum(each[0] for each in found)), float(sum(each[1] + 0.5 * each[0] for each in found)))


class TestResponses:
    @pytest.mark.parametrize(
        ("response", "kind", "weight"),
        [
            pytest.param({"status": 503}, "error", 1.0, id="server error"),
            pytest.param({"status": 429}, "error", 1.0, id="too busy"),
            pytest.param({"complete": False}, "error", 1.0, id="broke off"),
            pytest.param({"finish_reason": "length"}, "truncation", 0.125, id="cut, OpenAI"),
            pytest.param({"finish_reason": "max_tokens"}, "truncation", 0.125, id="cut, Anthropic"),
        ],
    )
    async def test_that_are_bad_count_by_their_weight(
        self,
        hook: Implicit,
        route: Callable[..., None],
        experience: Experience,
        response: dict[str, Any],
        kind: str,
        weight: float,
    ) -> None:
        """Once, however often they are told."""
        route("a-1", asked(QUESTION))
        hook.observed(seen("a-1", **response))
        hook.observed(seen("a-1", **response))

        assert await learned(experience) == {(kind, "applied"): 1, (kind, "duplicate"): 1}
        assert sums(experience) == (weight, 0.0)

    @pytest.mark.parametrize(
        "response", [{}, {"status": 400}, {"finish_reason": "stop"}], ids=["well", "the caller's fault", "ended"]
    )
    async def test_that_say_nothing_teach_nothing(
        self, hook: Implicit, route: Callable[..., None], experience: Experience, response: dict[str, Any]
    ) -> None:
        """Nor do those of routes that do not learn."""
        route("a-1", asked(QUESTION))
        hook.observed(seen("a-1", **response))
        hook.observed(seen("b-1", status=503))

        assert await learned(experience) == {}

    async def test_without_a_weight_nothing_is_learned(
        self, hook: Implicit, route: Callable[..., None], experience: Experience
    ) -> None:
        """0 leaves a kind out."""
        route("a-1", asked(QUESTION), weights=Weights(reask=1.0))
        hook.observed(seen("a-1", status=503))
        hook.observed(seen("a-1", finish_reason="length"))

        assert await learned(experience) == {}


class TestTurns:
    async def test_the_same_question_again_is_bad(self, route: Callable[..., None], experience: Experience) -> None:
        """For the decision before, and only once."""
        route("a-1", asked(QUESTION))
        route("a-2", asked(QUESTION, QUESTION + "?"))
        route("b-1", asked("Another conversation, about the weather"))

        assert await learned(experience) == {("reask", "applied"): 1}
        assert sums(experience) == (0.25, 0.0)

    @pytest.mark.parametrize(("label", "reward"), [("satisfied", 1.0), ("wrong_answer", 0.0), ("want_different", 0.0)])
    @pytest.mark.parametrize("by", ["selector", "signal"])
    async def test_what_the_feedback_head_hears(
        self, route: Callable[..., None], experience: Experience, label: str, reward: float, by: str
    ) -> None:
        """By the selector's own reading, or by a signal of the policy, on whatever route the conversation goes on."""
        route("a-1", asked(QUESTION))
        more = {"heard": label} if by == "selector" else {"signals": {"mood": Signal("mood", 0.9, label=label)}, "learns": False}
        route("a-2", asked(QUESTION, "Thank you, or not."), **more)

        assert await learned(experience) == {("feedback", "applied"): 1}
        assert sums(experience) == (0.5, 0.5 * reward)

    @pytest.mark.parametrize(
        "more",
        [
            {"heard": "need_clarification"},
            {"signals": {"mood": Signal("mood", 0.5, label="wrong_answer")}},
            {"signals": {"domain": Signal("domain", 0.9, label="math")}},
        ],
        ids=["says nothing of the model", "not sure", "another head"],
    )
    async def test_what_is_not_feedback(self, route: Callable[..., None], experience: Experience, more: dict[str, Any]) -> None:
        """Teaches nothing."""
        route("a-1", asked(QUESTION))
        route("a-2", asked(QUESTION, "And now something else."), **more)

        assert await learned(experience) == {}

    async def test_what_a_person_said_counts_once_in_a_tool_loop(
        self, route: Callable[..., None], experience: Experience
    ) -> None:
        """Each step of it carries the same turns: the steps after it are not to blame."""
        again = (user(QUESTION), call(), result(), user(QUESTION + "?"))
        route("a-1", agent(*again[:1]))
        route("a-2", agent(*again), heard="wrong_answer")
        route("a-3", agent(*again, call(), result()), heard="wrong_answer")
        route("a-4", agent(*again, call(), result(), call(), result()), heard="wrong_answer")

        assert await learned(experience) == {("reask", "applied"): 1, ("feedback", "applied"): 1}
        assert {name for name, entry in experience.ledger.entries().items() if entry.told} == {"a-1"}

    @pytest.mark.parametrize(
        "other",
        [
            pytest.param({"caller": Caller(tenant="two")}, id="tenant"),
            pytest.param({"caller": Caller(user="ben")}, id="user"),
        ],
    )
    async def test_nobody_speaks_for_another(
        self, route: Callable[..., None], experience: Experience, other: dict[str, Any]
    ) -> None:
        """Though his conversation has the same name."""
        route("a-1", agent(user(QUESTION), conversation_id="one"))
        route("a-2", agent(user(QUESTION), user(QUESTION + "?"), conversation_id="one", **other))

        assert await learned(experience) == {}

    async def test_a_call_on_the_side_is_another_conversation(self, route: Callable[..., None], experience: Experience) -> None:
        """Agents make titles and summaries in the session's name: what the person says next is not about those."""
        session = {"api": "anthropic_messages", "end_user": "user_a_account_b_session_c"}
        route("a-1", agent(user(QUESTION), **session))
        route("a-2", agent(user("Write a title for this."), **session))
        route("a-3", agent(user(QUESTION), user(QUESTION + "?"), **session))

        await learned(experience)
        assert {name for name, entry in experience.ledger.entries().items() if entry.told} == {"a-1"}

    def test_hashes_need_the_secret(self, experience: Experience) -> None:
        """Where replicas have one, nobody finds out by trying whose conversation it was; with the same one they find the same."""
        hashes = [
            Implicit(experience, conversation, secret)._conversation(asked(QUESTION)) for secret in (b"", b"x" * 80, b"x" * 80)
        ]

        assert hashes[0] != hashes[1] == hashes[2]

    async def test_an_answer_from_the_cache_is_no_decision(self, route: Callable[..., None], experience: Experience) -> None:
        """No model gave it."""
        route("a-1", asked(QUESTION), cache=CacheDetails("hit", "exact"))

        assert len(experience.ledger) == 0

    async def test_conversations_are_bounded_and_hashed(
        self, hook: Implicit, route: Callable[..., None], experience: Experience, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is remembered of them is no text."""
        monkeypatch.setattr(module, "MAX_CONVERSATIONS", 2)
        for index in range(4):
            route(f"a-{index}", asked(f"Question number {index}"))

        lesson = experience.ledger.find("a-3", experience.now())
        assert experience.figures.conversations == 2
        assert lesson is not None
        assert len(lesson.conversation) == 32
        assert "Question" not in repr(experience.ledger.entries()) + repr(hook._last)
