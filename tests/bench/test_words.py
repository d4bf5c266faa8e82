"""Texts of exact sizes, no two alike."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from router_extproc.bench.words import EASY, easy_prompts, half_easy_prompts, prompt, prompts, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from router_extproc.encoders.encoder import Encoder


class TestWords:
    def test_differ_from_number_to_number(self) -> None:
        """Or a cache would answer in place of the model."""
        assert len({tuple(words(number, 4)) for number in range(5000)}) == 5000

    @pytest.mark.parametrize("count", [0, 1, 4, 5, 500])
    def test_are_as_many_as_asked_for(self, count: int) -> None:
        """Fewer than the opening has, too."""
        assert len(words(7, count)) == count


class TestPrompt:
    @pytest.mark.parametrize("tokens", [16, 32, 64, 128, 256, 512])
    def test_has_that_many_tokens(self, encoder: Encoder, tokens: int) -> None:
        """The special ones included, as the benchmark says."""
        pieces = encoder.bundle.pieces

        assert len(pieces.encode(prompt(0, tokens))) == tokens - 2


class TestPrompts:
    @pytest.mark.parametrize(
        ("make", "easy"),
        [
            pytest.param(prompts, [False, False, False, False], id="hard"),
            pytest.param(easy_prompts, [True, True, True, True], id="easy"),
            pytest.param(half_easy_prompts, [False, True, False, True], id="half"),
        ],
    )
    def test_have_the_easy_word_where_they_should(
        self, make: Callable[[Iterator[int], int], Iterator[str]], easy: list[bool]
    ) -> None:
        """The cheap rule finds nothing else."""
        made = list(itertools.islice(make(itertools.count(), 64), 4))

        assert [EASY in text.split() for text in made] == easy
        assert [len(text.split()) for text in made] == [62] * 4

    def test_take_each_number_once(self) -> None:
        """Several makers share one counter."""
        numbers = itertools.count()
        made = [*itertools.islice(prompts(numbers, 16), 2), *itertools.islice(half_easy_prompts(numbers, 16), 2)]

        assert len(set(made)) == 4
        assert made[0] == prompt(0, 16)
