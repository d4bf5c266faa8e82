"""`router-extproc eval`."""

from __future__ import annotations

import gzip
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from labelled import write_all
from tiny_bundle import seal

from router_extproc.cli.eval_options import HEADS
from router_extproc.cli.exits import Exit
from router_extproc.encoders.manifest import FILE_NAME
from router_extproc.evaluation.datasets import MEASURED, measured
from router_extproc.evaluation.floors import FLOORS
from router_extproc.training.card import CARD

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

    Cli = Callable[..., Result]

TRAINING = {
    "base": "a base model", "recipe": {"layers": [0], "inner": 768, "licence": "shipped"}, "examples": {"domain": 3}, "sources": {},
}  # fmt: skip
"""What a manifest tells of how its bundle was made."""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with every file."""
    return write_all(tmp_path / "data")


@pytest.fixture
def evaluate(cli: Cli, tmp_path: Path, data: Path, tiny_bundle: Path) -> Cli:
    """The command on a small bundle and small data, without plots, into the folder `out`."""

    def call(*arguments: object) -> Result:
        wanted = ("--data", data, "--models", tiny_bundle, "--perturbed", 2, "--output", tmp_path / "out", "--no-plots")
        return cli("eval", *wanted, *arguments)

    return call


@pytest.fixture
def field(cli: Cli, tmp_path: Path, tiny_bundle: Path) -> Cli:
    """The same on the rows that come with the program."""

    def call(*arguments: object) -> Result:
        wanted = ("--split", "field", "--models", tiny_bundle, "--perturbed", 0, "--output", tmp_path / "out", "--no-plots")
        return cli("eval", *wanted, *arguments)

    return call


class TestHeads:
    def test_are_all_that_can_be_measured(self) -> None:
        """The command line names them without loading what measures them."""
        assert tuple(MEASURED) == HEADS


class TestEval:
    def test_writes_a_report(self, evaluate: Cli, tmp_path: Path) -> None:
        """For people and for machines; says where."""
        result = evaluate()

        assert result.exit_code == Exit.OK
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["EVAL.md", "eval.json"]
        assert f"wrote {tmp_path / 'out' / 'EVAL.md'}" in result.stderr.replace("\n", "")
        assert (tmp_path / "out" / "EVAL.md").read_text().startswith("# Evaluation\n")
        found = json.loads((tmp_path / "out" / "eval.json").read_text())
        assert [head["head"] for head in found["heads"]] == list(HEADS)
        assert len(found["floors"]) == len(FLOORS)

    def test_shows_heads_and_floors(self, evaluate: Cli) -> None:
        """A line each; what is missed ends no command: it is a report."""
        result = evaluate("--heads", "jailbreak")

        assert result.exit_code == Exit.OK
        assert "AUC" in result.stdout
        assert [line.split()[:2] for line in result.stdout.splitlines() if "recall@5%FPR" in line] == [["jailbreak", "documents"]]

    def test_prints_json(self, evaluate: Cli, tmp_path: Path) -> None:
        """What is in the file, and nothing else on stdout."""
        result = evaluate("--json", "--heads", "domain")
        assert json.loads(result.stdout) == json.loads((tmp_path / "out" / "eval.json").read_text())

    def test_takes_heads_in_the_order_of_the_report(self, evaluate: Cli) -> None:
        """However they were named."""
        found = json.loads(evaluate("--json", "--heads", "pii, domain").stdout)
        assert [head["head"] for head in found["heads"]] == ["domain", "pii"]

    def test_of_dev(self, evaluate: Cli, tmp_path: Path) -> None:
        """Without floors; the title says so."""
        found = json.loads(evaluate("--json", "--split", "dev", "--limit", 3, "--heads", "domain").stdout)
        assert (found["split"], found["limit"], found["floors"]) == ("dev", 3, [])
        assert "quick look" in (tmp_path / "out" / "EVAL.md").read_text().splitlines()[0]

    def test_draws_plots(self, evaluate: Cli, tmp_path: Path) -> None:
        """Beside the page, which shows them."""
        assert evaluate("--plots", "--heads", "jailbreak").exit_code == Exit.OK
        for name in ("confusion", "reliability", "roc"):
            assert (tmp_path / "out" / "eval" / f"{name}_jailbreak.png").is_file()
            assert f"(eval/{name}_jailbreak.png)" in (tmp_path / "out" / "EVAL.md").read_text()


class TestField:
    """Rows that come with the program."""

    def test_needs_no_data(self, field: Cli, tmp_path: Path) -> None:
        """Every head that has some is measured, by file, source and language; there are no floors."""
        result = field("--json", "--limit", 12)

        assert result.exit_code == Exit.OK
        found = json.loads((tmp_path / "out" / "eval.json").read_text())
        assert json.loads(result.stdout) == found
        assert (found["split"], found["floors"]) == ("field", [])
        assert [head["head"] for head in found["heads"]] == list(measured("field"))
        groups = {group["name"]: group["rows"] for group in found["heads"][1]["groups"]}
        assert groups["field_users"] == groups["user"] == groups["field_documents"] == groups["documents"] == 12
        assert groups["source seen"] + groups["source unseen"] == groups["all"] == 24
        assert "lang en" in groups

    def test_leaves_the_report_of_the_eval_split(
        self, cli: Cli, tmp_path: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Unless it is told where to write."""
        monkeypatch.chdir(tmp_path)
        options = ("--models", tiny_bundle, "--perturbed", 0, "--limit", 4, "--heads", "feedback", "--no-plots")

        assert cli("eval", "--split", "field", *options).exit_code == Exit.OK
        assert (tmp_path / "out" / "field" / "EVAL.md").is_file()
        assert not (tmp_path / "models").exists()

    def test_writes_a_report(self, field: Cli, tmp_path: Path) -> None:
        """As other splits do; all heads that there are are no doubt."""
        assert field().exit_code == Exit.OK
        text = (tmp_path / "out" / "EVAL.md").read_text()

        assert text.startswith("# Evaluation (on field, which the router's makers wrote)\n")
        assert "| source unseen | 120 |" in text

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            pytest.param(("--data", "."), "--split field takes no --data", id="data"),
            pytest.param(("--record",), "--record is for all rows of the eval split", id="record"),
            pytest.param(
                ("--heads", "pii,intent,difficulty"),
                "has no rows of difficulty, intent; it measures domain, jailbreak, fact_check, modality, feedback, pii",
                id="heads without rows",
            ),
            pytest.param(("--heads", "domain,mood"), "names of domain", id="no heads"),
        ],
    )
    def test_used_wrongly(self, field: Cli, tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
        """Nothing is measured."""
        result = field(*arguments)

        assert (result.exit_code, result.stdout) == (Exit.USAGE, "")
        assert told in result.stderr
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("split", ["dev", "eval"])
    def test_is_the_only_one_without_data(self, cli: Cli, split: str) -> None:
        """The error names what is missing, and what needs none."""
        result = cli("eval", "--split", split, "--no-plots")

        assert result.exit_code == Exit.USAGE
        assert f"--split {split} needs --data" in result.stderr
        assert "--split field" in result.stderr


class TestRefuses:
    def test_plots_without_matplotlib(self, evaluate: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """At once, and says what helps."""
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        result = evaluate("--plots")

        assert result.exit_code == Exit.ENVIRONMENT
        assert "router-extproc[plots]" in result.stderr
        assert "--no-plots" in result.stderr
        assert not (tmp_path / "out").exists()

    def test_an_unknown_head(self, evaluate: Cli) -> None:
        """The error names those that there are."""
        result = evaluate("--heads", "domain,mood")
        assert result.exit_code == Exit.USAGE
        assert "fact_check" in result.stderr

    def test_a_missing_file(self, evaluate: Cli, data: Path, tmp_path: Path) -> None:
        """Nothing is skipped, and nothing written."""
        (data / "pii" / "eval_chat.jsonl.gz").unlink()
        result = evaluate()

        assert result.exit_code == Exit.INPUT
        assert f"{data / 'pii' / 'eval_chat.jsonl.gz'}: No such file" in result.stderr
        assert not (tmp_path / "out").exists()

    def test_a_broken_file(self, evaluate: Cli, data: Path) -> None:
        """Its words are not shown."""
        (data / "domain" / "eval_mmlu_pro.jsonl.gz").write_bytes(gzip.compress(b'{"text": "tr0ub4dor"}\n'))
        result = evaluate()

        assert result.exit_code == Exit.INPUT
        assert "line 1 is not a row of domain" in result.stderr
        assert "tr0ub4dor" not in result.stderr + result.stdout

    def test_a_label_that_the_bundle_does_not_know(self, evaluate: Cli, data: Path, tiny_bundle: Path) -> None:
        """The error names the bundle and the label."""
        row = {"id": 1, "source": "s", "text": "x", "label": "gardening"}
        (data / "domain" / "eval_mmlu_pro.jsonl.gz").write_bytes(gzip.compress(json.dumps(row).encode()))
        result = evaluate("--heads", "domain")

        assert result.exit_code == Exit.INPUT
        assert str(tiny_bundle) in result.stderr
        assert "domain head has no label gardening" in result.stderr

    def test_a_bundle_that_is_none(self, evaluate: Cli, tmp_path: Path) -> None:
        """The error names it."""
        result = evaluate("--models", tmp_path)
        assert result.exit_code == Exit.INPUT
        assert str(tmp_path) in result.stderr

    def test_a_place_where_nothing_can_be_written(self, evaluate: Cli, tmp_path: Path) -> None:
        """The error names it, before anything is measured."""
        (tmp_path / "file").write_text("")
        result = evaluate("--heads", "domain", "--output", tmp_path / "file")
        assert (result.exit_code, result.stdout) == (Exit.INPUT, "")
        assert f"{tmp_path / 'file'}: cannot be written" in result.stderr

    def test_to_record_where_nothing_can_be_written(self, evaluate: Cli, tmp_path: Path, tiny_bundle: Path) -> None:
        """As above."""
        bundle = Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))
        (bundle / CARD).unlink(missing_ok=True)
        (bundle / CARD).mkdir()
        result = evaluate("--heads", "domain", "--models", bundle, "--record")

        assert (result.exit_code, result.stdout) == (Exit.INPUT, "")
        assert f"{bundle / CARD}: cannot be written" in result.stderr
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("lacking", [*TRAINING, pytest.param(None, id="all of it")])
    def test_to_record_in_a_manifest_that_does_not_tell_all(
        self, evaluate: Cli, tmp_path: Path, tiny_bundle: Path, lacking: str | None
    ) -> None:
        """As above: the bundle's page could not be written again."""
        bundle = Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))
        seal(bundle, training={name: told for name, told in TRAINING.items() if lacking not in {name, None}})
        before = (bundle / FILE_NAME).read_bytes()
        result = evaluate("--heads", "domain", "--models", bundle, "--record")

        assert (result.exit_code, result.stdout) == (Exit.INPUT, "")
        told = result.stderr.replace("\n", " ")
        assert told.startswith(
            f"error: the figures could not be recorded: {bundle / FILE_NAME}: it lacks '{lacking or 'recipe'}'"
        )
        assert (bundle / FILE_NAME).read_bytes() == before
        assert not (tmp_path / "out").exists()

    def test_a_manifest_that_does_not_tell_all(self, evaluate: Cli) -> None:
        """Keeps no bundle from being measured."""
        assert evaluate("--heads", "domain").exit_code == Exit.OK


