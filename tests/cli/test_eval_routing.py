"""`router-extproc eval-routing` and `train-quality`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from routing_data import NAMES, folder, rows, written

from router_extproc.encoders.bundle import GRAPH, Bundle
from router_extproc.quality.artifact import read
from router_extproc.quality.facts import FACTS
from router_extproc.quality.profile import ModelProfile, Query

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Cli = Callable[..., Result]


@pytest.fixture
def outcomes_file(tmp_path: Path) -> Path:
    """Outcomes of an operator's own."""
    return written(tmp_path / "outcomes.jsonl.gz", [*rows(120, "mine", 0), *rows(20, "theirs", 1)])


class TestEvalRouting:
    def test_writes_the_report(self, cli: Cli, tiny_bundle: Path, tmp_path: Path) -> None:
        """Every set and method is in it, and the figures are printed as JSON."""
        data, output = folder(tmp_path / "data"), tmp_path / "out"
        result = cli(
            "eval-routing", "--data", data, "--models", tiny_bundle, "--selector", "clusters,inductive", "--output", output,
            "--cache", tmp_path / "cache", "--no-plots", "--json",
        )  # fmt: skip
        told: dict[str, Any] = json.loads(result.stdout)
        report = (output / "ROUTING_EVAL.md").read_text()

        assert result.exit_code == 0
        assert [each["name"] for each in told["sets"]] == ["routerdc_split2", "zeroeval"]
        assert [one["method"] for one in told["sets"][1]["methods"]] == ["inductive", "clusters"] or told["default"] == "clusters"
        assert not told["sets"][1]["estimated"]
        assert all(one["accuracy"] > 0.8 for one in told["sets"][1]["methods"])
        assert {each["name"] for each in told["twin"]} >= {"always high", "oracle", "clusters"}
        assert told["graded"]["clusters"] > 0.9
        assert json.loads((output / "routing_eval.json").read_text()) == told
        for part in ("## zeroeval", "## New models", "## Changed texts", "## Steps of agents", "## Time"):
            assert part in report

    @pytest.mark.parametrize("option", ["--output", "--cache"])
    def test_a_place_where_nothing_can_be_written(self, cli: Cli, tiny_bundle: Path, tmp_path: Path, option: str) -> None:
        """Is told before anything is measured."""
        (tmp_path / "file").write_bytes(b"")
        places = {"--output": tmp_path, "--cache": tmp_path / "cache", option: tmp_path / "file"}
        more = [each for pair in places.items() for each in pair]
        result = cli("eval-routing", "--data", tmp_path / "none", "--models", tiny_bundle, "--no-plots", *more)

        assert (result.exit_code, result.stdout) == (3, "")
        assert f"{tmp_path / 'file'}: cannot be written" in result.stderr.replace("\n", "")

    def test_figures_are_told_whatever_becomes_of_the_report(self, cli: Cli, tiny_bundle: Path, tmp_path: Path) -> None:
        """The disk was not full when it began."""
        (tmp_path / "ROUTING_EVAL.md").symlink_to("/dev/full")
        result = cli(
            "eval-routing", "--data", folder(tmp_path / "data"), "--models", tiny_bundle, "--selector", "knn", "--output", tmp_path,
            "--split", "dev", "--no-further", "--no-plots", "--cache", tmp_path / "cache", "--json",
        )  # fmt: skip

        assert result.exit_code == 3
        assert "No space left on device" in result.stderr
        assert json.loads(result.stdout)["sets"]

    def test_measures_what_it_is_asked_for(self, cli: Cli, tiny_bundle: Path, tmp_path: Path) -> None:
        """One set, dev rows, no further figures."""
        result = cli(
            "eval-routing", "--data", folder(tmp_path / "data"), "--models", tiny_bundle, "--selector", "knn", "--output", tmp_path,
            "--split", "dev", "--without-unlicensed", "--no-further", "--no-plots", "--cache", tmp_path / "cache",
        )  # fmt: skip

        assert result.exit_code == 0
        assert "zeroeval" in result.stdout
        assert "routerdc" not in result.stdout
        assert "not what is claimed" in (tmp_path / "ROUTING_EVAL.md").read_text()

    @pytest.mark.parametrize(
        ("options", "code", "text"),
        [
            pytest.param(("--selector", "magic"), 2, "names of blend", id="an unknown method"),
            pytest.param(("--source", "mars"), 3, "has no source 'mars'", id="an unknown set"),
            pytest.param(("--profiles", "none.yaml"), 3, "No such file", id="no profiles"),
        ],
    )
    def test_says_what_is_wrong(
        self, cli: Cli, tiny_bundle: Path, tmp_path: Path, options: tuple[str, ...], code: int, text: str
    ) -> None:
        """And measures nothing."""
        data = folder(tmp_path / "data")
        result = cli("eval-routing", "--data", data, "--models", tiny_bundle, "--output", tmp_path, "--no-plots", *options)

        assert result.exit_code == code
        assert text in result.stderr

    def test_a_missing_file_ends_it(self, cli: Cli, tiny_bundle: Path, tmp_path: Path) -> None:
        """Nothing is skipped."""
        result = cli("eval-routing", "--data", tmp_path, "--models", tiny_bundle, "--output", tmp_path, "--no-plots")

        assert result.exit_code == 3
        assert "has no eval_*.jsonl.gz" in result.stderr


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


