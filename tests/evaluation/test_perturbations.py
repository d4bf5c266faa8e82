"""Changes that should change no answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labelled import row

from router_extproc.encoders.scores import Item, Span, Turn
from router_extproc.evaluation.filler import ENDINGS, GREETINGS, SENTENCES, WORDS
from router_extproc.evaluation.perturbations import PERTURBATIONS, perturbations

if TYPE_CHECKING:
    from router_extproc.evaluation.datasets import Row
    from router_extproc.evaluation.perturbations import Perturbation

BY_NAME = {each.name: each for each in PERTURBATIONS}
every = pytest.mark.parametrize("change", PERTURBATIONS, ids=list(BY_NAME))

PIECES = st.text(st.sampled_from("abcdeXYZ ßİéñ漢字-@.1\n"), max_size=12)


@st.composite
def rows(draw: st.DrawFn) -> Row:
    """Texts of many kinds of letters in which some stretches are private data."""
    text, spans = "", []
    for kind in draw(st.lists(st.sampled_from(["", "PERSON", "API_KEY"]), max_size=8)):
        piece = draw(PIECES)
        if kind and piece:
            spans.append(Span(len(text), len(text) + len(piece), kind, 1.0))
        text += piece
    return row(draw(st.text(max_size=3)), text, spans=tuple(spans))


def words(row: Row) -> list[str]:
    """What the spans stand on."""
    return [row.item.text[span.start : span.end] for span in row.spans]


def of(name: str, text: str, **more: object) -> Row:
    """A text, perturbed."""
    return BY_NAME[name].of(row("r1", text, **more))  # type: ignore[arg-type]  # fields of Row


class TestEvery:
    @every
    @given(given_row=rows())
    def test_same_row_same_change(self, change: Perturbation, given_row: Row) -> None:
        """By its id: a figure can be reproduced."""
        assert change.of(given_row) == change.of(given_row)

    @every
    @given(given_row=rows())
    def test_spans_go_with_their_words(self, change: Perturbation, given_row: Row) -> None:
        """Case apart, they stand on what they stood on before, in order; only half a text has fewer."""
        before, after = words(given_row), words(change.of(given_row))
        if change.name.endswith("case"):
            before, after = ([word.upper() for word in found] for found in (before, after))
        assert after == (before[: len(after)] if change.name == "first half" else before)

    @every
    def test_changes_nothing_but_the_text(self, change: Perturbation) -> None:
        """Truth, source and kind stay."""
        before = row("r1", "Tell Mary something about rivers", label="law", target=1.0, lang="en", types=frozenset({"PERSON"}))
        after = change.of(before)
        assert after.item.text != before.item.text
        assert (after.id, after.file, after.source, after.lang) == (before.id, before.file, before.source, before.lang)
        assert (after.label, after.target, after.types, after.item.kind) == ("law", 1.0, before.types, before.item.kind)

    @every
    def test_of_a_conversation_changes_what_the_user_said_last(self, change: Perturbation) -> None:
        """There as well as in the item; what came before stays."""
        turns = (Turn("user", "good morning"), Turn("assistant", "And to you"), Turn("user", "Tell me another story"))
        after = change.of(replace(row(), item=Item(turns[-1].text, turns=turns)))
        assert after.item.turns[:2] == turns[:2]
        assert after.item.turns[2] == Turn("user", after.item.text)
        assert after.item.text != turns[2].text

    @every
    def test_of_nothing(self, change: Perturbation) -> None:
        """An empty text stays empty, or gets what is put around it."""
        text = change.of(row("r1", "")).item.text
        assert bool(text) is change.name.endswith(("before", "after", "long text"))

    def test_rows_change_in_different_ways(self) -> None:
        """Chance is drawn for each."""
        texts = {BY_NAME["three words after"].of(row(str(number), "hello")).item.text for number in range(10)}
        assert len(texts) > 1


class TestTypos:
    @given(rows())
    def test_change_letters_within_words(self, before: Row) -> None:
        """Private data, short words, first letters and the length stay."""
        after = BY_NAME["typos"].of(before)
        assert len(after.item.text) == len(before.item.text)
        assert after.spans == before.spans
        assert [part[:1] for part in after.item.text.split()] == [part[:1] for part in before.item.text.split()]

    def test_hit_at_least_one_word(self) -> None:
        """However short the text is."""
        changed = [BY_NAME["typos"].of(row(str(number), "Summarise it")).item.text for number in range(30)]
        assert all(text.endswith(" it") for text in changed)
        assert "Summarise it" not in changed

    def test_of_short_words_only(self) -> None:
        """There is nothing to hit."""
        assert of("typos", "do it now").item.text == "do it now"

    def test_hit_about_one_word_in_ten(self) -> None:
        """Of the longer ones."""
        text = " ".join(["garden", "window"] * 500)
        hit = sum(a != b for a, b in zip(text.split(), of("typos", text).item.text.split(), strict=True))
        assert 60 <= hit <= 140


class TestCase:
    @pytest.mark.parametrize(("name", "wanted"), [("upper case", "TELL ADA"), ("lower case", "tell ada")])
    def test_changes_letters(self, name: str, wanted: str) -> None:
        """All of them."""
        assert of(name, "Tell Ada").item.text == wanted

    @pytest.mark.parametrize("name", ["upper case", "lower case"])
    def test_keeps_keys(self, name: str) -> None:
        """In another case a key is none."""
        after = of(name, "Key sK-Ab1 of Ada", spans=(Span(4, 10, "API_KEY", 1.0), Span(14, 17, "PERSON", 1.0)))
        assert after.item.text[4:10] == "sK-Ab1"
        assert after.item.text[:3] in ("KEY", "key")

    def test_keeps_the_length(self) -> None:
        """Letters that would become two stay as they are, so that spans stay too."""
        assert of("upper case", "straße").item.text == "STRAßE"
        assert of("lower case", "İzmir").item.text == "İzmir"


class TestAround:
    def test_greeting(self) -> None:
        """One of those, then the text."""
        text = of("greeting before", "Why?").item.text
        assert text.removesuffix(" Why?") in GREETINGS

    def test_remark(self) -> None:
        """The text, then one of those."""
        text = of("remark after", "Why?").item.text
        assert text.removeprefix("Why? ") in ENDINGS

    def test_three_words(self) -> None:
        """Different ones."""
        text = of("three words after", "Why?").item.text
        said = text.removeprefix("Why? ").split()
        assert len(set(said)) == 3
        assert set(said) <= set(WORDS)

    def test_hidden_in_a_long_text(self) -> None:
        """In the middle, more than a window of the encoder away from both ends."""
        before, after = of("inside a long text", "Why?").item.text.split("\n\nWhy?\n\n")
        assert len(before.split()) > 300
        assert len(after.split()) > 300
        assert any(before.startswith(sentence) for sentence in SENTENCES)

    def test_moves_spans(self) -> None:
        """By as much as was put before them."""
        after = of("greeting before", "Ask Ada", spans=(Span(4, 7, "PERSON", 1.0),))
        assert words(after) == ["Ada"]


class TestFirstHalf:
    @given(rows())
    def test_is_the_beginning(self, before: Row) -> None:
        """Half of it at most, or all of it where it cannot be cut."""
        after = BY_NAME["first half"].of(before).item.text
        assert before.item.text.startswith(after)
        assert after == before.item.text or len(after) <= len(before.item.text) // 2

    def test_cuts_between_words(self) -> None:
        """The word at the middle goes."""
        assert of("first half", "one two three four").item.text == "one two"

    def test_never_cuts_through_private_data(self) -> None:
        """It goes as a whole, with its span."""
        text = "ask Ada Lovelace King now or later"
        after = of("first half", text, spans=(Span(4, 21, "PERSON", 1.0),))
        assert after.item.text == "ask"
        assert after.spans == ()

    @pytest.mark.parametrize(
        ("text", "spans"),
        [
            pytest.param("word", (), id="one word"),
            pytest.param("Ada Lovelace", (Span(0, 12, "PERSON", 1.0),), id="all private data"),
        ],
    )
    def test_leaves_what_it_cannot_cut(self, text: str, spans: tuple[Span, ...]) -> None:
        """An empty text would tell nothing."""
        before = row("r1", text, spans=spans)
        assert BY_NAME["first half"].of(before) == before


class TestPerturbations:
    def test_of_a_head(self) -> None:
        """Hiding is for attacks; the others are for all."""
        assert [each.name for each in perturbations("domain")] == [name for name in BY_NAME if name != "inside a long text"]
        assert perturbations("jailbreak") == PERTURBATIONS

    def test_filler_is_harmless(self) -> None:
        """It holds no mark that a pattern of private data looks for, and no question."""
        filler = " ".join((*GREETINGS, *ENDINGS, *WORDS, *SENTENCES))
        assert not set("@?:/") & set(filler)
        assert not any(letter.isdigit() for letter in filler)
