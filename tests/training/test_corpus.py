"""What is read from the files, and which sources are."""

from __future__ import annotations

import gzip
import shutil
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from labelled import write

from router_extproc.encoders.heads import CLASSES
from router_extproc.encoders.scores import Kind
from router_extproc.evaluation.errors import DataError
from router_extproc.evaluation.gzipped import objects
from router_extproc.training.card import licences
from router_extproc.training.corpus import Example, Licence, allowed, evened, read, small_models


class TestAllowed:
    @pytest.mark.parametrize(
        ("source", "licences"),
        [
            pytest.param("mmlu", {"shipped", "strict", "all"}, id="open"),
            pytest.param("autoj/planning", {"shipped", "all"}, id="no licence file"),
            pytest.param("alpaca_keyword", {"all"}, id="non-commercial"),
            pytest.param("conll2003", {"all"}, id="research only"),
        ],
    )
    def test_by_licence(self, source: str, licences: set[str]) -> None:
        """A source counts by the beginning of its name."""
        assert {licence.value for licence in Licence if allowed(source, licence)} == licences

    @pytest.mark.parametrize("source", sorted(licences()))
    def test_strict_is_what_the_card_says(self, source: str) -> None:
        """Sources that the card marks as without a licence file are those that `strict` leaves out, and no other."""
        assert allowed(source, Licence.STRICT) == (licences()[source]["licence"] != "no licence file")

    @pytest.mark.parametrize("source", sorted(licences()))
    def test_the_card_describes_only_what_ships(self, source: str) -> None:
        """A closed source needs no entry."""
        assert allowed(source, Licence.SHIPPED)


class TestRead:
    def test_has_every_head(self, data: Path) -> None:
        """By the head's name."""
        assert set(read(data, "train", Licence.SHIPPED)) == {*CLASSES, "difficulty", "jailbreak", "fact_check", "pii"}

    def test_leaves_out_closed_sources(self, data: Path) -> None:
        """They are read only if everything is."""
        found, everything = read(data, "train", Licence.SHIPPED), read(data, "train", Licence.ALL)

        assert {row.source for row in everything["fact_check"]} - {row.source for row in found["fact_check"]} == {"alpaca"}

    def test_labels_are_the_heads_outputs(self, data: Path) -> None:
        """Class heads have an index, chances a share."""
        found = read(data, "train", Licence.SHIPPED)

        assert {row.target for row in found["domain"]} == set(range(len(CLASSES["domain"])))
        assert {row.target for row in found["fact_check"]} == {0.0, 1.0}

    def test_keeps_where_a_text_comes_from(self, data: Path) -> None:
        """An attack in a document is another thing than one of a user."""
        assert {row.kind for row in read(data, "train", Licence.SHIPPED)["jailbreak"]} == set(Kind)

    def test_harmful_requests_are_no_attacks(self, data: Path) -> None:
        """Whatever the file calls them: the head tells attacks on the prompt."""
        found = read(data, "train", Licence.SHIPPED)["jailbreak"]

        assert {row.target for row in found if row.source == "advbench"} == {0.0}

    def test_feedback_is_what_the_user_said_last(self, data: Path) -> None:
        """Earlier turns are not read."""
        assert "tea" not in {row.text for row in read(data, "train", Licence.SHIPPED)["feedback"]}

    def test_private_data_stand_where_they_are_said_to(self, data: Path) -> None:
        """With the types that the source annotates."""
        example = read(data, "train", Licence.SHIPPED)["pii"][0]
        ((start, end, type_),) = example.target

        assert (example.text[start:end], type_, example.types) == ("Alice Smith", "PERSON", frozenset({"PERSON"}))

    def test_dev_has_its_own_file_only(self, data: Path) -> None:
        """What is for training alone stays out of it."""
        found = read(data, "dev", Licence.ALL)

        assert {source for examples in found.values() for source in {row.source for row in examples}} == {"dev"}

    def test_an_unknown_kind(self, tmp_path: Path, data: Path) -> None:
        """Is an error, not a user's text; it is not quoted."""
        for path in data.glob("*/dev.jsonl.gz"):
            write(tmp_path / path.parent.name / path.name, objects(path))
        write(tmp_path / "jailbreak" / "dev.jsonl.gz", [{"text": "a", "label": 1, "kind": "rumour", "source": "s"}])

        with pytest.raises(DataError, match=r"jailbreak/dev\.jsonl\.gz:1: 'kind' is none of user, tool_result, document$"):
            read(tmp_path, "dev", Licence.ALL)

    @pytest.mark.parametrize(
        ("name", "change", "what"),
        [
            pytest.param("domain", {"source": None}, "'source' is not a text", id="source"),
            pytest.param("domain", {"text": 3}, "'text' is not a text", id="text"),
            pytest.param("domain", {"label": "tr0ub4dor"}, "'label' is none of .*law", id="class"),
            pytest.param("fact_check", {"label": "tr0ub4dor"}, "'label' is no number from 0 to 1", id="chance"),
            pytest.param("fact_check", {"label": 2}, "'label' is no number from 0 to 1", id="too large a chance"),
            pytest.param("feedback", {"messages": []}, "'messages' has none of a user", id="nobody speaks"),
            pytest.param("feedback", {"messages": 3}, "not a row of this file: TypeError", id="no messages"),
            pytest.param("feedback", {"messages": [{"content": "a"}]}, "has no 'role'", id="who speaks"),
            pytest.param(
                "pii", {"spans": [{"start": 0, "end": 999, "type": "PERSON"}]}, "'spans' has one that is not", id="span"
            ),
            pytest.param("pii", {"types": 3}, "not a row of this file: TypeError", id="types"),
            pytest.param("routing", {"scores": {"small": "tr0ub4dor"}}, "'scores' has one that is no number", id="score"),
            pytest.param("routing", {"prompt": None}, "'prompt' is not a text", id="prompt"),
        ],
    )
    def test_a_row_that_is_none(self, data: Path, tmp_path: Path, name: str, change: dict[str, object], what: str) -> None:
        """It is told by file and line, and what is wrong with it; none of its words are."""
        copy = Path(shutil.copytree(data, tmp_path / "data"))
        path = copy / name / "dev.jsonl.gz"
        first, *_ = objects(path)
        write(path, [first, first | change])

        with pytest.raises(DataError, match=rf"{name}/dev\.jsonl\.gz:2: {what}") as raised:
            read(copy, "dev", Licence.ALL)

        assert "tr0ub4dor" not in str(raised.value)

    def test_a_task_without_rows(self, data: Path, tmp_path: Path) -> None:
        """None, or none that may be used."""
        copy = Path(shutil.copytree(data, tmp_path / "data"))
        for name in ("domain", "modality"):
            write(copy / name / "dev.jsonl.gz", [])
        write(copy / "fact_check" / "dev.jsonl.gz", [{"text": "a", "label": 1, "source": "alpaca"}])

        with pytest.raises(DataError, match=r"no row of dev that may be used for domain, modality, fact_check$"):
            read(copy, "dev", Licence.SHIPPED)

    def test_a_missing_file(self, tmp_path: Path) -> None:
        """Is told by its name."""
        with pytest.raises(FileNotFoundError, match=r"domain/dev\.jsonl\.gz"):
            read(tmp_path, "dev", Licence.ALL)


