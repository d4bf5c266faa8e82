"""The page that a bundle brings."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from router_extproc.encoders.bundle import bundled
from router_extproc.encoders.heads import CHANCES, CLASSES, CONTENTS, OUTPUTS, POOLED, SPANS
from router_extproc.encoders.manifest import FILE_NAME, FORMAT, Calibration, ExpertEntry, FileEntry, Manifest
from router_extproc.encoders.scores import Kind
from router_extproc.training.card import card, licence_of, licences

CELL = re.compile(r"(?<!\\)\|")
SHIPPED = bundled() / FILE_NAME


def manifest(**more: Any) -> Manifest:
    """A manifest as training writes it."""
    training = {
        "base": "a base model",
        "recipe": {"layers": [0, 5], "inner": 64, "licence": "shipped"},
        "examples": {"domain": 12345, "pii": 7},
        "sources": {"domain": ["mmlu", "mmlu_pro_supplement"], "pii": ["mmlu"]},
    }
    figures = {"domain": {"rows": 30, "agreement": 0.9, "measure": "accuracy", "int8": 0.5, "fp32": 0.6}}
    fields: dict[str, Any] = {
        "format": FORMAT,
        "name": "mine",
        "version": "7",
        "files": {"model.onnx": FileEntry(sha256="0" * 64, bytes=1_500_000)},
        "window": 200,
        "overlap": 32,
        "classes": CLASSES,
        "chances": CHANCES,
        "spans": SPANS,
        "calibration": dict.fromkeys(OUTPUTS, Calibration(temperature=1.25, bias=-0.5))
        | {CONTENTS: Calibration(temperature=0.75)},
        "thresholds": dict.fromkeys(CHANCES, 0.625),
        "training": training,
        "evaluation": {"int8_vs_fp32": figures},
    }
    return Manifest(**(fields | more))


def tables(page: str) -> list[list[list[str]]]:
    """The cells of each table, row by row."""
    blocks = (block.splitlines() for block in page.split("\n\n") if block.startswith("|"))
    return [[[cell.strip() for cell in CELL.split(line)[1:-1]] for line in lines] for lines in blocks]


class TestCard:
    @pytest.mark.parametrize("evaluation", [pytest.param(None, id="compared"), pytest.param({}, id="before the comparison")])
    def test_tables_are_well_formed(self, evaluation: dict[str, Any] | None) -> None:
        """Every row has as many cells as the header, and the rule stands under it."""
        found = tables(card(manifest() if evaluation is None else manifest(evaluation=evaluation)))

        assert len(found) == 4
        for header, rule, *rows in found:
            assert set(rule) == {"---"}
            assert {len(row) for row in (rule, *rows)} <= {len(header)}

    def test_a_bar_in_a_cell(self) -> None:
        """Does not end it."""
        page = card(
            manifest(evaluation={"int8_vs_fp32": {"a|b": {"rows": 1, "agreement": 1, "measure": "f", "int8": 1, "fp32": 1}}})
        )

        assert tables(page)[3][2][0] == "a\\|b"

    def test_has_every_head(self) -> None:
        """With what it gives and how it is calibrated."""
        heads = {row[0]: row[1:] for row in tables(card(manifest()))[0][2:]}

        assert set(heads) == {*POOLED, "pii", "embedding"}
        assert heads["jailbreak"] == [
            "probability; yes from 0.625 on",
            "1.250, -0.500; for tool results and documents, by an output of their own, 0.750, 0.000",
        ]
        assert heads["fact_check"][1] == "1.250, -0.500"
        assert all(label in heads["domain"][0] for label in CLASSES["domain"])

    def test_says_what_it_is(self) -> None:
        """Name, version and size."""
        page = card(manifest())

        assert page.startswith("# Model bundle `mine`, version 7\n")
        assert "2 layers of 384 wide, 64 inner neurons, 12 heads, from a base model; 1.5 MB" in page

    def test_says_what_it_was_made_of(self) -> None:
        """A source once, with its heads; part of a set goes under the set's own entry."""
        rows = {row[0]: row[1:] for row in tables(card(manifest()))[1][2:]}

        assert {name: row[-1] for name, row in rows.items()} == {"mmlu": "domain, pii", "mmlu_pro": "domain"}
        assert rows["mmlu"][1] == licences()["mmlu"]["licence"]

    def test_counts_examples(self) -> None:
        """By head."""
        assert "domain 12,345, pii 7." in card(manifest())

    def test_says_how_good_it_is(self) -> None:
        """On held-out sets, with the figure that was wanted; before an evaluation there is none."""
        floor = {"head": "domain", "rows": "all", "figure": "accuracy", "value": 0.5, "floor": 0.6, "met": False}

        assert tables(card(manifest()))[2][2:] == []
        assert tables(card(manifest(evaluation={"floors": [floor]})))[2][2:] == [
            ["domain", "all", "accuracy", "0.500", "0.6", "no"]
        ]

    def test_says_what_heads_hear_beside_the_graph(self) -> None:
        """Nothing where there is none."""
        expert = {"jailbreak": {"pieces": ExpertEntry(weight=0.5, kinds=(Kind.USER,))}}
        page = card(manifest(experts=expert))

        assert "`pieces` beside `jailbreak`, weight 0.5, for texts of the kind user" in page
        assert "Experts" not in card(manifest())

    def test_says_what_int8_costs(self) -> None:
        """As it was measured."""
        assert tables(card(manifest()))[3][2:] == [["domain", "30", "90.0%", "accuracy", "0.500", "0.600"]]


