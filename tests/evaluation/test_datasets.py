"""Reading labelled rows: all that is wrong with a file is told without its words."""

from __future__ import annotations

import gzip
import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labelled import row, rows_of, write, write_all

from router_extproc.encoders.heads import CHANCES, CLASSES
from router_extproc.encoders.scores import Item, Kind, Span, Turn
from router_extproc.evaluation.datasets import INTENT, MEASURED, SOURCES, measured, read, read_file, spread
from router_extproc.evaluation.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from router_extproc.evaluation.datasets import Row

SECRET = "tr0ub4dor"  # noqa: S105 - a word that must not be in an error


def domain(data: Path, *rows: object) -> Path:
    """Both eval files of domain; the first has these rows."""
    write(data / "domain" / "eval_natural70.jsonl.gz", rows_of("domain", "eval_natural70"))
    return write(data / "domain" / "eval_mmlu_pro.jsonl.gz", rows)


def one(data: Path, head: str, name: str, **fields: Any) -> Row:
    """The row that these fields become."""
    write(data / MEASURED[head].folder / f"{name}.jsonl.gz", [{"id": 7, "source": "s"} | fields])
    return read_file(data, head, name)[0]


class TestSources:
    def test_are_the_heads_of_a_bundle(self) -> None:
        """None is forgotten; intents are told by no head."""
        assert set(SOURCES) == {*CLASSES, *CHANCES, "pii"}
        assert [*SOURCES, INTENT] == list(MEASURED)

    @pytest.mark.parametrize("source", MEASURED.values(), ids=list(MEASURED))
    def test_never_train_and_measure_on_the_same_file(self, source: Any) -> None:
        """What is read of a split is named for it."""
        assert all(name.startswith("eval_") for name in source.files("eval"))
        assert all(name.split("_")[0] == "dev" for name in source.files("dev"))
        assert all(name.split("_")[0] == "field" for name in source.files("field"))

    @pytest.mark.parametrize(("split", "without"), [("dev", set()), ("eval", set()), ("field", {"difficulty", INTENT})])
    def test_of_a_split(self, split: Any, without: set[str]) -> None:
        """In the order of the report."""
        assert measured(split) == tuple(head for head in MEASURED if head not in without)


class TestRead:
    @pytest.mark.parametrize("split", ["dev", "eval"])
    @pytest.mark.parametrize("head", MEASURED)
    def test_all_files_of_a_split(self, tmp_path: Path, head: str, split: Any) -> None:
        """In their order."""
        rows = read(write_all(tmp_path), head, split)
        assert list(dict.fromkeys(each.file for each in rows)) == list(MEASURED[head].files(split))

    def test_says_which_rows_count_by_themselves(self, tmp_path: Path) -> None:
        """Direct harmful questions, which are no attacks."""
        rows = read(write_all(tmp_path), "jailbreak", "eval")
        assert {each.file for each in rows if each.apart} == {"eval_harmful"}
        assert {each.target for each in rows if each.apart} == {0.0}

    def test_limit_is_of_each_file(self, tmp_path: Path) -> None:
        """And spreads over it."""
        rows = read(write_all(tmp_path), "domain", "eval", 2)
        assert [each.id for each in rows] == ["eval_mmlu_pro:0", "eval_mmlu_pro:3", "eval_natural70:0", "eval_natural70:3"]


class TestRow:
    def test_of_a_class_head(self, tmp_path: Path) -> None:
        """Ids may be numbers; the language may be missing."""
        found = one(tmp_path, "domain", "dev", text="hello", label="law", lang="zh")
        assert found == row("7", "hello", file="dev", label="law", lang="zh")
        assert one(tmp_path, "domain", "dev", text="hello", label="law").lang == ""

    @pytest.mark.parametrize(("label", "target"), [(0, 0.0), (1, 1.0), ("harmful_request", 0.0)])
    def test_of_jailbreak(self, tmp_path: Path, label: object, target: float) -> None:
        """With the kind of text."""
        found = one(tmp_path, "jailbreak", "dev", text="hello", label=label, kind="tool_result")
        assert (found.target, found.item.kind) == (target, Kind.TOOL_RESULT)

    def test_of_feedback(self, tmp_path: Path) -> None:
        """The last that a user said, in its conversation."""
        said = [("user", "hi"), ("assistant", "yes?"), ("user", "no"), ("assistant", "sorry")]
        found = one(tmp_path, "feedback", "dev", messages=[{"role": a, "content": b} for a, b in said], label="satisfied")
        assert found.item == Item("no", turns=tuple(Turn(*each) for each in said))

    def test_of_pii(self, tmp_path: Path) -> None:
        """Spans are certain."""
        spans = [{"start": 4, "end": 7, "type": "PERSON"}]
        found = one(tmp_path, "pii", "dev", text="ask Ada", spans=spans, types=["PERSON", "AGE"])
        assert found.spans == (Span(4, 7, "PERSON", 1.0),)
        assert found.types == {"PERSON", "AGE"}

    def test_of_difficulty(self, tmp_path: Path) -> None:
        """Small models are found by source, over all of a file's rows; a prompt that none was asked is left out."""
        scores = {"1": {"a": 0.0, "b": 1.0}, "2": {"a": 0.5, "b": 1.0}, "3": {"b": 1.0}}
        rows = [{"id": name, "source": "s", "prompt": name, "scores": each} for name, each in scores.items()]
        rows.append({"id": "4", "source": "t", "prompt": "4", "scores": {"b": 0.25, "c": 1.0}})
        write(tmp_path / "routing" / "dev.jsonl.gz", rows)

        assert {each.id: each.target for each in read(tmp_path, "difficulty", "dev")} == {"1": 1.0, "2": 0.5, "4": 0.75}

    def test_of_intent(self, tmp_path: Path) -> None:
        """What is outside of all intents is left out."""
        labels = {each.label for each in read(write_all(tmp_path), INTENT, "eval")}
        assert labels == {"play", "alarm"}


