"""Learning routes whose sessions or pools have a say: what is on record is what was done, and no chance that nobody took."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from router_extproc.observation import Observation
from router_extproc.request import Message, Part, PartKind, Request, Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.router import Router
    from router_extproc.routing import Selection

    Make = Callable[[str], Router]

POLICY = """\
version: 1
pools: {a: {cluster: a, model: m-a}, b: {cluster: b, model: m-b}}
default:
  candidates: [a, b]
  select: {type: bandit, dimension: 0, explore: {min: 0.9, max: 1.0}, implicit: {feedback: 0}}
"""


def chosen(router: Router, *turns: str) -> Selection:
    """Where a conversation's last turn goes."""
    said = [Message(Role.USER, (Part(PartKind.TEXT, turn),)) for turn in turns]
    answer = Message(Role.ASSISTANT, (Part(PartKind.TEXT, "So."),))
    messages = tuple(each for turn in said for each in (turn, answer))[:-1]
    selection = router.route(Request("openai_chat", "auto", messages)).selection
    assert selection is not None
    return selection


class TestSessions:
    def test_a_pinned_turn_was_not_left_to_chance(self, make_router: Make) -> None:
        """Also where the selector would have chosen the same; feedback is about the pool that answered."""
        router = make_router(POLICY + "  session: {}\n")

        for conversation in range(12):
            first = chosen(router, f"Question {conversation}")
            second = chosen(router, f"Question {conversation}", "And then?")

            assert first.propensity == pytest.approx(0.5)
            assert second.pool is first.pool
            assert second.propensity is None
            assert second.lesson is not None
            assert second.lesson.arm == f"{second.pool.name}/{second.model}"


class TestFallback:
    def test_beside_a_pool_that_cannot_be_asked_chances_are_not_the_selectors(self, make_router: Make) -> None:
        """Part of what it would have sent there comes here."""
        router = make_router(POLICY + "  fallback: {order: listed}\n")
        assert chosen(router, "hello").propensity == pytest.approx(0.5)
        for _ in range(20):
            router.observe(Observation("x", "a", "m-a", 503))

        found = [chosen(router, f"hello {index}") for index in range(12)]

        assert {(each.pool.name, each.propensity) for each in found} == {("b", None)}
        assert {each.lesson.arm for each in found if each.lesson is not None} == {"b/m-b"}