class TestLicences:
    def test_entries_say_what_and_under_which_licence(self) -> None:
        """Nothing else, and nothing empty."""
        assert [name for name, entry in licences().items() if set(entry) != {"what", "licence"} or not all(entry.values())] == []

    @pytest.mark.parametrize(
        ("source", "entry"),
        [
            pytest.param("mmlu", "mmlu", id="the same"),
            pytest.param("autoj/planning", "autoj", id="a part"),
            pytest.param("mmlu_pro_supplement", "mmlu_pro", id="the longest"),
            pytest.param("hearsay", None, id="unknown"),
        ],
    )
    def test_of_a_source(self, source: str, entry: str | None) -> None:
        """The longest beginning counts."""
        assert licence_of(source, licences()) == entry

    @pytest.mark.skipif(not SHIPPED.exists(), reason="there is no models/default in this tree")
    def test_every_source_of_the_shipped_bundle_has_one(self) -> None:
        """A source without an entry would be missing from the card."""
        sources = json.loads(SHIPPED.read_text())["training"]["sources"]
        known = licences()

        assert sorted({source for found in sources.values() for source in found if licence_of(source, known) is None}) == []


class TestRefitted:
    def test_tells_of_a_head_that_learnt_on(self) -> None:
        """And says nothing of it where none did."""
        plain = manifest()
        page = card(manifest(training=plain.training | {"refitted": {"jailbreak": 13080}}))

        assert "the jailbreak head learnt on, on the encoder as it was, from 13,080 texts" in page
        assert "learnt on" not in card(plain)

    def test_tells_of_a_network_that_was_polished(self) -> None:
        """And from which version."""
        plain = manifest()
        page = card(manifest(training=plain.training | {"polished": "6"}))

        assert "The network of version 6 then learnt more of private data" in page
        assert "polish" not in card(plain)

    def test_tells_of_heads_that_were_amended(self) -> None:
        """And from how many texts each."""
        plain = manifest()
        page = card(manifest(training=plain.training | {"amended": {"jailbreak": 16400, "modality": 3272}}))

        assert "jailbreak from 16,400 texts, modality from 3,272 texts (`router-extproc amend`)" in page
        assert "amend" not in card(plain)

    def test_tells_of_tails_that_a_head_learned(self) -> None:
        """Beside what it was amended with, if it was."""
        plain = manifest()
        learned = {"tailed": {"jailbreak": 10000}}
        page = card(manifest(training=plain.training | learned))
        half = card(manifest(training=plain.training | learned | {"tailed_shares": {"jailbreak": 0.5}}))

        assert "jailbreak learnt 10,000 tails of adversarial searches in the same way" in page
        assert "adversarial searches, of which 50% counts" in half
        assert "tails of" not in card(plain)