class TestTrainQuality:
    def test_writes_a_model_for_its_encoder(self, cli: Cli, tiny_bundle: Path, tmp_path: Path, outcomes_file: Path) -> None:
        """It predicts, and says what it was made of."""
        output = tmp_path / "mine.quality"
        result = cli(
            "train-quality", "--data", outcomes_file, "--models", tiny_bundle, "--method", "clusters", "-o", output, "--json"
        )
        told = json.loads(result.stdout)
        predictor, header = read(output, encoder=Bundle(tiny_bundle).manifest.files[GRAPH].sha256)
        said = predictor.predict(
            Query(np.eye(1, 384, dtype=np.float32)[0], 0.5, (0.0,) * FACTS), tuple(ModelProfile(name) for name in (*NAMES, "new"))
        )

        assert (told["rows"], told["calibration_rows"], told["sources"]) == (140, 140, ["mine", "theirs"])
        assert header.training["method"] == predictor.method == "clusters"
        assert ((said > 0) & (said < 1)).all()

    def test_a_figure_of_nothing_is_null(self, cli: Cli, tiny_bundle: Path, tmp_path: Path) -> None:
        """Where every model is always right, nobody can be told from another; JSON has no NaN."""
        right = ({"id": str(at), "prompt": f"prompt {at}", "scores": {"a": 1.0, "b": 1.0}} for at in range(60))
        data = tmp_path / "right.jsonl"
        data.write_text("".join(json.dumps(each) + "\n" for each in right))
        options = ("--models", tiny_bundle, "--method", "ridge", "-o", tmp_path / "it.quality", "--json")

        told = json.loads(cli("train-quality", "--data", data, *options).stdout, parse_constant=_no_constant)

        assert told["auc"] is None

    def test_leaves_sources_out_and_takes_rows_to_calibrate_on(
        self, cli: Cli, tiny_bundle: Path, tmp_path: Path, outcomes_file: Path
    ) -> None:
        """What a licence forbids is not learned from."""
        output, dev = tmp_path / "mine.quality", written(tmp_path / "dev.jsonl.gz", rows(30, "mine", 7))
        result = cli(
            "train-quality", "--data", outcomes_file, "--dev", dev, "--without-source", "theirs", "--models", tiny_bundle,
            "--method", "ridge", "--output", output,
        )  # fmt: skip

        assert result.exit_code == 0
        assert "theirs" not in result.stdout
        assert read(output)[1].training["rows"] == 120

    def test_a_model_learns_of_more_models(self, cli: Cli, tiny_bundle: Path, tmp_path: Path, outcomes_file: Path) -> None:
        """It keeps what it knows of requests, and tells how much it gained on rows that it had not seen."""
        first, second = tmp_path / "first.quality", tmp_path / "second.quality"
        cli("train-quality", "--data", outcomes_file, "--models", tiny_bundle, "--method", "clusters", "-o", first)
        few = rows(30, "few", 3)
        for row in few:
            row["scores"] = {"mine": row["scores"][NAMES[0]] / 2}
            row["cost"] = {}
        result = cli(
            "train-quality", "--data", written(tmp_path / "few.jsonl.gz", few), "--onto", first, "--models", tiny_bundle,
            "--output", second, "--json",
        )  # fmt: skip
        told = json.loads(result.stdout)
        predictor, header = read(second)

        assert told["brier_after"] < told["brier_before"]
        assert header.training["then"]["rows"] == 30
        assert predictor.knows(ModelProfile("mine"))
        assert predictor.known == read(first)[0].known

    @pytest.mark.parametrize(
        ("options", "code", "text"),
        [
            pytest.param(("--onto", "default", "--method", "knn"), 2, "goes with neither --method", id="two methods at once"),
            pytest.param(("--onto", "none.quality"), 3, "none.quality: No such file", id="nothing to learn onto"),
            pytest.param(("--method", "blend,knn"), 2, "one method", id="two methods"),
            pytest.param(("--without-source", "mine", "--without-source", "theirs"), 3, "no rows are left", id="nothing left"),
            pytest.param(("--output", "-"), 2, "--output takes a file", id="no file"),
            pytest.param(("--output", "none/it.quality"), 3, "no such folder", id="no folder"),
            pytest.param(("--cache", "/dev/null"), 3, "/dev/null: cannot be written", id="no folder to keep readings"),
        ],
    )
    def test_says_what_is_wrong(
        self, cli: Cli, tiny_bundle: Path, tmp_path: Path, outcomes_file: Path, options: tuple[str, ...], code: int, text: str
    ) -> None:
        """And writes nothing."""
        result = cli("train-quality", "--data", outcomes_file, "--models", tiny_bundle, "-o", tmp_path / "it.quality", *options)

        assert result.exit_code == code
        assert text in result.stderr
        assert not (tmp_path / "it.quality").exists()

    @pytest.mark.parametrize("option", ["--data", "--dev", "--profiles"])
    def test_outcomes_are_never_overwritten(
        self, cli: Cli, tiny_bundle: Path, tmp_path: Path, outcomes_file: Path, option: str
    ) -> None:
        """They cost calls of models: whichever input the output names, it is refused before anything is read."""
        given = tmp_path / "given.jsonl"
        given.write_text("what cost money")
        result = cli("train-quality", "--data", outcomes_file, option, given, "--models", tiny_bundle, "--output", given)

        assert (result.exit_code, given.read_text()) == (2, "what cost money")
        assert "given.jsonl is the input, too" in result.stderr
