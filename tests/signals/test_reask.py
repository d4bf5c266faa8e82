"""Whether the user asks again."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.request import Message, Part, PartKind, Request, Role
from router_extproc.routing import Cost, Extractor, Signal, SignalKind
from router_extproc.signals.reask import Reask, ReaskOptions

Build = Callable[..., Extractor]
Ask = Callable[..., Request]

QUESTION = "How do I centre a box in CSS?"
REMINDER = "<system-reminder>Be brief.</system-reminder>"


def score(build: Build, request: Request, **options: Any) -> float:
    """The value of the signal."""
    result = build("reask", **options).extract(request)
    assert isinstance(result, Signal)
    return result.value


class TestReask:
    def test_its_shape(self, build: Build) -> None:
        """A degree, which scans text."""
        extractor = build("reask")
        assert (extractor.shape.kind, extractor.cost) == (SignalKind.SCORE, Cost.TEXT)

    @pytest.mark.parametrize(
        "again",
        [
            pytest.param(QUESTION, id="the same"),
            pytest.param("how do i centre a box in css", id="other signs and capitals"),
            pytest.param("In CSS, how do I centre a box?", id="another order"),
            pytest.param("How do I center a box in CSS??", id="another spelling"),
            pytest.param(f"{REMINDER}{QUESTION}", id="with harness text"),
        ],
    )
    def test_the_same_question_is_high(self, build: Build, ask: Ask, again: str) -> None:
        """However it is put."""
        assert score(build, ask(QUESTION, (Role.ASSISTANT, "Use floats."), again)) >= 0.8

    @pytest.mark.parametrize(
        "turns",
        [
            pytest.param([QUESTION, "Which river is the longest in Europe?"], id="another question"),
            pytest.param([QUESTION], id="one turn"),
            pytest.param([], id="none"),
            pytest.param(["go on", "go on"], id="too short to mean it"),
            pytest.param(["!!!!!!!!!!!!", "!!!!!!!!!!!!"], id="no letters"),
            pytest.param([(Role.ASSISTANT, QUESTION), QUESTION], id="the model's words"),
            pytest.param([QUESTION, (Role.TOOL, (Part(PartKind.TOOL_RESULT, QUESTION, tool="c"),))], id="a tool's result"),
        ],
    )
    def test_all_else_is_low(self, build: Build, ask: Ask, turns: list[Any]) -> None:
        """Only what a person says twice counts."""
        assert score(build, ask(*turns)) < 0.6

    @pytest.mark.parametrize(("lookback", "there"), [(1, False), (2, False), (3, True), (20, True)])
    def test_it_looks_back_as_far_as_it_is_told(self, build: Build, ask: Ask, *, lookback: int, there: bool) -> None:
        """What lies further back is forgotten."""
        request = ask(QUESTION, "What is the tallest mountain?", "Who wrote Faust, and when?", QUESTION)
        assert (score(build, request, lookback=lookback) >= 0.8) is there

    def test_long_turns_are_compared_by_their_beginnings(self, build: Build, ask: Ask) -> None:
        """Comparing costs the product of the lengths."""
        assert score(build, ask("word " * 200 + "a" * 99_000, "word " * 200 + "b" * 99_000)) == 1.0

    def test_hostile_text_repeats_itself(self, build: Build, ask: Ask, hostile: str) -> None:
        """No text makes it fail."""
        assert 0.0 <= score(build, ask(hostile, hostile)) <= 1.0

    @given(st.text(), st.text())
    def test_the_score_is_in_range(self, first: str, second: str) -> None:
        """For any two turns."""
        messages = tuple(Message(Role.USER, (Part(PartKind.TEXT, turn),)) for turn in (first, second))
        assert 0.0 <= Reask("it", ReaskOptions()).extract(Request("openai_chat", "m", messages)).value <= 1.0
