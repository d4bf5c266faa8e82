"""Labels by a few examples."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
from labelled import FakeClassifier, row, rows_of, write, write_all

from router_extproc.evaluation.errors import DataError
from router_extproc.evaluation.intents import EXAMPLES, collection, drawn, examples, prototypes

if TYPE_CHECKING:
    from pathlib import Path


class TestCollection:
    @pytest.mark.parametrize("file", ["train_hwu64", "dev_hwu64", "eval_hwu64"])
    def test_is_the_file_without_its_split(self, file: str) -> None:
        """Examples and rows of one collection find each other."""
        assert collection(row(file=file)) == "hwu64"


class TestDrawn:
    def test_are_ten_of_each_label(self) -> None:
        """Or all of a label that has fewer; none twice."""
        rows = [row(f"{label}{number}", label=label) for label, size in (("a", 40), ("b", 3)) for number in range(size)]
        found = drawn(rows)
        assert Counter(each.label for each in found) == {"a": EXAMPLES, "b": 3}
        assert len({each.id for each in found}) == EXAMPLES + 3

    def test_are_the_same_each_time(self) -> None:
        """And no block of neighbours."""
        rows = [row(str(number), label="a") for number in range(200)]
        assert drawn(rows) == drawn(rows)
        assert max(int(each.id) for each in drawn(rows)) > 2 * EXAMPLES


class TestExamples:
    def test_are_from_train_files(self, tmp_path: Path) -> None:
        """Of the collections that the split has, without what is outside of all intents."""
        write_all(tmp_path)
        files = {each.file for each in examples(tmp_path, "eval")}
        assert files == {"train_clinc150", "train_banking77", "train_hwu64"}
        assert {each.file for each in examples(tmp_path, "dev")} == {"train_clinc150", "train_hwu64"}
        assert {each.label for each in examples(tmp_path, "eval")} == {"play", "alarm"}

    def test_of_a_collection_without_a_train_file(self, tmp_path: Path) -> None:
        """The error names it."""
        write(tmp_path / "intent" / "train_clinc150.jsonl.gz", rows_of("intent", "train_clinc150"))
        with pytest.raises(DataError, match=r"train_hwu64\.jsonl\.gz: No such file"):
            examples(tmp_path, "dev")


class TestPrototypes:
    def test_are_of_each_collection(self) -> None:
        """Labels of one are none of the other's."""
        rows = [row("1", "play", file="train_x", label="play"), row("2", "alarm", file="train_x", label="alarm"),
                row("3", "card", file="train_y", label="card"), row("4", "loan", file="train_y", label="loan")]  # fmt: skip
        found = prototypes(rows, FakeClassifier().embed([each.item.text for each in rows]))
        assert {name: set(each.labels) for name, each in found.items()} == {"x": {"play", "alarm"}, "y": {"card", "loan"}}

    def test_tell_a_text_like_its_examples(self) -> None:
        """Chances sum to 1: there is nothing else that it could be."""
        embedder = FakeClassifier()
        texts = [f"{label} the {number}" for label in ("play", "alarm") for number in range(6)]
        rows = [row(text, text, file="train_x", label=text.split()[0]) for text in texts]
        chances = prototypes(rows, embedder.embed(texts))["x"].chances(embedder.embed(["alarm the door"])[0], "alarm the door")
        assert max(chances, key=chances.__getitem__) == "alarm"
        assert np.isclose(sum(chances.values()), 1)
