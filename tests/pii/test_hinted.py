"""Telephone numbers that a model takes for such."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.encoders.scores import Span
from router_extproc.pii.hinted import MAX_HINTS, find, in_addresses, in_blocks


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
            pytest.param("Ma commande n° 2024-118-77305", "2024-118-77305", id="an order in French"),
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


def below(text: str, name: str, type_: str = "PERSON") -> list[str]:
    """Numbers that are found where this part of the text is a name."""
    start = text.index(name)
    return [text[span.start : span.end] for span in in_blocks(text, [Span(start, start + len(name), type_, 0.9)])]


class TestInBlocks:
    @pytest.mark.parametrize(
        ("text", "name", "type_"),
        [
            pytest.param("Mia Roe\n932 0712", "Mia Roe", "PERSON", id="below a person"),
            pytest.param("932 0712\nMia Roe", "Mia Roe", "PERSON", id="above a person"),
            pytest.param("Roe Ltd.\n\n932 0712", "Roe Ltd", "ORGANIZATION", id="below a firm and a blank line"),
            pytest.param(
                "Regards,\nMia Roe\n9 Elm Road\nLeeds\n 932 0712 \nmia@roe.io", "9 Elm Road", "ADDRESS", id="below a town"
            ),
            pytest.param("Mia Roe\n932 0712\n932 0713", "Mia Roe", "PERSON", id="two"),
            pytest.param("Mia Roe\n932 0712\n\n12 34\n56 78", "Mia Roe", "PERSON", id="numbers after a blank line"),
        ],
    )
    def test_a_line_of_its_own_near_a_name(self, text: str, name: str, type_: str) -> None:
        """As in a signature."""
        assert below(text, name, type_)[0] == "932 0712"

    @pytest.mark.parametrize(
        ("text", "name", "type_"),
        [
            pytest.param("Mia Roe\n9320712", "Mia Roe", "PERSON", id="bare digits"),
            pytest.param("Mia Roe\nOrder 932 0712", "Mia Roe", "PERSON", id="not alone on its line"),
            pytest.param("Mia Roe came\n932 0712", "Mia Roe", "PERSON", id="a sentence above"),
            pytest.param("Mia Roe\nOne\nTwo\nThree\n932 0712", "Mia Roe", "PERSON", id="too far above"),
            pytest.param(f"Mia Roe\n{'long ' * 20}\n932 0712", "Mia Roe", "PERSON", id="prose between"),
            pytest.param("Mia Roe\n0-306-40615-2", "Mia Roe", "PERSON", id="a book"),
            pytest.param("Mia Roe\n1.250.000", "Mia Roe", "PERSON", id="thousands"),
            pytest.param("Mia Roe\n12.3456.789", "Mia Roe", "PERSON", id="a part"),
            pytest.param("Mia Roe\n932 0712\n932 0713\n932 0714", "Mia Roe", "PERSON", id="a column of numbers"),
            pytest.param("12 34\n56 78\n932 0712\nMia Roe", "Mia Roe", "PERSON", id="a column above a name"),
            pytest.param("Mia Roe\n932 0712", "Mia Roe", "AGE", id="below what is no name"),
        ],
    )
    def test_other_numbers(self, text: str, name: str, type_: str) -> None:
        """Nothing speaks for them."""
        assert below(text, name, type_) == []

    def test_written_as_only_telephone_numbers_are(self) -> None:
        """However many there are."""
        numbers = ["+44 131 496 0712", "+44 131 496 0713", "+44 131 496 0714"]
        assert below("\n".join(["Mia Roe", *numbers]), "Mia Roe", "PERSON") == numbers

    @given(st.text(alphabet="Ann Roe\n0123456789-+().", max_size=80), st.integers(0, 40), st.integers(1, 20))
    def test_spans_are_numbers_of_the_text_in_order(self, text: str, start: int, length: int) -> None:
        """Whatever is marked."""
        end = min(len(text), start + length)
        spans = list(in_blocks(text, [Span(start, end, "PERSON", 0.9)] if start < end else []))
        assert all(left.end <= right.start for left, right in pairwise(spans))
        assert all(text[span.start : span.end].strip() == text[span.start : span.end] for span in spans)


class TestInAddresses:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            pytest.param("Roe 22 555 01 64 tunes", ["22 555 01 64"], id="three groups"),
            pytest.param("Lane 5, FPO AP 96688-2455", [], id="a long postcode"),
            pytest.param("Lane 5, 89219-510 Olinda", [], id="another country's"),
            pytest.param("disc 88-402-1170-22 there", [], id="a part"),
            pytest.param("item no. 22 555 01 64 there", [], id="what counts something"),
        ],
    )
    def test_tells_telephone_numbers(self, text: str, found: list[str]) -> None:
        """That a model takes for a house's."""
        spans = in_addresses(text, [Span(0, len(text), "ADDRESS", 0.9)])
        assert [text[span.start : span.end] for span in spans] == found
        assert list(in_addresses(text, [Span(0, len(text), "PERSON", 0.9)])) == []


class TestCodes:
    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("seal 12.3456.789 rev", id="the last group is shorter"),
            pytest.param("drawing of 0815-4711-007-02", id="a zero before it"),
            pytest.param("tube 8718696 411568", id="too many digits"),
            pytest.param("pump 0 221 504 470", id="a lone zero"),
            pytest.param("stubs 0012348, 0012351, 0012377", id="a list"),
            pytest.param("parcel 1Z AA1 01 2345 6784", id="after letters and digits"),
            pytest.param("box 1:43 No. 430 067 890", id="called a number"),
        ],
    )
    def test_are_no_telephone_numbers(self, text: str) -> None:
        """However sure the model is."""
        assert list(find(text, [Span(0, len(text), "PHONE", 0.95)])) == []

    @pytest.mark.parametrize(
        "text", ["(09341) 555-0", "07121/55 50 36", "phone No. 430 067 890", "Poole 01202 496-001", "0043 (316) 555 270"]
    )
    def test_telephone_numbers_with_like_shapes(self, text: str) -> None:
        """These are some."""
        (span,) = find(text, [Span(0, len(text), "PHONE", 0.95)])
        assert not any(map(str.isdigit, text[: span.start]))
        assert span.end == len(text)
