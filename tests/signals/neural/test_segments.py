"""Which texts of a request guards read, and how much of it that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from told import signal

from router_extproc.routing import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.routing import Outcome

    Decided = Callable[..., Outcome]

CALM = "the tea of the song "
STRICT = "{signal: it, atLeast: 0.5, minCoverage: 1}"


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
