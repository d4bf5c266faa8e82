"""A whole evaluation, from files to figures."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from labelled import FakeClassifier, write, write_all

from router_extproc.evaluation.datasets import INTENT, MEASURED
from router_extproc.evaluation.errors import ClassifierError, DataError
from router_extproc.evaluation.floors import FLOORS
from router_extproc.evaluation.perturbations import perturbations
from router_extproc.evaluation.run import Options, evaluate, plan

if TYPE_CHECKING:
    from pathlib import Path

    from router_extproc.evaluation.results import Evaluation, HeadResult


def measured(data: Path, **options: Any) -> Evaluation:
    """By the classifier that is right."""
    chosen = Options(**options)
    classifier = FakeClassifier()
    return evaluate(classifier, plan(data, chosen), chosen, embedder=classifier)


def head(evaluation: Evaluation, name: str) -> HeadResult:
    """One of its heads."""
    return next(each for each in evaluation.heads if each.head == name)


class TestPlan:
    def test_is_of_the_heads_that_were_asked_for(self, data: Path) -> None:
        """In that order."""
        assert [work.head for work in plan(data, Options(heads=("pii", "domain")))] == ["pii", "domain"]

    def test_samples_rows_that_count_together(self, data: Path) -> None:
        """The same ones each time; not what is apart."""
        work = plan(data, Options(heads=("jailbreak",), perturbed=7))[0]
        assert len(set(work.sample)) == 7
        assert not any(work.rows[place].apart for place in work.sample)
        assert plan(data, Options(heads=("jailbreak",), perturbed=7))[0].sample == work.sample

    def test_samples_by_id(self, tmp_path: Path) -> None:
        """The order of the file does not matter."""
        rows = [{"id": number, "source": "s", "text": f"low {number}", "label": 0} for number in range(50)]

        def ids() -> set[str]:
            work = plan(tmp_path, Options(split="dev", heads=("fact_check",), perturbed=5))[0]
            return {work.rows[place].id for place in work.sample}

        write(tmp_path / "fact_check" / "dev.jsonl.gz", rows)
        forward = ids()
        write(tmp_path / "fact_check" / "dev.jsonl.gz", reversed(rows))
        assert ids() == forward

    def test_tells_how_much_there_is_to_do(self, data: Path) -> None:
        """For a progress bar: rows, changed rows, examples."""
        options = Options(heads=("jailbreak", INTENT), perturbed=3)
        work = plan(data, options)
        done: Counter[str] = Counter()
        classifier = FakeClassifier()
        found = evaluate(classifier, work, options, lambda head, texts: done.update({head: texts}), embedder=classifier)

        assert done == {each.head: each.texts for each in work}
        assert found.texts == sum(classifier.batches) == done.total()

    def test_skips_no_file(self, tmp_path: Path) -> None:
        """A missing one ends it before anything is classified."""
        (write_all(tmp_path) / "pii" / "eval_chat.jsonl.gz").unlink()
        with pytest.raises(DataError, match="eval_chat"):
            plan(tmp_path, Options())


class TestEvaluate:
    @pytest.mark.parametrize("name", MEASURED)
    def test_a_classifier_that_is_right(self, evaluation: Evaluation, name: str) -> None:
        """Has the best figure in every head, and an interval of none."""
        main = head(evaluation, name).main
        assert main.value == main.low == main.high == pytest.approx(1)

    def test_meets_every_floor(self, evaluation: Evaluation) -> None:
        """All are measured: each names a group and a figure that there are."""
        assert [each.floor for each in evaluation.floors] == list(FLOORS)
        assert all(each.met for each in evaluation.floors)

    @pytest.mark.parametrize(
        ("name", "figures"),
        [
            pytest.param("domain", {"accuracy", "macro-F1", "ECE"}, id="domain"),
            pytest.param("feedback", {"accuracy", "macro-F1", "ECE"}, id="feedback"),
            pytest.param("modality", {"accuracy", "macro-F1", "ECE"}, id="modality"),
            pytest.param(
                "jailbreak", {"accuracy", "macro-F1", "AUC", "recall@1%FPR", "recall@0.1%FPR", "FPR", "ECE"}, id="jailbreak"
            ),
            pytest.param("fact_check", {"accuracy", "macro-F1", "AUC", "recall@1%FPR", "recall@0.1%FPR", "ECE"}, id="fact_check"),
            pytest.param("difficulty", {"Spearman", "AUC", "ECE"}, id="difficulty"),
            pytest.param("pii", {"F1", "precision", "recall", "false positive rows", "F1 checkable"}, id="pii"),
            pytest.param("intent", {"accuracy", "ECE"}, id="intent"),
        ],
    )
    def test_has_the_figures_that_fit(self, evaluation: Evaluation, name: str, figures: set[str]) -> None:
        """In every group and for every perturbation."""
        found = head(evaluation, name)
        assert all(figures <= set(group.figures) and group.rows for group in found.groups)
        assert all(set(found.watched) <= set(shift.before) and figures <= set(shift.after) for shift in found.shifts)

    def test_by_language(self, evaluation: Evaluation) -> None:
        """Where rows tell one; all of those that count together."""
        groups = {group.name: group.rows for group in head(evaluation, "jailbreak").groups}
        assert groups["lang en"] + groups["lang zh"] == groups["all"]
        assert "lang en" not in {group.name for group in head(evaluation, "domain").groups}

    @pytest.mark.parametrize("name", MEASURED)
    def test_with_every_perturbation(self, evaluation: Evaluation, name: str) -> None:
        """On the sample, unchanged and changed."""
        shifts = head(evaluation, name).shifts
        assert [shift.perturbation for shift in shifts] == [each.name for each in perturbations(name)]
        assert {shift.rows for shift in shifts} == {5}

    def test_sees_what_a_perturbation_costs(self, data: Path) -> None:
        """The classifier knows no word in upper case, and every word with a greeting before it."""
        found = {shift.perturbation: shift for shift in head(measured(data, heads=("fact_check",)), "fact_check").shifts}
        assert found["upper case"].delta("AUC") == pytest.approx(-0.5)
        assert found["greeting before"].delta("AUC") == 0

    def test_has_diagrams(self, evaluation: Evaluation) -> None:
        """Confusion where labels are said, reliability where chances are, a curve by kind of text."""
        assert [sum(line) for line in head(evaluation, "jailbreak").diagrams.confusion] == [15, 15]
        assert set(head(evaluation, "jailbreak").diagrams.roc) == {"all", "user", "documents"}
        assert {each.head for each in evaluation.heads if each.diagrams.confusion} == {
            "domain", "jailbreak", "fact_check", "modality", "feedback",
        }  # fmt: skip
        assert {each.head for each in evaluation.heads if not each.diagrams.reliability} == {"pii"}

    def test_is_the_same_each_time(self, data: Path, evaluation: Evaluation) -> None:
        """Whatever else is measured."""
        again = measured(data, heads=("jailbreak", INTENT), perturbed=5).as_json()
        assert again["heads"] == [each for each in evaluation.as_json()["heads"] if each["head"] in ("jailbreak", INTENT)]

    def test_becomes_json(self, evaluation: Evaluation) -> None:
        """Without NaN, which is no JSON."""
        assert json.loads(json.dumps(evaluation.as_json(), allow_nan=False))["split"] == "eval"

    def test_of_dev_has_no_floors(self, data: Path) -> None:
        """Thresholds were chosen on it."""
        found = measured(data, split="dev", perturbed=0)
        assert found.floors == ()
        assert {group.name for group in head(found, "intent").groups} >= {"dev_clinc150", "dev_hwu64"}

    def test_of_some_heads_has_their_floors(self, data: Path) -> None:
        """No others."""
        assert {each.floor.head for each in measured(data, heads=("pii",)).floors} == {"pii"}

    def test_without_perturbations(self, data: Path) -> None:
        """Each row is classified once."""
        found = measured(data, heads=("domain",), perturbed=0, limit=2)
        assert found.texts == 4
        assert found.heads[0].shifts == ()
        assert found.limit == 2

    def test_of_intents_alone(self, data: Path) -> None:
        """Nothing is classified, so no time is told; no warning either."""
        found = measured(data, heads=(INTENT,), perturbed=2)
        assert math.isnan(found.ms_median)
        assert math.isnan(found.coverage)
        assert found.as_json()["ms_p95"] is None

    def test_of_intents_without_an_embedder(self, data: Path) -> None:
        """The error says so."""
        options = Options(heads=(INTENT,))
        with pytest.raises(ClassifierError, match="no embeddings"):
            evaluate(FakeClassifier(), plan(data, options), options)

    def test_of_heads_needs_no_embedder(self, data: Path) -> None:
        """A classifier is enough."""
        options = Options(heads=("domain",), perturbed=0)
        assert evaluate(FakeClassifier(), plan(data, options), options).heads[0].main.value == 1
