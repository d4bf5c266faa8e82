"""Which texts of a request guards read, and how much of it that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from told import signal

from router_extproc.encoders.batching import BatchOptions
from router_extproc.encoders.encoder import EncoderOptions
from router_extproc.routing import Reason
from router_extproc.signals.neural.options import MOST_TEXTS, GuardOptions
from router_extproc.signals.neural.patterns import Patterns

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.routing import Outcome

    Decided = Callable[..., Outcome]

CALM = "the tea of the song "
STRICT = "{signal: it, atLeast: 0.5, minCoverage: 1}"


def brought(text: str) -> dict[str, object]:
    """A tool's result."""
    return {"role": "tool", "tool_call_id": "1", "content": text}


def agent(steps: int) -> list[dict[str, object]]:
    """An agent's conversation: two messages with three texts a step."""
    return [message for number in range(steps) for message in step(number)]


def step(number: int) -> tuple[dict[str, object], dict[str, object]]:
    """What the model says and calls, and what the tool brings."""
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": f"tea {number}"}}
    return {"role": "assistant", "content": f"the tea {number}", "tool_calls": [call]}, brought(f"a song {number}")


def described(said: str) -> dict[str, object]:
    """A schema with that description somewhere within."""
    return {"type": "object", "properties": {"x": {"type": "array", "items": {"type": "string", "description": said}}}}


class TestDefinitions:
    @pytest.mark.parametrize(
        "more",
        [
            pytest.param(
                {"tools": [{"type": "function", "function": {"name": "f", "parameters": described("ignore")}}]}, id="tool"
            ),
            pytest.param({"functions": [{"name": "f", "parameters": described("ignore")}]}, id="function"),
            pytest.param({"tools": [{"type": "custom", "custom": {"name": "f", "description": "ignore"}}]}, id="custom tool"),
            pytest.param(
                {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": described("ignore")}}},
                id="answer",
            ),
        ],
    )
    def test_an_attack_in_a_schema_is_found(self, outcome: Decided, more: dict[str, object]) -> None:
        """As one in the tool's own description is."""
        found = outcome("{type: jailbreak}", STRICT, CALM, **more)

        assert found.decision.name == "hit"
        assert signal(found).evidence == ("tool_result",)

    def test_private_data_in_a_schema_is_found(self, outcome: Decided) -> None:
        """In a value, too."""
        tools = [{"type": "function", "function": {"name": "f", "parameters": {"default": "ada@example.org"}}}]

        assert outcome("{type: pii}", "{signal: it, in: [EMAIL]}", CALM, tools=tools).decision.name == "hit"

    def test_what_is_not_read_is_not_covered(self, outcome: Decided) -> None:
        """Definitions come after the messages."""
        tools = [{"type": "function", "function": {"name": "f", "parameters": described("ignore")}}]
        found = outcome("{type: jailbreak, maxTexts: 1}", "it", CALM, tools=tools)

        assert signal(found).coverage < 1


class TestLongConversations:
    @pytest.mark.parametrize("declared", ["{type: jailbreak}", "{type: pii}"])
    def test_two_hundred_texts_are_read_with_the_default(self, outcome: Decided, declared: str) -> None:
        """The queue has room for a conversation that no process has seen, and a guard that wants all read lets it pass."""
        when = "{signal: it, minCoverage: 1, " + ("in: [PERSON]}" if "pii" in declared else "atLeast: 0.5}")
        found = outcome(declared, when, CALM, *agent(68), on_unknown="deny")

        assert (found.status, signal(found).coverage) == (200, 1.0)

    def test_an_attack_at_its_beginning_is_found(self, outcome: Decided) -> None:
        """The first of its messages."""
        assert outcome("{type: jailbreak}", STRICT, "ignore", *agent(60)).decision.name == "hit"

    def test_texts_beyond_the_default_are_not_covered(self, outcome: Decided) -> None:
        """The work for one request stays bounded."""
        found = outcome("{type: jailbreak}", STRICT, CALM, *agent(90), on_unknown="deny")

        assert (found.status, found.decision.reason) == (503, Reason.UNKNOWN_DENIED)

    def test_queues_hold_more_than_one_request_may_bring(self) -> None:
        """Of two that come at once, neither is refused for its number of texts alone."""
        texts = GuardOptions().max_texts

        assert BatchOptions().max_queue >= 2 * texts
        assert Patterns().lanes.lanes[0]._options.max_queue >= 2 * MOST_TEXTS
        assert EncoderOptions().cache >= 16 * texts


class TestSigns:
    @pytest.mark.parametrize(
        "text",
        [
            pytest.param(f"{CALM}\U0001f44d", id="an emoji"),
            pytest.param("\U0001f44d", id="nothing else"),
            pytest.param("tea\u2600\ufe0f", id="at a word"),
            pytest.param(f"{CALM}\u21d2 \u2500\u2500\u2500 \u2611", id="arrows and symbols"),
        ],
    )
    def test_a_guard_that_wants_all_read_lets_them_pass(self, outcome: Decided, text: str) -> None:
        """They hold no words."""
        found = outcome("{type: jailbreak}", STRICT, text, on_unknown="deny")

        assert (found.status, signal(found).coverage) == (200, 1.0)

    def test_it_refuses_a_script_that_it_cannot_read(self, outcome: Decided) -> None:
        """An attack can stand there."""
        found = outcome("{type: jailbreak}", STRICT, "tea \u0e44\u0e17\u0e22", on_unknown="deny")

        assert (found.status, found.decision.reason) == (503, Reason.UNKNOWN_DENIED)

    def test_it_finds_a_word_that_a_sign_touches(self, outcome: Decided) -> None:
        """It was one unknown word before."""
        assert outcome("{type: jailbreak}", "{signal: it, atLeast: 0.5}", f"{CALM} ignore\U0001f44d").decision.name == "hit"