class TestRows:
    @pytest.mark.parametrize(
        ("content", "what"),
        [
            pytest.param(gzip.compress(b"{}\n[1]\n"), "2: not a JSON object", id="no object"),
            pytest.param(gzip.compress(b"{}\n\n{}"), "2: not JSON", id="blank"),
            pytest.param(b"{}\n", "1: not gzipped UTF-8", id="not gzipped"),
            pytest.param(gzip.compress(b"{}\n" * 9)[:-9], "[0-9]+: not gzipped UTF-8, or cut off", id="cut off"),
            pytest.param(gzip.compress(b'{"a": "\xff"}\n'), "1: not gzipped UTF-8", id="not UTF-8"),
        ],
    )
    def test_that_are_none(self, tmp_path: Path, content: bytes, what: str) -> None:
        """The line is told."""
        path = tmp_path / "a.jsonl.gz"
        path.write_bytes(content)

        with pytest.raises(DataError, match=rf"a\.jsonl\.gz:{what}"):
            list(objects(path))


class TestDifficulty:
    def test_small_models_are_the_lower_half_of_their_source(self) -> None:
        """The median one counts among them; a model of another source is not measured against it."""
        found = [
            {"source": "a", "scores": {"low": 0.0, "middle": 0.5, "high": 1.0}},
            {"source": "b", "scores": {"high": 0.1, "higher": 0.9}},
        ]

        assert small_models(found) == {"a": {"low", "middle"}, "b": {"high"}}

    def test_a_model_without_an_answer(self) -> None:
        """Does not count as wrong."""
        found = [{"source": "a", "scores": {"x": None, "y": 0.2}}, {"source": "a", "scores": {"x": 0.1, "y": None}}]

        assert small_models(found) == {"a": {"x"}}

    def test_is_how_often_small_models_fail(self, tmp_path: Path, data: Path) -> None:
        """A prompt that none of them was asked is left out."""
        for path in data.glob("*/dev.jsonl.gz"):
            write(tmp_path / path.parent.name / path.name, objects(path))
        scores = [{"s": 0, "m": 1, "l": 1}, {"s": 1, "m": 0.5, "l": 1}, {"s": None, "m": None, "l": 1}]
        write(
            tmp_path / "routing" / "dev.jsonl.gz",
            [{"prompt": str(number), "scores": each, "source": "a"} for number, each in enumerate(scores)],
        )

        assert read(tmp_path, "dev", Licence.ALL)["difficulty"] == [
            Example("difficulty", "0", 0.5, "a"),
            Example("difficulty", "1", 0.25, "a"),
        ]


class TestEvened:
    def test_rare_labels_come_again(self) -> None:
        """Until they are as many as the most frequent, or four times what they were; none is lost."""
        rows = [
            Example("domain", f"{label} {number}", label, "s")
            for label, count in enumerate((12, 5, 2))
            for number in range(count)
        ]
        found = evened(rows, Random(1))
        counts = Counter(example.target for example in found)

        assert counts == {0: 12, 1: 12, 2: 8}
        assert set(found) == set(rows)
        assert max(Counter(found).values()) == 4
