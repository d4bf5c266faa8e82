"""Telephone numbers that a model takes for such."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.encoders.scores import Span
from router_extproc.pii.hinted import MAX_HINTS, find


def found(text: str, number: str, chance: float = 0.6) -> list[str]:
    """What is found if the model gives this part of the text that chance."""
    start = text.index(number)
    return [text[span.start : span.end] for span in find(text, [Span(start, start + len(number), "PHONE", chance)])]


class TestFind:
    @pytest.mark.parametrize(
        ("text", "number", "chance"),
        [
            pytest.param("Ask for Mia at 0494 92 82 32.", "0494 92 82 32", 0.3, id="a zero before"),
            pytest.param("Mia: (37) 788-063", "(37) 788-063", 0.3, id="an area in brackets"),
            pytest.param("home is 259.735.7502x459", "259.735.7502x459", 0.3, id="an extension"),
            pytest.param("she is +99 903 140 4508", "+99 903 140 4508", 0.3, id="a country that is none"),
            pytest.param("he gave me 9320 7126, twice", "9320 7126", 0.5, id="groups"),
            pytest.param("Mia, 25-62-29-72", "25-62-29-72", 0.5, id="pairs"),
            pytest.param("Mia 9498777106", "9498777106", 0.75, id="bare digits"),
            pytest.param("Mia\n0494 92 82 32\n0494 92 82 33", "0494 92 82 32", 0.3, id="one below the other, with a zero"),
        ],
    )
    def test_takes_the_models_word_from_some_chance_on(self, text: str, number: str, chance: float) -> None:
        """The less the shape says, the surer the model must be."""
        assert found(text, number, chance) == [number]
        assert found(text, number, chance - 0.05) == []

    @pytest.mark.parametrize(
        ("text", "number"),
        [
            pytest.param("order 9320 7126", "9320 7126", id="an order"),
            pytest.param("Compute 555 1234 + 555 9876", "555 1234", id="a sum"),
            pytest.param("Compute 555 1234 + 555 9876", "555 9876", id="its other side"),
            pytest.param("What is 4567 8901 divided by 3?", "4567 8901", id="a division"),
            pytest.param("the prize, modulo 998244353", "998244353", id="a modulus"),
            pytest.param("| 74-71-69-65=279 |", "74-71-69-65", id="a golfer's rounds"),
            pytest.param("the book 0-306-40615-2", "0-306-40615-2", id="a book"),
            pytest.param("part of 324748873-4", "324748873-4", id="a check digit"),
            pytest.param("we sold 9320 7126 items", "9320 7126", id="an amount"),
            pytest.param("5478 7748 4999\n5234 1772 7485\n1157 1051", "5234 1772 7485", id="a table of numbers"),
            pytest.param("on 12/05/2024 it was", "12/05/2024", id="a date"),
            pytest.param("1914-1918", "1914-1918", id="years"),
            pytest.param("only 123 45", "123 45", id="few digits"),
            pytest.param("12345678901234567", "12345678901234567", id="many digits"),
        ],
    )
    def test_a_look_alike_is_left(self, text: str, number: str) -> None:
        """However sure the model is."""
        assert found(text, number, 1.0) == []

    def test_the_whole_number_is_weighed(self) -> None:
        """A chance of half of the number is half a chance."""
        text = "Mia: 9320 7126"
        assert not list(find(text, [Span(5, 9, "PHONE", 0.9)]))
        assert list(find(text, [Span(5, 9, "PHONE", 0.9), Span(10, 14, "PHONE", 0.9)]))

    def test_two_hints_of_one_number_find_it_once(self) -> None:
        """Its words may differ in how likely they are."""
        text = "Mia: 0494 92 82 32"
        assert len(list(find(text, [Span(5, 9, "PHONE", 0.9), Span(13, 18, "PHONE", 0.9)]))) == 1

    def test_hints_of_words_find_nothing(self) -> None:
        """The shape decides too."""
        assert not list(find("call me maybe", [Span(0, 13, "PHONE", 1.0)]))

    def test_nothing_but_numbers_takes_bounded_time(self) -> None:
        """No more hints than that are followed."""
        text = "Mia 0494 92 82 32, " * (2 * MAX_HINTS)
        hints = [Span(at, at + 18, "PHONE", 1.0) for at in range(0, len(text), 19)]
        assert len(list(find(text, hints))) <= MAX_HINTS + 2

    @given(
        text=st.text(alphabet="0123456789 +-.()/x\nab", max_size=60),
        hints=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=4),
    )
    def test_in_order_and_apart(self, text: str, hints: list[tuple[int, int]]) -> None:
        """Whatever the model says of whatever text."""
        spans = list(find(text, [Span(start, start + size, "PHONE", 1.0) for start, size in sorted(hints)]))
        assert all(0 <= span.start < span.end <= len(text) and text[span.end - 1].isdigit() for span in spans)
        assert all(first.end <= second.start for first, second in pairwise(spans))
