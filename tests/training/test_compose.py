"""Examples made of others."""

from __future__ import annotations

import re
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

import pytest

from router_extproc.encoders.heads import CLASSES
from router_extproc.encoders.scores import Kind
from router_extproc.training.compose import SOURCE, _documents, composed
from router_extproc.training.corpus import Example, Licence, read
from router_extproc.training.phrases import phrases
from router_extproc.training.printed import printed
from router_extproc.training.sent import sent
from router_extproc.training.texts import lines

if TYPE_CHECKING:
    from pathlib import Path

    Examples = dict[str, list[Example]]

_HOLE = re.compile(r"(?<![}\w])\{(x|d|y|k|[A-Z_]{3,})\}")
"""A placeholder; formulas have braces after braces."""


@pytest.fixture(scope="module")
def known(data: Path) -> Examples:
    """What was read."""
    return read(data, "train", Licence.SHIPPED)


@pytest.fixture(scope="module")
def made(known: Examples) -> Examples:
    """What is made of it."""
    return composed(known, Random(1))


class TestComposed:
    def test_is_the_same_for_a_seed(self, known: Examples, made: Examples) -> None:
        """Whatever was made before."""
        assert composed(known, Random(1)) == made

    def test_differs_between_seeds(self, known: Examples, made: Examples) -> None:
        """Chance decides which rows are used."""
        assert composed(known, Random(2)) != made

    def test_leaves_what_was_read(self, data: Path, known: Examples, made: Examples) -> None:
        """It is more examples, not others."""
        assert made
        assert known == read(data, "train", Licence.SHIPPED)

    def test_tells_that_it_was_made(self, made: Examples) -> None:
        """Under its own source, for its own head, and without placeholders."""
        whole = {row.text for row in (*printed(1), *sent("jailbreak", 1))}  # code has braces of its own
        for head, examples in made.items():
            assert {(example.task, example.source) for example in examples} == {(head, SOURCE)}
            assert not [example for example in examples if _HOLE.search(example.text) and example.text not in whole]

    def test_has_every_label(self, made: Examples) -> None:
        """Heads that learn from it see all sides."""
        targets = {head: {example.target for example in examples} for head, examples in made.items() if head != "pii"}

        assert targets == {
            "modality": {0, 1, 2},
            "feedback": set(range(len(CLASSES["feedback"]))),
            "jailbreak": {0.0, 1.0},
            "domain": set(range(len(CLASSES["domain"]))),
            "fact_check": {0.0, 1.0},
            "difficulty": {0.05},  # what any model answers; the data has the others
        }
        assert any(example.target for example in made["pii"])
        assert not all(example.target for example in made["pii"])


class TestModality:
    def test_frames_are_about_captions(self, known: Examples, made: Examples) -> None:
        """Each wording is used with several captions, under its label."""
        captions = [example.text.rstrip(".") for example in known["modality"]]
        wording = phrases().frames["image"][0]
        label = CLASSES["modality"].index("image")
        possible = {wording.replace("{x}", caption) for caption in captions}
        found = [example for example in made["modality"] if example.text in possible]

        assert len(found) >= 24
        assert {example.target for example in found} == {label}

    def test_requests_of_other_heads_are_for_text(self, known: Examples, made: Examples) -> None:
        """They ask for no picture."""
        asked = {example.text for example in known["domain"]}

        assert {example.target for example in made["modality"] if example.text in asked} == {CLASSES["modality"].index("text")}


ALONE = [*lines("jailbreak/attack_override"), *lines("jailbreak/attack_multilingual"), *lines("jailbreak/document_orders")]


class TestJailbreak:
    def test_documents_have_orders_and_sentences_put_in(self, known: Examples) -> None:
        """As many harmless ones as attacks, or nearly: else any seam in a document would be an attack."""
        found = Counter(example.target for example in _documents(known, Random(1)))

        assert found[1.0] == 5000
        assert found[0.0] > 4000

    def test_orders_stand_alone(self, known: Examples, made: Examples) -> None:
        """As a whole tool result or document; so do sentences of documents, which are none."""
        rows = [example for example in made["jailbreak"] if example.kind is not Kind.USER]
        sentences = " ".join(row.text for row in known["jailbreak"] if row.kind is not Kind.USER and row.target == 0)

        for text in ALONE:
            assert {(row.kind, row.target) for row in rows if row.text == text} >= {
                (Kind.DOCUMENT, 1.0), (Kind.TOOL_RESULT, 1.0)
            }  # fmt: skip
        assert {row.target for row in rows if row.text in sentences} == {0.0}

    def test_both_kinds_of_documents(self, made: Examples) -> None:
        """Attacks and harmless ones of each."""
        found = {(example.kind, example.target) for example in made["jailbreak"]}

        assert found == {(kind, target) for kind in Kind for target in (0.0, 1.0)}

    def test_orders_stand_in_a_whole_document(self, known: Examples, made: Examples) -> None:
        """Nothing of the document is lost."""
        documents = {row.text for row in known["jailbreak"] if row.kind is not Kind.USER and row.target == 0}
        documents |= {row.text for row in known["fact_check"] if row.source == "boolq+passage"}
        documents |= set(lines("jailbreak/document_requests"))
        words = {tuple(sorted(document.split())) for document in documents}
        attack = next(row for row in made["jailbreak"] if row.kind is not Kind.USER and row.target == 1)
        left = Counter(attack.text.split())

        assert any(not Counter(document) - left for document in words)

    def test_attacks_hide_among_benign_texts(self, known: Examples, made: Examples) -> None:
        """With such texts alone beside them: length is no sign of an attack."""
        attacks = {row.text for row in known["jailbreak"] if row.kind is Kind.USER and row.target == 1}
        found = [row for row in made["jailbreak"] if row.kind is Kind.USER and "\n" in row.text]
        said = {(bool(attacks & set(row.text.split("\n"))), row.target) for row in found}

        assert {(True, 1.0), (False, 0.0)} <= said
        assert (True, 0.0) not in said

    def test_questions_about_attacks_are_none(self, made: Examples) -> None:
        """Security people quote them."""
        words = phrases()
        asked = {wording.replace("{x}", quoted) for wording in words.quoting for quoted in words.quoted}
        found = [row for row in made["jailbreak"] if row.text in asked]

        assert {row.text for row in found} == asked
        assert {(row.target, row.kind) for row in found} == {(0.0, Kind.USER)}

    def test_texts_of_other_heads_are_no_attacks(self, known: Examples, made: Examples) -> None:
        """Of every head that has some."""
        targets = {row.text: row.target for row in made["jailbreak"] if row.kind is Kind.USER}

        for head in ("domain", "fact_check", "modality", "pii", "feedback"):
            assert {targets[row.text] for row in known[head] if row.text in targets} == {0.0}

    def test_trigger_words_are_not_hidden_as_orders(self, known: Examples) -> None:
        """Rows that are made to look like attacks must not teach that any request in a document is one."""
        lures = [Example("jailbreak", f"Ignore lure number {number}", 0.0, "trigger_words") for number in range(500)]
        plain = [row for row in known["jailbreak"] if row.target == 1 or row.kind is not Kind.USER or len(row.text) > 80]
        made = composed({**known, "jailbreak": [*plain, *lures]}, Random(1))

        assert not [
            row for row in made["jailbreak"] if row.target == 1 and row.kind is not Kind.USER and "lure number" in row.text
        ]
