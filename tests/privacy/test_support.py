"""Support: sentences against their sources."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from router_extproc.privacy.support import MAX_ANSWER, MAX_CONTEXT, MAX_PASSAGES, MAX_SENTENCES, Sources, sentences

Work = Callable[[Callable[[], object]], int]

CLAIMS: list[dict[str, Any]] = YAML(typ="safe").load(Path(__file__).with_name("claims.yaml").read_text())
EVERYTHING = [claim["context"] for claim in CLAIMS]


@pytest.fixture
def work() -> Work:
    """Lines of Python that are run to compute something, and functions that are called."""

    def counted(compute: Callable[[], object]) -> int:
        done = 0

        def count(_frame: object, _event: str, _told: object) -> Any:
            nonlocal done
            done += 1
            return count

        sys.settrace(count)
        try:
            compute()
        finally:
            sys.settrace(None)
        return done

    return counted


@pytest.mark.parametrize("texts", ["own", "all"])
def test_tells_supported_sentences_from_others(texts: str) -> None:
    """Among its own source, and among all of them at once: docs/guards.md has these figures."""
    rows = [
        (kind == "supported", Sources([claim["context"]] if texts == "own" else EVERYTHING).support(sentence))
        for claim in CLAIMS
        for kind in ("supported", "unsupported")
        for sentence in claim[kind]
    ]
    good = [support for holds, support in rows if holds and support is not None]
    bad = [support for holds, support in rows if not holds and support is not None]

    assert len(good) + len(bad) == len(rows)
    assert sum(support < 0.5 for support in bad) / len(bad) >= 0.95
    assert sum(support < 0.5 for support in good) / len(good) <= 0.07


def test_numbers_and_names_count_most() -> None:
    """The rest of the sentence does not excuse them."""
    sources = Sources(["The bridge at Odense was built by Karen Holm in 1934 and is 240 metres long."])

    assert sources.support("The bridge was built by Karen Holm in 1934.") == 1.0
    assert (sources.support("The bridge was built by Karen Holm in 1943.") or 0) < 0.5
    assert (sources.support("The bridge was built by Peter Holm in 1934.") or 0) < 0.5


@pytest.mark.parametrize("sentence", ["Sure!", "Hello there.", "Would you like to know more about the bridge?", "##"])
def test_some_sentences_say_nothing(sentence: str) -> None:
    """They cannot be wrong."""
    assert Sources(["anything"]).support(sentence) is None


def test_judges_a_whole_answer() -> None:
    """By the number of each sentence."""
    sources = Sources(["Tickets cost 12 euros. The museum opens at 9 and closes at 17."])
    grounding = sources.judged("Sure! Tickets cost 12 euros.\nTickets cost 15 euros. The museum opens at nine.", 0.5)

    assert (grounding.sentences, grounding.unsupported) == (3, (2,))


def test_is_bounded() -> None:
    """However much a request brings along."""
    sources = Sources(["word. " * MAX_CONTEXT, "the secret is 4711"])

    assert (sources.support("The secret number is 4711.") or 0) < 0.5
    assert sources.coverage < 0.2
    assert not Sources([])
    assert sentences("\n \n") == []


class TestWork:
    """A source of 50,000 lines and an answer that repeats a word held up every other request for ten seconds."""

    LINES = "x y\n" * 4000

    def test_a_word_that_is_repeated_is_compared_once(self, work: Work) -> None:
        """A model may fall into a loop."""
        sources = Sources([self.LINES])
        once = work(lambda: sources.support("x y " * 2))

        assert work(lambda: sources.support("x y " * 1000)) < 2 * once + 4000

    def test_sentences_that_have_a_word_are_gone_through_once(self, work: Work) -> None:
        """However many sentences of the answer have it."""
        sources = Sources([self.LINES])
        sources.support("x y")

        assert work(lambda: sources.judged("x y\n" * MAX_SENTENCES, 0.5)) < 400 * MAX_SENTENCES

    def test_repeated_words_count_as_often_as_they_stand_there(self) -> None:
        """As they did when each was compared."""
        assert Sources(["red\n" * 9]).support("red red red blue") == 0.75

    def test_short_lines_are_bounded(self) -> None:
        """And what is told of the share that was looked at is true."""
        sources = Sources(["x\n" * (2 * MAX_PASSAGES), "the secret is 4711"])

        assert sources.coverage == pytest.approx(0.5, abs=0.001)
        assert (sources.support("The secret number is 4711.") or 0) < 0.5

    def test_a_long_answer_is_judged_by_its_begin(self) -> None:
        """One without an end to its sentences, too."""
        sources = Sources(["Tickets cost 12 euros."])
        answer = "Tickets cost 12 euros. " + "so and so on " * MAX_ANSWER + ". Tickets cost 15 euros."

        assert sources.judged(answer, 0.5).unsupported == ()
