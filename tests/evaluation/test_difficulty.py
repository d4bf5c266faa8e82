"""What makes a prompt hard."""

from __future__ import annotations

import pytest

from router_extproc.evaluation.difficulty import small_models, target


class TestSmallModels:
    def test_are_the_worse_half_with_the_median(self) -> None:
        """Means 0.25, 0.5 and 1."""
        scores = [{"a": 0.0, "b": 0.0, "c": 1.0}, {"a": 0.5, "b": 1.0, "c": 1.0}]
        assert small_models(scores) == {"a", "b"}

    def test_means_are_of_what_a_model_was_asked(self) -> None:
        """A row without it says nothing about it."""
        scores = [{"a": 1.0, "b": None, "c": 0.5}, {"a": None, "b": 0.2, "c": 0.5}, {"c": 0.5}]
        assert small_models(scores) == {"b", "c"}

    @pytest.mark.parametrize("scores", [[], [{}], [{"a": None}]])
    def test_there_may_be_none(self, scores: list[dict[str, float | None]]) -> None:
        """Where nothing was asked."""
        assert small_models(scores) == frozenset()


class TestTarget:
    def test_is_the_share_that_fails(self) -> None:
        """Of the small models; scores may be shares."""
        assert target({"a": 0.0, "b": 0.5, "large": 1.0}, frozenset({"a", "b"})) == 0.75

    def test_counts_only_those_that_were_asked(self) -> None:
        """A model without a score does not fail."""
        assert target({"a": None, "b": 1.0}, frozenset({"a", "b"})) == 0

    @pytest.mark.parametrize("scores", [{}, {"a": None}, {"large": 1.0}])
    def test_of_a_prompt_that_no_small_model_was_asked(self, scores: dict[str, float | None]) -> None:
        """Is not known."""
        assert target(scores, frozenset({"a"})) is None
