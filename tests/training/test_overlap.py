"""Texts of an evaluation set, and what is only like them."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import pytest
from labelled import write

from router_extproc.evaluation.datasets import FIELD, measured, read
from router_extproc.evaluation.errors import DataError
from router_extproc.training import texts as training_texts
from router_extproc.training.overlap import Forbidden, normalised
from router_extproc.training.texts import lines

TEXTS = Path(training_texts.__file__).with_suffix("")
WORDS = [f"{letter}word" for letter in string.ascii_lowercase]
"""The alphabet itself is somebody's prompt."""
LONG = " ".join(WORDS[:20])
"""Twenty words."""
CJK = "春眠不覚暁処処聞啼鳥夜来風雨声"


def forbidden(folder: Path, *rows: dict[str, Any]) -> Forbidden:
    """What an evaluation set of these rows forbids."""
    write(folder / "task" / "eval_some.jsonl.gz", rows)
    return Forbidden(folder)


class TestHolds:
    @pytest.mark.parametrize(
        ("text", "held"),
        [
            pytest.param("What is tea?", True, id="same"),
            pytest.param("  what IS\n(tea)", True, id="case, blanks and punctuation"),
            pytest.param("ＷＨＡＴ is tea", True, id="wide letters"),  # noqa: RUF001 - what is tested
            pytest.param("What is tea made of?", False, id="a longer text with a short one in it"),
            pytest.param("What is tee?", False, id="another word"),
        ],
    )
    def test_whole_texts(self, tmp_path: Path, text: str, *, held: bool) -> None:
        """However they are written."""
        assert forbidden(tmp_path, {"text": "What is tea?"}).holds(text) == held

    @pytest.mark.parametrize(
        ("text", "held"),
        [
            pytest.param("so: " + " ".join(WORDS[3:16]) + ", thus", True, id="13 words"),
            pytest.param("so: " + " ".join(WORDS[3:15]) + ", thus", False, id="12 words"),
            pytest.param(" ".join(WORDS[3:9]) + " and " + " ".join(WORDS[9:16]), False, id="13 words, not in a row"),
        ],
    )
    def test_parts(self, tmp_path: Path, text: str, *, held: bool) -> None:
        """Thirteen words in a row are no chance."""
        assert forbidden(tmp_path, {"text": LONG}).holds(text) == held

    @pytest.mark.parametrize(
        ("text", "held"), [pytest.param(CJK[1:14], True, id="13 characters"), pytest.param(CJK[1:13], False, id="12 characters")]
    )
    def test_scripts_that_part_no_words(self, tmp_path: Path, text: str, *, held: bool) -> None:
        """Go by characters; else a whole line would be one word."""
        assert forbidden(tmp_path, {"text": CJK}).holds(text) == held

    @pytest.mark.parametrize(("rows", "held"), [pytest.param(20, True, id="20 rows"), pytest.param(21, False, id="21 rows")])
    def test_boilerplate(self, tmp_path: Path, rows: int, *, held: bool) -> None:
        """What more than twenty evaluation rows share comes from a template."""
        found = forbidden(tmp_path, *({"text": f"{' '.join(WORDS[:13])} row{number}"} for number in range(rows)))

        assert found.holds(" ".join(WORDS[:13]) + " mine") == held

    def test_whole_texts_with_boilerplate(self, tmp_path: Path) -> None:
        """Are held as ever."""
        found = forbidden(tmp_path, *({"text": LONG} for _ in range(30)))

        assert found.holds(LONG)

    @pytest.mark.parametrize(
        "row",
        [
            pytest.param({"text": LONG}, id="text"),
            pytest.param({"prompt": LONG}, id="prompt"),
            pytest.param({"a": "tea", "b": LONG}, id="pairs"),
            pytest.param({"messages": [{"role": "user", "content": LONG}]}, id="messages"),
        ],
    )
    def test_every_kind_of_row(self, tmp_path: Path, row: dict[str, Any]) -> None:
        """Wherever its text stands."""
        assert forbidden(tmp_path, row).holds(LONG)

    def test_of_messages_only_the_last_of_the_user(self, tmp_path: Path) -> None:
        """Earlier turns are what data sets share by construction."""
        told = [("user", "hello there"), ("user", "still wrong"), ("assistant", "sorry then")]
        found = forbidden(tmp_path, {"messages": [{"role": role, "content": content} for role, content in told]})

        assert [found.holds(content) for _, content in told] == [False, True, False]

    def test_training_rows_forbid_nothing(self, tmp_path: Path) -> None:
        """Only files of evaluation sets are read."""
        write(tmp_path / "task" / "train.jsonl.gz", [{"text": LONG}])

        assert not Forbidden(tmp_path).holds(LONG)


class TestField:
    """Rows that come with the program are forbidden, whatever the folder holds."""

    @pytest.mark.parametrize("head", measured("field"))
    def test_is_held(self, tmp_path: Path, head: str) -> None:
        """Every text whole, and thirteen words out of its middle."""
        found = Forbidden(tmp_path)
        texts = [row.item.text for row in read(FIELD, head, "field")]
        words = [normalised(text) for text in texts]
        parts = [" ".join(said[len(said) // 2 - 6 :][:13]) for said in words if len(said) > 20]

        assert len(parts) > 10
        assert [text for text in (*texts, *(f"so: {part}, thus" for part in parts)) if not found.holds(text)] == []

    def test_forbids_no_text_without_words(self, tmp_path: Path) -> None:
        """A row that has none would forbid them all: smiles, signs of code."""
        assert not Forbidden(tmp_path).holds("?!")

    def test_no_training_text_is_one(self, tmp_path: Path) -> None:
        """Nor a part of one: nothing of it is learnt as it stands, and no bundle has learnt it."""
        found = Forbidden(tmp_path)
        names = [path.relative_to(TEXTS).with_suffix("").as_posix() for path in TEXTS.rglob("*.txt")]

        assert len(names) > 50
        assert [(name, text) for name in names for text in lines(name) if found.holds(text)] == []


class TestNormalised:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            pytest.param("It's a TEST.", ["it", "s", "a", "test"], id="English"),
            pytest.param("用Python写", ["用", "python", "写"], id="mixed scripts"),
            pytest.param("ﬁne", ["fine"], id="ligature"),
            pytest.param("...", [], id="nothing"),
        ],
    )
    def test_words(self, text: str, words: list[str]) -> None:
        """In lower case, without punctuation."""
        assert normalised(text) == words


class TestRowsThatAreNone:
    @pytest.mark.parametrize(
        "row", [pytest.param([], id="no object"), pytest.param({"messages": [{"role": "user"}]}, id="nothing said")]
    )
    def test_are_told(self, tmp_path: Path, row: object) -> None:
        """A text that is not seen would not be forbidden."""
        write(tmp_path / "task" / "eval_some.jsonl.gz", [{"text": "a"}, row])

        with pytest.raises(DataError, match=r"task/eval_some\.jsonl\.gz:2: "):
            Forbidden(tmp_path)
