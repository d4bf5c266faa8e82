"""Which table a head has, and which rows are reported together."""

from __future__ import annotations

import pytest
from labelled import FakeClassifier, row

from router_extproc.encoders.scores import Kind
from router_extproc.evaluation.chance_table import ChanceTable
from router_extproc.evaluation.class_table import ClassTable
from router_extproc.evaluation.datasets import SOURCES
from router_extproc.evaluation.difficulty_table import DifficultyTable
from router_extproc.evaluation.errors import ClassifierError
from router_extproc.evaluation.span_table import SpanTable
from router_extproc.evaluation.tables import groups, table

KINDS = {
    "domain": ClassTable, "modality": ClassTable, "feedback": ClassTable, "jailbreak": ChanceTable, "fact_check": ChanceTable,
    "pii": SpanTable, "difficulty": DifficultyTable,
}  # fmt: skip


class TestTable:
    @pytest.mark.parametrize("head", SOURCES)
    def test_fits_the_head(self, head: str) -> None:
        """Each has one."""
        classifier = FakeClassifier()
        rows = [row(label=classifier.labels.get(head, ("",))[0])]
        found = table(head, rows, classifier.classify([each.item for each in rows]), classifier)
        assert type(found) is KINDS[head]

    @pytest.mark.parametrize("head", [head for head in SOURCES if head != "pii"])
    def test_of_a_head_that_the_classifier_lacks(self, head: str) -> None:
        """The error names it. Private data has no such error: finding nothing is an answer."""
        bare = FakeClassifier(labels={}, thresholds={})
        with pytest.raises(ClassifierError, match=f"no (head|threshold for) {head}"):
            table(head, [row()], bare.classify([row().item]), bare)


class TestGroups:
    def test_all_by_file_by_source(self) -> None:
        """In this order, in the rows' own within."""
        rows = [row("1", file="x", source="s"), row("2", file="y", source="t"), row("3", file="x", source="t")]
        found = groups("domain", rows)
        assert found == {"all": [0, 1, 2], "x": [0, 2], "y": [1], "source s": [0], "source t": [1, 2]}
        assert list(found) == ["all", "x", "y", "source s", "source t"]

    def test_jailbreak_by_kind_of_text(self) -> None:
        """What a tool brings in is a document."""
        rows = [row("1"), row("2", kind=Kind.DOCUMENT), row("3", kind=Kind.TOOL_RESULT)]
        found = groups("jailbreak", rows)
        assert (found["user"], found["documents"]) == ([0], [1, 2])
        assert "user" not in groups("fact_check", rows)

    def test_what_is_apart_is_in_its_own_groups_only(self) -> None:
        """By file and source, not in all, not by kind, not by language."""
        rows = [row("1", lang="en"), row("2", lang="zh"), row("3", file="harm", source="h", lang="ko", apart=True)]
        found = groups("jailbreak", rows)
        assert found["all"] == found["user"] == [0, 1]
        assert found["harm"] == found["source h"] == [2]
        assert "lang ko" not in found

    def test_by_language(self) -> None:
        """Of each head whose rows tell several."""
        rows = [row("1", lang="zh"), row("2", lang="en"), row("3", lang="zh"), row("4")]
        found = groups("domain", rows)
        assert (found["lang en"], found["lang zh"]) == ([1], [0, 2])
        assert list(found)[-2:] == ["lang en", "lang zh"]

    def test_one_language_is_no_group(self) -> None:
        """It would be all rows again."""
        assert not any(name.startswith("lang") for name in groups("domain", [row("1", lang="en"), row("2", lang="en")]))

    def test_no_group_is_empty(self) -> None:
        """Documents where there are none."""
        assert all(groups("jailbreak", [row()]).values())
