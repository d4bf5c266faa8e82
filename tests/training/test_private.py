"""Made-up private data."""

from __future__ import annotations

import os
import subprocess
import sys
from random import Random

import pytest

from router_extproc.encoders.heads import SPANS
from router_extproc.training.corpus import Example
from router_extproc.training.private import Private, private

KNOWN = {"IBAN": ["DE89 3704 0044 0532 0130 00"], "ADDRESS": ["1 Elm St"], "PHONE": ["555 0199"]}


@pytest.fixture
def maker() -> Private:
    """Always the same."""
    return Private(Random(1), KNOWN)


def marked(maker: Private, template: str) -> tuple[str, list[tuple[str, str]]]:
    """The text, and what is marked in it."""
    text, spans = maker.filled(template)
    return text, [(text[start:end], name) for start, end, name in spans]


class TestFilled:
    @pytest.mark.parametrize(
        "name", sorted(set(SPANS) & {"PERSON", "ORGANIZATION", "ADDRESS", "PHONE", "AGE", "DATE_OF_BIRTH", "IBAN"})
    )
    def test_is_marked_where_it_stands(self, maker: Private, name: str) -> None:
        """Whatever was put in."""
        for _ in range(30):
            text, found = marked(maker, f"Before {{{name}}} behind, and {{{name}}}.")

            assert [kind for _, kind in found] == [name, name]
            assert text == f"Before {found[0][0]} behind, and {found[1][0]}."

    @pytest.mark.parametrize(
        ("hole", "name"), [("FIRST", "PERSON"), ("LAST", "PERSON"), ("INITIALED", "PERSON"), ("TEAM", "ORGANIZATION")]
    )
    def test_parts_of_names_are_names(self, maker: Private, hole: str, name: str) -> None:
        """Of the same type."""
        text, found = marked(maker, f"{{{hole}}} won")

        assert [kind for _, kind in found] == [name]
        assert text == f"{found[0][0]} won"

    @pytest.mark.parametrize("hole", ["CITY", "COUNTRY", "NATIONALITY", "TITLE", "JOB", "DATE", "N"])
    def test_what_is_not_private_is_not_marked(self, maker: Private, hole: str) -> None:
        """But filled."""
        text, found = marked(maker, f"in {{{hole}}}.")

        assert found == []
        assert "{" not in text
        assert len(text) > 4

    def test_a_headline_is_in_capitals(self, maker: Private) -> None:
        """With what is put in."""
        text, found = marked(maker, "{CITY} POLICE HUNT {PERSON} AFTER RAID")

        assert text == text.upper()
        assert [kind for _, kind in found] == ["PERSON"]

    def test_what_has_a_form_is_taken_from_the_data(self, maker: Private) -> None:
        """Nothing is invented that checks would refuse; a type that the data lack stays empty."""
        assert marked(maker, "to {IBAN}") == (f"to {KNOWN['IBAN'][0]}", [(KNOWN["IBAN"][0], "IBAN")])
        assert marked(maker, "key {API_KEY}.") == ("key .", [])

    def test_is_the_same_for_a_seed(self) -> None:
        """Training can be repeated."""
        assert [Private(Random(3), KNOWN).filled("{PERSON} {ADDRESS}") for _ in range(2)] == [
            Private(Random(3), KNOWN).filled("{PERSON} {ADDRESS}")
        ] * 2

    def test_is_the_same_in_every_process(self) -> None:
        """Whatever order its sets have: towns of every country among them."""
        script = (
            "from random import Random; from router_extproc.training.private import Private;"
            "maker = Private(Random(3), {}); print([maker.filled('{CITY} {ADDRESS} {PERSON} {ORGANIZATION} {AGE}') for _ in range(400)])"
        )
        made = [
            subprocess.run(
                [sys.executable, "-c", script], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, check=True
            )
            for seed in ("1", "2")
        ]

        assert made[0].stdout == made[1].stdout


class TestPrivate:
    def test_every_type_is_annotated(self) -> None:
        """So that a place without a mark is known to have none."""
        row = Example("pii", "Pay DE89 now", ((4, 8, "IBAN"),), "s", types=frozenset({"IBAN"}))
        made = private({"pii": [row]}, Random(1))

        assert {example.types for example in made} == {frozenset(SPANS)}
        assert all(0 <= start < end <= len(example.text) for example in made for start, end, _ in example.target)
        assert any("DE89" in example.text for example in made)
