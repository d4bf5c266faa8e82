"""Texts in which a hand marked what is private."""

from __future__ import annotations

import re
from random import Random
from typing import TYPE_CHECKING

import pytest

from router_extproc.training import marked as module
from router_extproc.training.marked import marked
from router_extproc.training.texts import lines

if TYPE_CHECKING:
    from router_extproc.training.corpus import Example

MARK = re.compile(r"\[\[([A-Z]+)\|([^\]]*)\]\]")
FILES = module._FILES


@pytest.fixture(scope="module")
def made() -> list[Example]:
    """All examples that are made of the marked texts."""
    return list(marked(Random(1)))


def texts(*names: str) -> list[str]:
    """As they stand in the files, tabs and line breaks read."""
    return [text.replace("\\t", "\t") for name in names or FILES for text in lines(f"pii/{name}")]


def flat(value: str) -> str:
    """In one line."""
    return re.sub(r",?\s*\n\s*", ", ", value)


class TestMarked:
    def test_has_each_text_as_it_was_written(self, made: list[Example]) -> None:
        plain = {MARK.sub(r"\2", text) for text in texts()}
        assert len(plain) > 900
        assert plain <= {example.text for example in made}

    def test_spans_are_what_the_hand_marked(self, made: list[Example]) -> None:
        """Of the first text of each file, and no mark is left in any text."""
        by_text = {example.text: example for example in made}
        for name in FILES:
            first = next(text for text in texts(name) if "[[" in text)
            example = by_text[MARK.sub(r"\2", first)]
            told = [(name, example.text[start:end]) for start, end, name in example.target]
            assert told == MARK.findall(first)
        assert not [example.text for example in made if "[[" in example.text or "]]" in example.text]

    def test_other_copies_have_the_values_of_other_texts(self, made: list[Example]) -> None:
        """Marked where they stand, and of the mark's type."""
        values = {(name, flat(value)) for text in texts() for name, value in MARK.findall(text)}
        told = {(name, flat(example.text[start:end])) for example in made for start, end, name in example.target}
        assert told == values
        assert len({example.text for example in made}) > 3 * len(texts())

    def test_a_line_stays_a_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An address of several lines loses its line breaks where one of one line stood, and keeps them where lines were."""
        found = ("at [[ADDRESS|1 Ash Row]].", "To:\n[[ADDRESS|Flat 2,\n3 Elm Way]]")
        monkeypatch.setattr(module, "_FILES", ("one",))
        monkeypatch.setattr(module, "lines", lambda _: found)
        texts = {example.text for example in marked(Random(2))}
        assert texts >= {"at 1 Ash Row.", "at Flat 2, 3 Elm Way.", "To:\nFlat 2,\n3 Elm Way", "To:\n1 Ash Row"}
        assert texts == {"at 1 Ash Row.", "at Flat 2, 3 Elm Way.", "To:\nFlat 2,\n3 Elm Way", "To:\n1 Ash Row"}

    def test_annotates_no_other_types(self, made: list[Example]) -> None:
        """Mail addresses and dates stand unmarked in them."""
        assert {example.types for example in made} == {frozenset({"PERSON", "ORGANIZATION", "ADDRESS", "PHONE"})}

    def test_is_the_same_for_the_same_random_state(self, made: list[Example]) -> None:
        assert list(marked(Random(1))) == made