class TestRecord:
    def test_puts_the_figures_into_the_bundle(self, evaluate: Cli, tmp_path: Path, tiny_bundle: Path) -> None:
        """Into its manifest and its page, beside what is there."""
        bundle = Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))
        seal(bundle, training=TRAINING, evaluation={"mine": 1})
        result = evaluate("--heads", "domain", "--models", bundle, "--record", "--json")

        assert result.exit_code == Exit.OK
        noted = json.loads((bundle / FILE_NAME).read_text())["evaluation"]
        assert noted["mine"] == 1
        assert noted["eval"]["domain"]["figure"] == "macro-F1"
        assert (bundle / CARD).read_text().startswith("# Model bundle `tiny`")


class TestFiguresAreTold:
    """Whatever becomes of the files."""

    @pytest.mark.parametrize("as_json", [pytest.param(True, id="json"), pytest.param(False, id="people")])
    def test_where_the_report_cannot_be_written(self, evaluate: Cli, tmp_path: Path, *, as_json: bool) -> None:
        """The disk was not full when it began."""
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "EVAL.md").symlink_to("/dev/full")
        result = evaluate("--heads", "domain", *(("--json",) if as_json else ()))

        assert result.exit_code == Exit.INPUT
        assert "No space left on device" in result.stderr
        assert result.stdout.lstrip().startswith("{" if as_json else "head")
        assert "accuracy" in result.stdout

    def test_where_they_cannot_be_recorded(self, evaluate: Cli, tmp_path: Path, tiny_bundle: Path) -> None:
        """The bundle was one when it began; the report is there."""
        bundle = seal(Path(shutil.copytree(tiny_bundle, tmp_path / "bundle")), training=TRAINING)
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "EVAL.md").symlink_to(bundle / FILE_NAME)
        result = evaluate("--heads", "domain", "--models", bundle, "--record", "--json")

        assert result.exit_code == Exit.INPUT
        assert "the figures were not recorded" in result.stderr
        assert json.loads(result.stdout) == json.loads((tmp_path / "out" / "eval.json").read_text())
