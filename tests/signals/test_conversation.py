"""The shape of a conversation."""

from collections.abc import Callable
from typing import Any

import pytest

from router_extproc.request import Part, PartKind, Request, Role, Tool
from router_extproc.routing import Cost, Extractor, Signal

Build = Callable[..., Extractor]
Ask = Callable[..., Request]

RESULT = Part(PartKind.TOOL_RESULT, "42", tool="call_1")
DOCUMENT = Part(PartKind.TOOL_RESULT, "A pasted document")
REMINDER = "<system-reminder>Be brief.</system-reminder>"


def text(words: str) -> Part:
    """A text part."""
    return Part(PartKind.TEXT, words)


class TestTurns:
    @pytest.mark.parametrize(
        ("turns", "count"),
        [
            pytest.param([], 0, id="none"),
            pytest.param(["a"], 1, id="one"),
            pytest.param([" "], 0, id="blank"),
            pytest.param([REMINDER], 0, id="one of harness text"),
            pytest.param(["a", (Role.ASSISTANT, "b"), "c"], 2, id="the model's do not count"),
            pytest.param(["a", (Role.USER, (RESULT,)), REMINDER], 1, id="tool results and harness text do not count"),
            pytest.param([(Role.SYSTEM, "s"), "a"], 1, id="instructions do not count"),
        ],
    )
    def test_turns_with_words_count(self, build: Build, ask: Ask, turns: list[Any], count: int) -> None:
        """An agent's twenty steps are one turn of the person."""
        assert build("turns").extract(ask(*turns)) == Signal("it", float(bool(count)), measure=float(count))


class TestTools:
    @pytest.mark.parametrize("count", [0, 1, 3])
    def test_definitions_count(self, build: Build, ask: Ask, count: int) -> None:
        """Whether they are used is not known yet."""
        request = ask("a", tools=(Tool("t"),) * count)
        assert build("tools").extract(request) == Signal("it", float(bool(count)), measure=float(count))


class TestToolLoop:
    @pytest.mark.parametrize(
        ("turns", "there"),
        [
            pytest.param([], False, id="nothing"),
            pytest.param(["a"], False, id="a question"),
            pytest.param(["a", (Role.TOOL, (RESULT,))], True, id="tool turn"),
            pytest.param(["a", (Role.USER, (RESULT,))], True, id="result in a user turn"),
            pytest.param(["a", (Role.USER, (RESULT, text(REMINDER)))], True, id="result and harness text"),
            pytest.param(["a", (Role.USER, (RESULT, text("Stop!")))], False, id="result, and the person speaks"),
            pytest.param([(Role.TOOL, (RESULT,)), "thanks"], False, id="the person goes on"),
            pytest.param([(Role.USER, (DOCUMENT,))], False, id="a document is no tool's result"),
        ],
    )
    def test_only_a_result_makes_a_loop(self, build: Build, ask: Ask, turns: list[Any], *, there: bool) -> None:
        """The model goes on from a tool's result, without a word of the person."""
        assert build("tool_loop").extract(ask(*turns)) == Signal("it", float(there))


class TestMedia:
    @pytest.mark.parametrize(
        ("name", "kind"),
        [("images", PartKind.IMAGE), ("audio", PartKind.AUDIO), ("files", PartKind.FILE)],
    )
    def test_media_of_any_turn_count(self, build: Build, ask: Ask, name: str, kind: PartKind) -> None:
        """The model reads the whole conversation, so that an old image needs a model for images."""
        extractor = build(name)
        with_one = ask((Role.USER, (text("see"), Part(kind))), (Role.ASSISTANT, "I see"), "and now?")
        assert extractor.extract(with_one).value == 1.0  # type: ignore[union-attr]  # never unknown
        others = tuple(Part(other) for other in PartKind if other is not kind)
        assert extractor.extract(ask((Role.USER, others))).value == 0.0  # type: ignore[union-attr]  # as above

    def test_images_are_counted(self, build: Build, ask: Ask) -> None:
        """Ten images cost ten times one."""
        image = Part(PartKind.IMAGE)
        assert build("images").extract(ask((Role.USER, (image, image)), (Role.USER, (image,)))) == Signal("it", 1.0, measure=3.0)


class TestSystemPrompt:
    @pytest.mark.parametrize(
        ("role", "there"),
        [(Role.SYSTEM, True), (Role.DEVELOPER, True), (Role.USER, False), (Role.ASSISTANT, False), (Role.TOOL, False)],
    )
    def test_instructions_are_seen(self, build: Build, ask: Ask, role: Role, *, there: bool) -> None:
        """Of the system and of the developer."""
        assert build("system_prompt").extract(ask((role, "x"))) == Signal("it", float(there))


class TestCost:
    @pytest.mark.parametrize("name", ["tools", "tool_loop", "images", "audio", "files", "system_prompt"])
    def test_they_are_asked_first(self, build: Build, name: str) -> None:
        """They read fields, so that a condition asks them before it scans text."""
        assert build(name).cost is Cost.FIELD
