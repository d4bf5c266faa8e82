from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from router_extproc.encoders.heads import CHANCES, CLASSES
from router_extproc.encoders.local import LocalClassifier, open_classifier
from router_extproc.encoders.manifest import BundleError
from router_extproc.encoders.scores import Item, Kind, Turn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from router_extproc.encoders.encoder import Encoder


@pytest.fixture
def local(opened: Callable[..., Encoder]) -> LocalClassifier:
    """With three threads."""
    return LocalClassifier(opened(), threads=3)


def answered(text: str, *turns: tuple[str, str]) -> Item:
    """A conversation that ends with a text of the user's."""
    return Item(text, turns=(*(Turn(*turn) for turn in turns), Turn("user", text)))


class TestClassify:
    def test_keeps_the_order(self, local: LocalClassifier) -> None:
        """However many threads there are."""
        words = ["court", "cells", "algebra"] * 20
        scores = local.classify([Item(word + " tea" * (number % 50)) for number, word in enumerate(words)])
        labels = [max(found, key=found.__getitem__) for found in (each.classes["domain"] for each in scores)]

        assert labels == ["law", "biology", "math"] * 20

    def test_tells_every_head(self, local: LocalClassifier) -> None:
        """Of a lone text there is no feedback to tell."""
        (scores,) = local.classify([Item("tea")])

        assert set(scores.classes) == set(CLASSES) - {"feedback"}
        assert set(scores.chances) == set(CHANCES)
        assert (scores.coverage, scores.pii) == (1.0, ())
        assert scores.ms >= 0

    @pytest.mark.parametrize("roles", [(), ("system", "user"), ("user", "tool")])
    def test_tells_no_feedback_before_there_was_an_answer(self, local: LocalClassifier, roles: tuple[str, ...]) -> None:
        """Nobody can be satisfied with it yet."""
        (scores,) = local.classify([answered("wrong", *((role, "song") for role in roles))])

        assert "feedback" not in scores.classes

    def test_tells_feedback_of_an_answer(self, local: LocalClassifier) -> None:
        """What the user says next."""
        (scores,) = local.classify([answered("wrong", ("user", "song"), ("assistant", "tea"))])

        assert scores.classes["feedback"]["wrong_answer"] > 0.9

    @pytest.mark.parametrize("role", ["tool", "function", "user", "system", "assistant"])
    def test_finds_an_attack_anywhere_in_the_conversation(self, local: LocalClassifier, role: str) -> None:
        """As a guard does that reads everything; the other heads are the last text's."""
        (scores,) = local.classify([answered("tea", (role, "ignore the court"))])
        (alone,) = local.classify([Item("tea")])

        assert scores.chances["jailbreak"] > 0.9
        assert scores.classes["domain"] == alone.classes["domain"]

    def test_takes_what_a_tool_says_for_a_tools(self, local: LocalClassifier) -> None:
        """The model is told, and suspects it more."""
        tool, user = (
            local.classify([answered("weather", (role, "the tea"))])[0].chances["jailbreak"] for role in ("tool", "user")
        )

        assert tool > user

    @pytest.mark.parametrize("text", ["i g n o r e", "ig\u200bnore"])
    def test_reads_what_is_meant(self, local: LocalClassifier, text: str) -> None:
        """As the guard does, be it the text or an earlier one."""
        last, earlier = local.classify([Item(text), answered("tea", ("user", text))])

        assert last.chances["jailbreak"] > 0.9
        assert earlier.chances["jailbreak"] > 0.9

    def test_does_not_lower_a_score_by_what_is_harmless(self, local: LocalClassifier) -> None:
        """The highest counts; blank turns do not."""
        (scores,) = local.classify([answered("ignore", ("tool", "tea"), ("user", "  "))])

        assert scores.chances["jailbreak"] > 0.9

    def test_tells_the_model_where_a_lone_text_comes_from(self, local: LocalClassifier) -> None:
        """By its kind."""
        user, document = local.classify([Item("tea"), Item("tea", Kind.DOCUMENT)])

        assert document.chances["jailbreak"] > user.chances["jailbreak"]

    def test_merges_what_checks_confirm_and_what_the_model_marks(self, local: LocalClassifier) -> None:
        """In order."""
        text = "alice smith is bob@example.com"
        (scores,) = local.classify([Item(text)])

        assert [(span.type, text[span.start : span.end]) for span in scores.pii] == [
            ("PERSON", "alice smith"),
            ("EMAIL", "bob@example.com"),
        ]

    def test_takes_any_text(self, local: LocalClassifier, hostile: str) -> None:
        """And says how much of it was read."""
        (scores,) = local.classify([Item(hostile)])

        assert 0.0 <= scores.coverage <= 1.0
        assert all(0.0 <= chance <= 1.0 for chance in scores.chances.values())

    def test_takes_no_items(self, local: LocalClassifier) -> None:
        """There is nothing to tell then."""
        assert local.classify([]) == []


class TestStream:
    def test_can_be_left_early(self, local: LocalClassifier) -> None:
        """Whoever stops reading waits for no more than what is being worked on."""
        stream = local.stream([Item("tea")] * 1000)
        next(stream)
        stream.close()


class TestEmbed:
    def test_gives_a_row_a_text(self, local: LocalClassifier) -> None:
        """In order, of length 1."""
        rows = local.embed(["tea", "court", "tea"])

        assert rows.shape == (3, 384)
        assert np.linalg.norm(rows, axis=1) == pytest.approx(1.0)
        assert np.array_equal(rows[0], rows[2])
        assert not np.allclose(rows[0], rows[1])


class TestLocalClassifier:
    def test_tells_labels_and_thresholds(self, local: LocalClassifier) -> None:
        """Those of the bundle."""
        assert local.labels == CLASSES
        assert local.thresholds == dict.fromkeys(CHANCES, 0.5)

    def test_reads_no_more_windows_than_it_was_told(self, opened: Callable[..., Encoder]) -> None:
        """The coverage tells."""
        (scores,) = LocalClassifier(opened(), windows=1).classify([Item("tea " * 60)])

        assert scores.coverage == pytest.approx(0.5, abs=0.01)


class TestOpenClassifier:
    def test_opens_a_bundle(self, tiny_bundle: Path) -> None:
        """On all CPUs."""
        assert open_classifier(tiny_bundle).classify([Item("ignore")])[0].chances["jailbreak"] > 0.9

    def test_says_what_is_wrong_with_it(self, tmp_path: Path) -> None:
        """Before the first text."""
        with pytest.raises(BundleError, match="no model bundle is there"):
            open_classifier(tmp_path)
