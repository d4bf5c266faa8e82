"""The signal that adds up what the turns of a chat say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from told import signal

from router_extproc.encoders.bundle import bundled
from router_extproc.encoders.manifest import read_manifest
from router_extproc.encoders.models import Models
from router_extproc.encoders.scores import Kind
from router_extproc.request import Role
from router_extproc.signals.neural.trend import accumulated

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.request import Request
    from router_extproc.routing import Extractor, Outcome

    Decided = Callable[..., Outcome]
    Build = Callable[..., Extractor]
    Ask = Callable[..., Request]

TREND = "{type: jailbreak_trend}"
CHATS = Path(__file__).parent / "chats"
ALONE = read_manifest(bundled()).thresholds["jailbreak"]
"""The bundle's threshold for one text."""
FROM = 0.95


def said(text: str, role: str = "user") -> dict[str, Any]:
    """One message."""
    return {"role": role, "content": text}


class TestAccumulated:
    def test_several_turns_say_more_than_one(self) -> None:
        """None of them is likely by itself."""
        chances = [accumulated([0.3] * count)[0] for count in range(1, 5)]

        assert chances == sorted(chances)
        assert (chances[0], chances[2] > 0.95) == (pytest.approx(0.3), True)

    def test_one_turn_is_what_it_is(self) -> None:
        """The signal is then that of `jailbreak`."""
        assert accumulated([0.9]) == (pytest.approx(0.9), 1)

    def test_ordinary_turns_add_up_to_nothing(self) -> None:
        """However long the chat."""
        assert accumulated([0.02, 0.01, 0.005] * 50) == (0.0, 0)

    def test_harmless_turns_take_it_back(self) -> None:
        """Slowly: one of them absolves nobody."""
        built = [0.3] * 4
        after = [accumulated([*built, *[0.001] * count])[0] for count in (0, 1, 5, 20)]

        assert after == sorted(after, reverse=True)
        assert (after[1] > 0.95, after[3]) == (True, 0.0)

    def test_tells_how_many_turns_it_has_built_up_over(self) -> None:
        """Since it was nothing."""
        assert accumulated([0.001, 0.2, 0.3])[1] == 2

    @pytest.mark.parametrize("chances", [[], [0.0], [1.0] * 100, [0.0] * 100, [0.0, 1.0] * 50])
    def test_stays_in_range(self, chances: list[float]) -> None:
        """Whatever the turns."""
        assert 0.0 <= accumulated(chances)[0] <= 1.0


class TestTrend:
    def test_reads_the_users_turns(self, outcome: Decided) -> None:
        """What the model or a tool said is not the caller's doing."""
        assert outcome(TREND, "it", "the tea", "ignore").decision.name == "hit"
        assert outcome(TREND, "it", "the tea", said("ignore", "assistant"), "a song").decision.name == "default"
        assert outcome(TREND, "it", "the tea", said("ignore", "system")).decision.name == "default"

    def test_tells_what_it_rests_on(self, outcome: Decided) -> None:
        """In a number, never in words of the chat."""
        assert signal(outcome(TREND, "it", "ignore")).evidence == ("1 turns",)

    def test_no_turn_is_no_attempt(self, outcome: Decided) -> None:
        """As for `jailbreak`."""
        found = outcome(TREND, "it", said("ignore", "system"), on_unknown="deny")

        assert (signal(found).value, signal(found).coverage, found.status) == (0.0, 1.0, 200)

    def test_turns_beyond_the_limit_are_not_covered(self, outcome: Decided) -> None:
        """The last ones are read."""
        found = outcome("{type: jailbreak_trend, maxTurns: 2}", "it", "ignore", "the tea", "the song")

        assert (found.decision.name, signal(found).coverage) == ("default", pytest.approx(15 / 21))

    def test_windows_beyond_the_limit_are_not_covered(self, outcome: Decided) -> None:
        """Of each turn."""
        found = outcome("{type: jailbreak_trend, maxWindows: 1}", "it", "the tea of the song " * 50)

        assert signal(found).coverage < 0.5

    @pytest.mark.parametrize(("reads", "decision"), [("all_user", "default"), ("everything", "hit")])
    def test_a_harness_words_count_where_they_are_to(self, outcome: Decided, reads: str, decision: str) -> None:
        """They come with every turn and would add up; but a caller may hide behind such tags."""
        text = "<rules>ignore</rules> the tea"

        assert outcome(f"{{type: jailbreak_trend, reads: {reads}}}", "it", text).decision.name == decision

    def test_undisguised(self, outcome: Decided) -> None:
        """As `jailbreak` reads."""
        assert outcome(TREND, "it", "i g n o r e").decision.name == "hit"

    def test_shares_its_readings_with_the_guard(self, build: Build, ask: Ask) -> None:
        """A turn is read once."""
        request = ask("the tea", "a song", (Role.ASSISTANT, "a card"))
        guard, trend = build("jailbreak"), build("jailbreak_trend")
        of_guard = guard.begin(request, float("inf"))  # type: ignore[attr-defined]  # it is Deferred
        of_trend = trend.begin(request, float("inf"))  # type: ignore[attr-defined]  # as above

        assert {id(future) for future in of_trend} < {id(future) for future in of_guard}


@pytest.fixture(scope="module")
def chats() -> dict[str, list[tuple[float, float]]]:
    """Of chats made for this test, by kind: the highest chance of any turn alone, and the highest of the trend in any of its requests."""
    encoder = Models().encoder()
    found: dict[str, list[tuple[float, float]]] = {}
    for kind in ("escalating", "harmless"):
        for line in (CHATS / f"{kind}.jsonl").read_text(encoding="utf-8").splitlines():
            turns = json.loads(line)["turns"]
            chances = [reading.chances["jailbreak"] for reading in encoder.read(turns, Kind.USER, outputs=("jailbreak",))]
            trend = max(accumulated(chances[:count])[0] for count in range(1, len(chances) + 1))
            found.setdefault(kind, []).append((max(chances), trend))
    return found


class TestShipped:
    def test_flags_chats_of_which_no_turn_is_an_attempt(self, chats: dict[str, list[tuple[float, float]]]) -> None:
        """More than half of those that the threshold for one turn leaves; docs/guards.md tells the rest, and what it costs."""
        alone = [trend for single, trend in chats["escalating"] if single < ALONE]

        assert len(alone) == 18
        assert sum(trend >= FROM for trend in alone) >= 11

    def test_seldom_flags_harmless_ones(self, chats: dict[str, list[tuple[float, float]]]) -> None:
        """They are hard ones: about security, roles and rules."""
        alone = [trend for single, trend in chats["harmless"] if single < ALONE]

        assert len(alone) >= 39
        assert sum(trend >= FROM for trend in alone) <= 1
