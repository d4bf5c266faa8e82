"""The page of figures."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from router_extproc.evaluation.datasets import MEASURED
from router_extproc.evaluation.floors import FLOORS, NOTES, Floor
from router_extproc.evaluation.report import markdown, number, shown
from router_extproc.evaluation.results import FloorResult, Group

if TYPE_CHECKING:
    from router_extproc.evaluation.results import Evaluation

CELLS = re.compile(r"(?<!\\)\|")


def page(evaluation: Evaluation) -> str:
    """Without plots."""
    return markdown(evaluation, {}, all_heads=len(MEASURED))


def tables(text: str) -> list[list[list[str]]]:
    """Cells of each table's lines."""
    blocks = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    return [[[cell.strip() for cell in CELLS.split(line)[1:-1]] for line in block.splitlines()] for block in blocks]


def section(text: str, head: str) -> str:
    """What the page says of a head."""
    return re.split(r"^## ", text, flags=re.MULTILINE)[-(len(MEASURED) - list(MEASURED).index(head))]


class TestNumber:
    @pytest.mark.parametrize("value", [None, math.nan, math.inf])
    def test_a_dash_for_what_is_not_defined(self, value: float | None) -> None:
        """With a sign or without."""
        assert number(value) == number(value, sign=True) == "-"

    def test_has_three_digits(self) -> None:
        """A change has a sign."""
        assert number(0.12345) == "0.123"
        assert number(0.12345, sign=True) == "+0.123"
        assert number(-0.5, sign=True) == "-0.500"


class TestShown:
    @pytest.mark.parametrize(
        ("measure", "value", "text"),
        [
            ("AUC", 3, "3.000"),
            ("false positive rows", 3, "3"),
            ("false positive rows checkable", 0.0, "0"),
            ("false positive rows", math.nan, "-"),
            ("false positive rows", None, "-"),
        ],
    )
    def test_counts_are_whole(self, measure: str, value: float | None, text: str) -> None:
        """Other figures have digits."""
        assert shown(measure, value) == text


class TestTitle:
    def test_of_all_is_plain(self, evaluation: Evaluation) -> None:
        """Whoever finds the page knows what it is."""
        assert page(evaluation).startswith("# Evaluation\n")

    def test_of_a_quick_look_says_so(self, evaluation: Evaluation) -> None:
        """It is taken for no more than that; the command is the one that was given."""
        text = page(replace(evaluation, limit=5, split="dev", heads=evaluation.heads[:2], floors=()))
        title = text.splitlines()[0]
        assert "a quick look: at most 5 rows of each file" in title
        assert "on dev, which thresholds were chosen on" in title
        assert "only domain, jailbreak" in title
        assert "router-extproc eval --data DATA --split dev --heads domain,jailbreak --limit 5\n" in text


class TestField:
    def test_is_told_in_the_title(self, evaluation: Evaluation) -> None:
        """With what it means; the command is the one that was given."""
        text = page(replace(evaluation, split="field", floors=()))

        assert text.startswith("# Evaluation (on field, which the router's makers wrote)\n")
        assert "\nrouter-extproc eval --split field\n" in text
        assert "`source seen` were looked at" in text
        assert "DATA" not in text

    def test_has_no_notes_on_other_rows(self, evaluation: Evaluation) -> None:
        """What is said of the evaluation sets' files would be wrong here."""
        text = page(replace(evaluation, split="field", floors=()))

        assert NOTES["pii"] in section(text, "pii")
        assert "one score and one threshold serve both" in section(text, "jailbreak")
        assert not any(note in text for head, note in NOTES.items() if head != "pii")


