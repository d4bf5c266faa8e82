"""The wordings of phrases.toml."""

from __future__ import annotations

from itertools import combinations

import pytest

from router_extproc.encoders.heads import CLASSES
from router_extproc.training.phrases import phrases

WORDS = phrases()
TEMPLATES = {
    "overrides": WORDS.overrides,
    "quoting": WORDS.quoting,
    **{f"frames.{key}": each for key, each in WORDS.frames.items()},
}
PLAIN = {
    "domains": WORDS.domains,
    "quoted": WORDS.quoted,
    **{f"feedback.{key}": each for key, each in WORDS.feedback.items()},
}


class TestPlaceholders:
    @pytest.mark.parametrize("name", TEMPLATES)
    def test_each_template_has_one(self, name: str) -> None:
        """Else the text that it is about would be lost, or stand there twice."""
        assert [each for each in TEMPLATES[name] if each.count("{x}") != 1 or each.count("{") != 1] == []

    @pytest.mark.parametrize("name", PLAIN)
    def test_other_wordings_have_none(self, name: str) -> None:
        """Nothing would fill it."""
        assert [each for each in PLAIN[name] if "{" in each] == []

    def test_orders_have_at_most_a_domain(self) -> None:
        """Some send the reader somewhere."""
        counts = [(order.count("{d}"), order.count("{")) for order in WORDS.orders]

        assert set(counts) == {(0, 0), (1, 1)}


class TestLabels:
    @pytest.mark.parametrize("head", ["feedback", "modality"])
    def test_are_those_of_the_head(self, head: str) -> None:
        """A misspelt one would end a run after minutes."""
        found = WORDS.feedback if head == "feedback" else WORDS.frames

        assert set(found) <= set(CLASSES[head])
        assert len(found) > 1

    @pytest.mark.parametrize("head", ["feedback", "modality"])
    def test_share_no_wording(self, head: str) -> None:
        """One text with two labels would teach neither."""
        found = WORDS.feedback if head == "feedback" else WORDS.frames
        folded = [{each.lower().strip(" .!?") for each in wordings} for wordings in found.values()]

        assert [left & right for left, right in combinations(folded, 2) if left & right] == []

    @pytest.mark.parametrize("head", ["feedback", "modality"])
    def test_have_no_wording_twice(self, head: str) -> None:
        """It would count double without anyone having meant it."""
        found = WORDS.feedback if head == "feedback" else WORDS.frames

        assert [label for label, wordings in found.items() if len(set(wordings)) < len(wordings)] == []
