"""The field rows, which come with the program."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.encoders.heads import CLASSES, SPANS
from router_extproc.encoders.scores import Kind
from router_extproc.evaluation.datasets import FIELD, field_files, lines, measured, read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from router_extproc.evaluation.datasets import Row

HEADS = measured("field")


def rows(head: str) -> list[Row]:
    """Of one head."""
    return read(FIELD, head, "field")


def said(row: dict[str, Any]) -> Iterator[str]:
    """What a row's texts are."""
    yield from [row["text"]] if "text" in row else [message["content"] for message in row["messages"]]


class TestFiles:
    def test_are_all_that_the_folder_has(self) -> None:
        """None is shipped that nothing reads."""
        assert sorted(FIELD.rglob("*.*")) == sorted(field_files())

    def test_are_of_every_head_but_difficulty(self) -> None:
        """Whether a small model is enough, and which intents somebody has, nobody can tell by looking at a text."""
        assert HEADS == ("domain", "jailbreak", "fact_check", "modality", "feedback", "pii")

    @pytest.mark.parametrize("path", field_files(), ids=lambda path: f"{path.parent.name}/{path.name}")
    def test_are_the_same_whenever_they_are_made(self, path: Path) -> None:
        """Gzip's head tells no time and no name."""
        head = path.read_bytes()[:8]
        assert (head[:3], head[3], head[4:]) == (b"\x1f\x8b\x08", 0, bytes(4))

    @pytest.mark.parametrize("path", field_files(), ids=lambda path: f"{path.parent.name}/{path.name}")
    def test_tell_no_place_and_hold_something(self, path: Path) -> None:
        """Ids are a word and a number; no text is empty."""
        found = list(lines(path))
        texts = [text for row in found for text in said(row)]

        assert all(name.isalpha() and number.isdigit() for name, number in (row["id"].split("-") for row in found))
        assert all(text.strip() for text in texts)


class TestRows:
    @pytest.mark.parametrize("head", HEADS)
    def test_are_many_and_no_two_the_same(self, head: str) -> None:
        """Neither their ids nor their texts, however they are written."""
        found = rows(head)
        texts = Counter(" ".join(row.item.text.lower().split()) for row in found)

        assert len(found) > 200
        assert len({row.id for row in found}) == len(found)
        assert [text for text, count in texts.items() if count > 1] == []

    @pytest.mark.parametrize("head", HEADS)
    def test_are_seen_and_unseen_in_halves(self, head: str) -> None:
        """So that both have figures, in every file; most are English, not all."""
        counts = Counter((row.file, row.source) for row in rows(head))
        languages = Counter(row.lang for row in rows(head))

        assert {source for _, source in counts} == {"seen", "unseen"}
        assert all(abs(counts[file, "seen"] - counts[file, "unseen"]) <= 3 for file, _ in counts)
        assert languages.most_common(1)[0][0] == "en"
        assert len(languages) > 5
        assert "" not in languages

    @pytest.mark.parametrize("source", ["seen", "unseen"])
    @pytest.mark.parametrize("head", [head for head in HEADS if head in CLASSES])
    def test_have_every_label(self, head: str, source: str) -> None:
        """And no other, in both halves."""
        counts = Counter(row.label for row in rows(head) if row.source == source)

        assert set(counts) == set(CLASSES[head])
        assert min(counts.values()) >= 10

    @pytest.mark.parametrize("source", ["seen", "unseen"])
    @pytest.mark.parametrize(
        ("head", "file"), [("jailbreak", "field_users"), ("jailbreak", "field_documents"), ("fact_check", "field")]
    )
    def test_are_so_and_not_so(self, head: str, file: str, source: str) -> None:
        """Of heads that tell a chance."""
        counts = Counter(row.target for row in rows(head) if (row.file, row.source) == (file, source))

        assert set(counts) == {0.0, 1.0}
        assert min(counts.values()) > 0.4 * counts.total()

    def test_of_users_and_of_documents_stand_apart(self) -> None:
        """Figures pool by where a text comes from."""
        kinds = {(row.file, row.item.kind) for row in rows("jailbreak")}
        assert kinds == {("field_users", Kind.USER), ("field_documents", Kind.TOOL_RESULT), ("field_documents", Kind.DOCUMENT)}

    def test_of_feedback_end_with_the_user(self) -> None:
        """Who speaks after an answer."""
        for row in rows("feedback"):
            assert [turn.role for turn in row.item.turns[-2:]] == ["assistant", "user"], row.id


class TestSpans:
    def test_are_of_known_types(self) -> None:
        """Each occurs; all are marked in every row, so that what is found beside is wrong."""
        found = rows("pii")

        assert {span.type for row in found for span in row.spans} == set(SPANS)
        assert {row.types for row in found} == {frozenset(SPANS)}

    def test_are_exact(self) -> None:
        """Nothing empty, no blank at an end, none within another."""
        for row in rows("pii"):
            spans = sorted(row.spans, key=lambda span: span.start)
            marked = [row.item.text[span.start : span.end] for span in spans]

            assert all(text and text == text.strip() for text in marked), row.id
            assert all(one.end <= other.start for one, other in pairwise(spans)), row.id

    def test_are_not_in_every_row(self) -> None:
        """Without rows that have none nobody sees false alarms."""
        assert sum(not row.spans for row in rows("pii")) > 50
