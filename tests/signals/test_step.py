"""Step difficulty: what makes a step look hard, and what does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from agent import asked, call, result, user
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.request import Message, Part, PartKind, Request, Role
from router_extproc.routing import Extractor, Signal
from router_extproc.signals.options import NoOptions
from router_extproc.signals.services import SignalServices
from router_extproc.signals.step import build

Build = Callable[..., Extractor]

CODE = "def load(path):\n    import json\n    return json.load(open('a.py'))\n" * 10


def difficulty(request: Request) -> float:
    """Its value."""
    found = build("step", NoOptions(), SignalServices()).extract(request)
    assert isinstance(found, Signal)
    return found.value


class TestStepDifficulty:
    def test_rises_with_calls_and_code(self) -> None:
        """A question is easy, a step of a coding loop is not."""
        question = difficulty(asked(user("Which tea is mildest?")))
        loop = difficulty(asked(user("Fix it."), *(call(), result("fine")) * 4))
        coding = difficulty(asked(user("Fix it."), *(call(), result(CODE)) * 4))

        assert question < 0.2 < loop < coding
        assert coding > 0.7

    def test_instructions_do_not_count(self) -> None:
        """An agent's system prompt is full of code in every step."""
        plain = asked(user("Which tea is mildest?"))
        system = Message(Role.SYSTEM, (Part(PartKind.TEXT, CODE),))

        assert difficulty(Request("openai_chat", "auto", (system, *plain.messages))) == difficulty(plain)

    def test_tells_why(self, build: Build) -> None:
        """In figures, not in the request's words."""
        found = build("step_difficulty").extract(asked(user(CODE), call(), result()))

        assert found == Signal("it", pytest.approx(found.value), evidence=("1 tool calls", "code 1.00"))

    @given(st.lists(st.text(max_size=200), max_size=8))
    def test_is_a_chance(self, texts: list[str]) -> None:
        """Whatever was said."""
        assert 0.0 <= difficulty(asked(*map(user, texts), *map(result, texts))) <= 1.0
