"""How a text is built."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from router_extproc.request import Request, Role
from router_extproc.routing import Cost, Extractor, Signal
from router_extproc.signals.structure import MAX_CHARACTERS, Thing, counted

Build = Callable[..., Extractor]
Ask = Callable[..., Request]


def told(build: Build, request: Request, **options: Any) -> Signal:
    """The signal of those options."""
    result = build("structure", **options).extract(request)
    assert isinstance(result, Signal)
    return result


class TestCounted:
    @pytest.mark.parametrize(
        ("thing", "text", "count"),
        [
            pytest.param(Thing.QUESTIONS, "Why? And how?? 为什么？", 3, id="questions"),  # noqa: RUF001 - Chinese has its own sign
            pytest.param(Thing.QUESTIONS, "No.", 0, id="no question"),
            pytest.param(Thing.EXCLAMATIONS, "Stop! Now!!!", 2, id="exclamations"),
            pytest.param(Thing.LIST_ITEMS, "- a\n * b\n12. c\n3) d\n• e", 5, id="list items"),
            pytest.param(Thing.LIST_ITEMS, "-a\n2024. was a year\n-\n3.5 litres", 0, id="no list items"),
            pytest.param(Thing.CODE_BLOCKS, "```py\nx\n```\n~~~\ny\n~~~", 2, id="code blocks"),
            pytest.param(Thing.CODE_BLOCKS, "```\nnever closed", 1, id="open code block"),
            pytest.param(Thing.CODE_BLOCKS, "some ``` in a line", 0, id="no code block"),
            pytest.param(Thing.NUMBERS, "3 apples for 1,299.50 in 2024", 3, id="numbers"),
            pytest.param(Thing.WORDS, "one two, drei-vier", 4, id="words"),
            pytest.param(Thing.WORDS, "...", 0, id="no words"),
            pytest.param(Thing.LINES, "a\nb\n", 3, id="lines"),
            pytest.param(Thing.LINES, "", 0, id="no lines"),
            pytest.param(Thing.CHARACTERS, "äöü", 3, id="characters"),
            pytest.param(Thing.URLS, "see https://a.b/c and HTTP://d, not https:// alone", 2, id="urls"),
            pytest.param(Thing.FORMULAS, r"$a^2$ = \frac{1}{2} ∫", 4, id="formulas"),
            pytest.param(Thing.FORMULAS, "It costs 5 $.", 0, id="no formula"),
        ],
    )
    def test_it_is_what_a_reader_would_count(self, thing: Thing, text: str, count: int) -> None:
        """Each thing in a text made for it."""
        assert counted(thing, text) == count

    @pytest.mark.parametrize("thing", list(Thing))
    def test_hostile_text_is_counted(self, thing: Thing, hostile: str) -> None:
        """In time that grows with its length: no pattern goes back more than a bounded way."""
        assert 0 <= counted(thing, hostile) <= len(hostile) + 1

    @given(st.sampled_from(list(Thing)), st.text(max_size=200))
    def test_nothing_has_more_than_its_characters(self, thing: Thing, text: str) -> None:
        """For any text."""
        assert 0 <= counted(thing, text) <= len(text) + 1


class TestStructure:
    def test_a_count(self, build: Build, ask: Ask) -> None:
        """In its own unit."""
        extractor = build("structure", count="questions")
        assert extractor.extract(ask("Why? How?")) == Signal("it", 1.0, measure=2.0)
        assert (extractor.shape.unit, extractor.cost) == ("questions", Cost.TEXT)

    def test_a_density(self, build: Build, ask: Ask) -> None:
        """Per hundred words, so that long texts do not win by their length."""
        extractor = build("structure", count="numbers", per="100_words")
        assert extractor.extract(ask("pay 5 or 7")) == Signal("it", 1.0, measure=50.0)
        assert extractor.shape.unit == "numbers per 100 words"

    @pytest.mark.parametrize("text", ["", "???"], ids=["empty", "signs"])
    def test_a_density_without_words_is_zero(self, build: Build, ask: Ask, text: str) -> None:
        """Nothing is divided by zero."""
        assert told(build, ask(text), count="questions", per="100_words").measure == 0.0

    def test_the_text_is_chosen(self, build: Build, ask: Ask) -> None:
        """The last user turn by default."""
        request = ask((Role.SYSTEM, "?"), "? ?", "? ? ?")
        assert told(build, request, count="questions").measure == 3.0
        assert told(build, request, count="questions", reads="all_user").measure == 5.0
        assert told(build, request, count="questions", reads="everything").measure == 6.0

    def test_coverage_tells_what_was_left_out(self, build: Build, ask: Ask) -> None:
        """Of a text four times the bound a quarter is looked at."""
        signal = told(build, ask("a" * (4 * MAX_CHARACTERS)), count="characters")
        assert (signal.measure, signal.coverage) == (float(MAX_CHARACTERS), 0.25)

    def test_the_bound_is_for_all_texts_together(self, build: Build, ask: Ask) -> None:
        """Many turns cost no more than one long one."""
        signal = told(build, ask(*["a" * (MAX_CHARACTERS // 2)] * 10), count="characters", reads="all_user")
        assert (signal.measure, signal.coverage) == (float(MAX_CHARACTERS), 0.2)

    @pytest.mark.parametrize(
        "options",
        [{}, {"count": "sentences"}, {"count": "words", "per": "word"}, {"count": ["words"]}, {"count": "words", "max": 1}],
    )
    def test_wrong_options_are_refused(self, build: Build, options: dict[str, Any]) -> None:
        """When the policy is loaded."""
        with pytest.raises(ValidationError):
            build("structure", **options)