class TestBroken:
    def test_missing(self, tmp_path: Path) -> None:
        """The error names it."""
        with pytest.raises(DataError, match=r"eval_mmlu_pro\.jsonl\.gz: No such file"):
            read(tmp_path, "domain", "eval")

    def test_a_folder(self, tmp_path: Path) -> None:
        """Likewise."""
        (tmp_path / "domain" / "dev.jsonl.gz").mkdir(parents=True)
        with pytest.raises(DataError, match=r"dev\.jsonl\.gz: Is a directory"):
            read(tmp_path, "domain", "dev")

    @pytest.mark.parametrize(
        "rows", [pytest.param([], id="none"), pytest.param([{"scores": {"a": None}}], id="none that counts")]
    )
    def test_without_rows(self, tmp_path: Path, rows: list[dict[str, Any]]) -> None:
        """A head is not measured on nothing."""
        write(tmp_path / "routing" / "dev.jsonl.gz", [{"id": 1, "source": "s", "prompt": SECRET} | each for each in rows])
        with pytest.raises(DataError, match=r"dev\.jsonl\.gz: has no rows"):
            read(tmp_path, "difficulty", "dev")

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(SECRET.encode(), id="not gzipped"),
            pytest.param(gzip.compress(json.dumps({"text": SECRET}).encode())[:-9], id="cut off"),
            pytest.param(gzip.compress(SECRET.encode())[:12] + b"\xff\xfe\xfd" * 9, id="damaged"),
            pytest.param(gzip.compress(f"{SECRET} ".encode() + b"\xff"), id="not UTF-8"),
        ],
    )
    def test_not_gzipped_text(self, tmp_path: Path, content: bytes) -> None:
        """The error names the file and where it ends, not what is in it."""
        path = domain(tmp_path)
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"eval_mmlu_pro\.jsonl\.gz:\d: not gzipped UTF-8") as caught:
            read(tmp_path, "domain", "eval")
        assert SECRET[:2] not in str(caught.value).removeprefix(str(path))

    @pytest.mark.parametrize(
        ("line", "told"),
        [
            pytest.param(f'{{"text": "{SECRET}"', ":2: not JSON", id="half of an object"),
            pytest.param(f'"{SECRET}"', ":2: not a JSON object", id="no object"),
            pytest.param("", ":2: not JSON", id="empty"),
        ],
    )
    def test_not_json(self, tmp_path: Path, line: str, told: str) -> None:
        """The error names the line, not what is in it."""
        good = json.dumps({"id": 1, "source": "s", "text": SECRET, "label": "law"})
        domain(tmp_path).write_bytes(gzip.compress(f"{good}\n{line}\n".encode()))
        with pytest.raises(DataError, match=told) as caught:
            read(tmp_path, "domain", "eval")
        assert SECRET not in str(caught.value)

    @pytest.mark.parametrize(
        ("head", "fields"),
        [
            pytest.param("domain", {"text": SECRET}, id="no label"),
            pytest.param("domain", {"label": "law"}, id="no text"),
            pytest.param("jailbreak", {"text": SECRET, "label": SECRET}, id="label is no number"),
            pytest.param("jailbreak", {"text": SECRET, "label": 7}, id="label is neither yes nor no"),
            pytest.param("jailbreak", {"text": SECRET, "label": 1, "kind": SECRET}, id="unknown kind"),
            pytest.param("feedback", {"messages": SECRET, "label": "satisfied"}, id="messages are a text"),
            pytest.param("feedback", {"messages": [{"role": "system", "content": SECRET}], "label": "x"}, id="no user message"),
            pytest.param("pii", {"text": SECRET, "types": [], "spans": [{"start": 0}]}, id="half a span"),
            pytest.param(
                "pii", {"text": SECRET, "types": [], "spans": [{"start": 0, "end": 99, "type": "AGE"}]}, id="span outside"
            ),
            pytest.param("pii", {"text": SECRET, "types": [], "spans": [{"start": 2, "end": 2, "type": "AGE"}]}, id="empty span"),
            pytest.param("difficulty", {"prompt": SECRET, "scores": {"a": SECRET}}, id="score is no number"),
            pytest.param("difficulty", {"prompt": SECRET, "scores": SECRET}, id="scores are a text"),
            pytest.param("difficulty", {"scores": {"a": 1.0}}, id="no prompt"),
        ],
    )
    def test_not_a_row(self, tmp_path: Path, head: str, fields: dict[str, Any]) -> None:
        """The error names the file, the head and, where one line is to blame, its number, not what is in it."""
        path = tmp_path / MEASURED[head].folder / "dev.jsonl.gz"
        write(path, [{"id": 1, "source": "s"} | fields])
        with pytest.raises(DataError, match=rf"(line 1|some line) is not a row of {head}: \w+Error$") as caught:
            read(tmp_path, head, "dev")
        assert str(caught.value).startswith(str(path))
        assert SECRET not in str(caught.value)


class TestSpread:
    @given(st.integers(1, 60), st.integers(1, 60))
    def test_is_even(self, rows: int, limit: int) -> None:
        """In order, from the first, with gaps that differ by one at most."""
        numbers = [int(each.id) for each in spread([row(str(number)) for number in range(rows)], limit)]
        gaps = {right - left for left, right in pairwise(numbers)}
        assert len(numbers) == min(limit, rows)
        assert numbers[0] == 0
        assert not gaps or max(gaps) - min(gaps) <= 1
        assert rows - numbers[-1] <= -(-rows // len(numbers))
