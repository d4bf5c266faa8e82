"""Prompts with private data, and what guards must make of them."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import pytest

from router_extproc.bench.guard_texts import chat, is_right, private_prompt, private_prompts
from router_extproc.encoders.passages import SPECIAL
from router_extproc.pii.patterns import find

if TYPE_CHECKING:
    from router_extproc.encoders.encoder import Encoder

PROMPT = private_prompt(5, 64)


class TestPrivatePrompt:
    @pytest.mark.parametrize("tokens", [64, 500])
    def test_has_about_that_many_tokens(self, encoder: Encoder, tokens: int) -> None:
        """Of the shipped bundle's."""
        counts = [
            len(encoder.bundle.pieces.encode(private_prompt(number, tokens).text)) + SPECIAL for number in range(1, 9999, 333)
        ]

        assert all(abs(count - tokens) <= 5 for count in counts)

    def test_no_two_are_alike(self) -> None:
        """Nor what is private in them."""
        made = list(itertools.islice(private_prompts(itertools.count(1), 64), 5000))

        assert all(len({getattr(prompt, part) for prompt in made}) == 5000 for part in ("text", "email", "phone"))

    @pytest.mark.parametrize("number", [1, 77, 12345, 999_999])
    def test_holds_what_patterns_find(self, number: int) -> None:
        """Valid numbers and addresses only."""
        prompt = private_prompt(number, 64)

        assert [prompt.text[span.start : span.end] for span in find(prompt.text)] == [prompt.email, prompt.phone]


class TestChat:
    def test_is_a_chat(self) -> None:
        """Streamed on request."""
        assert json.loads(chat("hi", stream=True)) == {
            "model": "auto",
            "messages": [{"role": "user", "content": "hi"}],
            "stream": True,
        }


class TestIsRight:
    @pytest.mark.parametrize(
        ("setup", "answer", "right"),
        [
            pytest.param("restore", PROMPT.text, True, id="restored"),
            pytest.param("restore", PROMPT.text.replace(PROMPT.email, "[EMAIL_1]"), False, id="not restored"),
            pytest.param("mask", f"{PROMPT.email} [EMAIL_1] [PHONE_1]", False, id="leaks"),
            pytest.param("mask", "to [EMAIL_1] or [PHONE_1]", True, id="masked"),
            pytest.param("response", PROMPT.text.replace(PROMPT.email, "[EMAIL]"), True, id="masked answer"),
            pytest.param("response", PROMPT.text, False, id="nobody looked"),
            pytest.param("none", PROMPT.text[1:], False, id="not whole"),
        ],
    )
    def test_by_set_up(self, setup: str, answer: str, *, right: bool) -> None:
        """A benchmark of guards that do not guard is none."""
        assert is_right(setup, PROMPT, answer) is right