class TestTables:
    def test_are_well_formed(self, evaluation: Evaluation) -> None:
        """Each line has as many cells as the header; no cell that has a header is empty but a reference."""
        found = tables(page(evaluation))
        assert len(found) > 2 * len(MEASURED)
        for lines in found:
            assert {len(line) for line in lines} == {len(lines[0])}
            assert set(lines[1]) == {"---"}
            assert all(cell for line in lines for name, cell in zip(lines[0], line, strict=True) if name != "reference")

    def test_a_bar_in_a_name_ends_no_cell(self, evaluation: Evaluation) -> None:
        """Sources are named by whoever made the data."""
        group = evaluation.heads[0].groups[0]
        head = replace(evaluation.heads[0], groups=(group, Group("source a|b", 1, group.figures)))
        found = tables(page(replace(evaluation, heads=(head, *evaluation.heads[1:]))))
        assert any(line[0] == r"source a\|b" for lines in found for line in lines)
        assert all({len(line) for line in lines} == {len(lines[0])} for lines in found)

    @pytest.mark.parametrize("head", MEASURED)
    def test_have_every_group_with_its_number(self, evaluation: Evaluation, head: str) -> None:
        """By file, source, kind and language."""
        groups = next(each.groups for each in evaluation.heads if each.head == head)
        first = tables(section(page(evaluation), head))[0]
        assert first[0][:2] == ["rows of", "number"]
        assert [line[:2] for line in first[2:]] == [[group.name, str(group.rows)] for group in groups]

    def test_of_labels_have_no_column_by_source_or_language(self, evaluation: Evaluation) -> None:
        """There are too many."""
        assert tables(section(page(evaluation), "domain"))[1][0] == ["recall of", "all", "eval_mmlu_pro", "eval_natural70"]

    def test_of_types_have_four_figures(self, evaluation: Evaluation) -> None:
        """Precision, recall, F1, overlap-F1; a dash where a type has none."""
        lines = tables(section(page(evaluation), "pii"))[1]
        assert lines[0][0] == "precision / recall / F1 / overlap-F1 of"
        assert next(line[1] for line in lines if line[0] == "EMAIL") == "1.000 / 1.000 / 1.000 / 1.000"
        assert next(line[1] for line in lines if line[0] == "PHONE") == "- / - / - / -"

    def test_of_private_data_have_what_overlaps(self, evaluation: Evaluation) -> None:
        """Columns of the groups; none of a type, which would be too many."""
        columns = tables(section(page(evaluation), "pii"))[0][0]
        rates = ["precision", "recall", "F1"]
        alarms = ["false positive rows", "false positive rows checkable"]
        assert columns == ["rows of", "number", *rates, *(f"overlap-{rate}" for rate in rates), *alarms]

    def test_of_perturbations_show_changes_of_what_is_watched(self, evaluation: Evaluation) -> None:
        """Each with a sign."""
        lines = tables(section(page(evaluation), "jailbreak"))[-1]
        assert lines[0] == ["perturbation", *(f"{name}, change" for name in ("AUC", "recall@1%FPR", "recall", "FPR"))]
        assert all(cell[0] in "+-" for line in lines[2:] for cell in line[1:])

    def test_without_perturbations(self, evaluation: Evaluation) -> None:
        """There is no table of them."""
        heads = tuple(replace(head, shifts=()) for head in evaluation.heads)
        assert "perturbation" not in page(replace(evaluation, heads=heads))


class TestCuts:
    def test_of_heads_with_a_threshold(self, evaluation: Evaluation) -> None:
        """What rules find and stop, in all rows, by kind of text and by file; the shipped threshold stands out."""
        text = section(page(evaluation), "jailbreak")
        lines = next(lines for lines in tables(text) if lines[0][0] == "threshold")
        files = [group.name for group in evaluation.heads[1].groups if group.name.startswith("eval_")]

        assert lines[0][1:] == ["all", "user", "documents", *files]
        assert [line[0] for line in lines[2:]] == ["**0.5**", "0.6", "0.7", "0.8", "0.9", "0.95", "0.98", "0.99"]
        assert lines[2][1] == "1.000 / 0.000"

    def test_of_other_heads_are_none(self, evaluation: Evaluation) -> None:
        """They have no threshold."""
        assert "by the threshold" not in section(page(evaluation), "domain")


class TestFloors:
    def test_says_which_are_met(self, evaluation: Evaluation) -> None:
        """And how many."""
        floors = (
            FloorResult(Floor("pii", "eval_chat", "false positive rows", 3, 0, at_most=True), 4.0, met=False),
            FloorResult(Floor("domain", "all", "accuracy", 0.78, None, 0.64, reference="others: 0.81"), 0.8, met=True),
        )
        text = page(replace(evaluation, floors=floors))
        assert "1 of 2 are met" in text
        assert tables(text)[0][2:] == [
            ["pii", "eval_chat", "false positive rows", "4", "<= 3", "0", "**no**", "-", ""],
            ["domain", "all", "accuracy", "0.800", ">= 0.780", "-", "yes", "0.640", "others: 0.81"],
        ]

    def test_of_dev_are_not_told(self, evaluation: Evaluation) -> None:
        """They are of the eval split."""
        assert "## Floors" not in page(replace(evaluation, floors=()))


class TestHead:
    def test_has_the_main_figure_and_its_interval(self, evaluation: Evaluation) -> None:
        """And the threshold, of those that have one."""
        text = page(evaluation)
        assert "AUC over all rows: **1.000** (1.000 to 1.000). Threshold: 0.5." in section(text, "jailbreak")
        assert "Threshold" not in section(text, "domain")

    def test_shows_its_plots(self, evaluation: Evaluation) -> None:
        """From the folder beside the page."""
        text = markdown(evaluation, {"domain": ["confusion_domain.png"]}, all_heads=len(MEASURED))
        assert "![confusion domain](eval/confusion_domain.png)" in section(text, "domain")
        assert "![" not in section(text, "jailbreak")


class TestOpening:
    def test_says_what_it_took(self, evaluation: Evaluation) -> None:
        """As the classifier told."""
        assert "one took 2.0 ms in the median, 2.0 ms in the 95th percentile, and 50.0% of a text was read" in page(evaluation)

    def test_of_intents_alone_says_no_time(self, evaluation: Evaluation) -> None:
        """Nothing was classified."""
        text = page(replace(evaluation, ms_median=math.nan, ms_p95=math.nan, coverage=math.nan))
        assert "texts were classified. Intervals" in text
        assert "nan" not in text


class TestPage:
    def test_ends_with_one_newline(self, evaluation: Evaluation) -> None:
        """And holds nothing that is not a number."""
        text = page(evaluation)
        assert text.endswith("\n")
        assert not text.endswith("\n\n")
        assert not re.search(r"\b(nan|None|inf)\b", text)
        assert len(evaluation.floors) == len(FLOORS)
