"""Texts without what disguises them, off the event loop."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from told import signal

from router_extproc.encoders.errors import LateError
from router_extproc.encoders.plain import plain
from router_extproc.signals.neural.disguises import Disguises

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from router_extproc.request import Request
    from router_extproc.routing import Extractor, Outcome

    Decided = Callable[..., Outcome]
    Build = Callable[..., Extractor]
    Ask = Callable[..., Request]

JAILBREAK = ("{type: jailbreak}", "{signal: it, atLeast: 0.5}")
SPACED = "i g n o r e"
DISGUISED = f"{SPACED} . " * 2000


def soon() -> float:
    """A deadline that no test waits for."""
    return time.perf_counter() + 60


class TestAtOnce:
    def test_what_hides_nothing_is_itself(self, ask: Ask) -> None:
        """Whatever its length, up to half a million characters of a request."""
        text, request = "the tea of the song " * 4000, ask("")

        assert Disguises().at_once(request, text) is text

    def test_a_short_text_is_undone(self, ask: Ask) -> None:
        """Without a thread."""
        disguises = Disguises()

        assert disguises.at_once(ask(""), SPACED) == "ignore"
        assert disguises.batcher.queued == 0

    @pytest.mark.parametrize("text", [pytest.param(DISGUISED, id="one long"), pytest.param(f"{SPACED} . " * 100, id="many")])
    def test_all_of_a_request_are_bounded(self, ask: Ask, text: str) -> None:
        """What is more waits for the thread."""
        disguises, request = Disguises(), ask("")
        undone = [disguises.at_once(request, text) for _ in range(100)]

        assert sum(len(text) for each in undone if each is not None) <= 8_000
        assert undone[-1] is None

    def test_harmless_texts_are_bounded_too(self, ask: Ask) -> None:
        """To look at ten megabytes takes a while."""
        disguises, request = Disguises(), ask("")
        texts = [f"the tea of the song {'x' * number} " * 1000 for number in range(100)]

        assert any(disguises.at_once(request, text) is None for text in texts)


class TestSubmit:
    @pytest.mark.parametrize(
        "text",
        [
            pytest.param(SPACED, id="undone"),
            pytest.param("the tea", id="as it stands"),
            pytest.param("\u200b", id="nothing left"),
            pytest.param(DISGUISED, id="long"),
        ],
    )
    def test_gives_it_plain(self, text: str) -> None:
        """Each time it is asked."""
        disguises = Disguises()

        assert [disguises.submit(text, soon()).result() for _ in range(2)] == [plain(text)] * 2

    def test_is_done_once(self) -> None:
        """A conversation that goes on costs only what is new."""
        disguises = Disguises()
        for _ in range(3):
            disguises.submit(SPACED, soon()).result()

        assert disguises.batcher.figures.texts == 1

    def test_knows_deadlines(self) -> None:
        """What would come too late is not begun."""
        assert isinstance(Disguises().submit(SPACED, time.perf_counter() - 1).exception(), LateError)


class TestGuards:
    @pytest.mark.parametrize("declared", ["{type: jailbreak}", "{type: jailbreak_trend}"])
    def test_find_what_a_long_text_hides(self, outcome: Decided, declared: str) -> None:
        """As in a short one; all of it is covered."""
        found = outcome(declared, "{signal: it, atLeast: 0.5}", f"{DISGUISED[:12_000]}")

        assert found.decision.name == "hit"

    def test_tell_the_whole_coverage(self, outcome: Decided) -> None:
        """Of each text, in whichever thread it was undone."""
        found = outcome(*JAILBREAK, *[f"the tea {number}\n" + "s o n g\n" * 100 for number in range(16)], SPACED)

        assert (found.decision.name, signal(found).coverage) == ("hit", 1.0)

    @pytest.mark.parametrize("type_", ["jailbreak", "jailbreak_trend"])
    def test_undo_long_texts_in_another_thread(self, build: Build, ask: Ask, type_: str) -> None:
        """The event loop does not wait for it."""
        here: list[int] = []

        def note(frame: FrameType, event: str, _called: object) -> None:
            if event == "call" and frame.f_code is plain.__code__:
                here.append(threading.get_ident())

        guard, request = build(type_), ask(DISGUISED)
        sys.setprofile(note)
        try:
            futures = guard.begin(request, soon())  # type: ignore[attr-defined]  # it reads by a model
        finally:
            sys.setprofile(None)

        assert here == []
        assert [future.result().chances["jailbreak"] > 0.5 for future in futures] == [True]

    def test_tell_why_none_is_read(self, build: Build, ask: Ask) -> None:
        """The reading fails as the undoing did."""
        (future,) = build("jailbreak").begin(ask(DISGUISED), time.perf_counter() - 1)  # type: ignore[attr-defined]  # as above

        assert isinstance(future.exception(), LateError)
