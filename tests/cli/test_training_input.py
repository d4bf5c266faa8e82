"""The commands that teach a finished bundle: what is wrong with their input is told in one line, and nothing is written."""

from __future__ import annotations

import gzip
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from labelled import write
from tiny_bundle import write_bundle
from training_data import write_training

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.conftest import Cli
    from typer.testing import Result

RECIPE = {"layers": [0], "licence": "all", "inner": 768, "teacher_steps": 0}
TOLD = {"base": "a base model", "examples": {}, "sources": {}}
"""What else a manifest tells of how its bundle was made."""
COMMANDS = {"train-experts": ("--version", "3"), "refit": (), "amend": (), "polish": ("--run", "run")}
"""And what each needs beside data, bundle and output."""
NEEDED = ("torch", "onnx", "safetensors", "faker")
ROW = b'{"text": "a", "label": "image", "source": "s"}\n'


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder of data sets."""
    return write_training(tmp_path / "data")


@pytest.fixture(params=COMMANDS)
def teach(request: pytest.FixtureRequest, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Each command, on a bundle with this `training` in its manifest."""
    monkeypatch.chdir(tmp_path)

    def call(**training: object) -> Result:
        bundle = write_bundle(tmp_path / "bundle", training=TOLD | training)
        more = COMMANDS[request.param]
        return cli(request.param, "--data", "data", "--models", bundle, "--output", "out", *more)

    return call


def told(result: Result) -> str:
    """The one error, without the line about what is being done."""
    assert (result.exit_code, result.stdout) == (3, "")
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    return line


class TestWithoutTheExtra:
    @pytest.mark.parametrize("name", NEEDED)
    def test_says_what_is_missing(
        self, teach: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        """And how to get it, before anything is read or written."""
        monkeypatch.setitem(sys.modules, name, None)
        result = teach(recipe=RECIPE)

        missing = [each for each in NEEDED if find_spec(each) is None]  # where the extra is not installed, others too
        assert name in missing
        assert (result.exit_code, result.stdout) == (4, "")
        assert result.stderr == f"error: training needs {', '.join(missing)}: pip install 'router-extproc[train]'\n"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle"]


class TestInput:
    @pytest.fixture(autouse=True)
    def _extra(self) -> None:
        for name in ("torch", "safetensors"):
            pytest.importorskip(name, reason=f"{name} comes with the train extra")

    @pytest.mark.parametrize(
        ("content", "what"),
        [
            pytest.param(gzip.compress(ROW + b'{"text": "tr0ub4dor"}\n'), "2: has no 'source'", id="row"),
            pytest.param(gzip.compress(b"tr0ub4dor\n"), "1: not JSON", id="no JSON"),
            pytest.param(b"tr0ub4dor\n", "1: not gzipped", id="not gzipped"),
        ],
    )
    def test_a_wrong_line(self, teach: Callable[..., Result], data: Path, tmp_path: Path, content: bytes, what: str) -> None:
        """It is named by its file and number, and not quoted."""
        (data / "modality" / "train.jsonl.gz").write_bytes(content)
        line = told(teach(recipe=RECIPE))

        assert line.startswith(f"error: data/modality/train.jsonl.gz:{what}")
        assert "tr0ub4dor" not in line
        assert not (tmp_path / "out").exists()

    def test_too_few_rows(self, teach: Callable[..., Result], data: Path) -> None:
        """All that there is too little of, and how much is needed."""
        for name in ("domain", "modality"):
            write(
                data / name / "train.jsonl.gz",
                [{"text": "a", "label": {"domain": "law", "modality": "text"}[name], "source": "s"}],
            )
        line = told(teach(recipe=RECIPE))

        assert line.startswith("error: data: too few rows of train that may be used: domain has 1 rows, 1500 are needed; ")
        assert "modality has 0 captions" in line

    def test_a_bundle_without_a_recipe(self, teach: Callable[..., Result], data: Path, tmp_path: Path) -> None:
        """It does not say what it may learn from."""
        assert data.exists()
        assert told(teach()).startswith(f"error: {tmp_path / 'bundle'}: its manifest does not tell the recipe")

    @pytest.mark.parametrize("recipe", [{"layers": [0]}, {"layers": [0], "licence": "none"}, {"layers": 3, "licence": "all"}])
    def test_a_bundle_with_a_recipe_that_is_none(self, teach: Callable[..., Result], tmp_path: Path, recipe: object) -> None:
        """As above."""
        assert told(teach(recipe=recipe)).startswith(f"error: {tmp_path / 'bundle'}: the recipe in its manifest is none")

    @pytest.mark.parametrize("command", [name for name in COMMANDS if name != "polish"])  # whose page is made of the data
    def test_a_bundle_whose_page_could_not_be_written_again(self, cli: Cli, tmp_path: Path, command: str) -> None:
        """Is told of before the data is read."""
        bundle = write_bundle(tmp_path / "bundle", training={**TOLD, "recipe": RECIPE, "sources": None})
        result = cli(command, "--data", tmp_path / "none", "--models", bundle, "--output", tmp_path / "out", *COMMANDS[command])

        assert told(result).startswith(f"error: {bundle / 'manifest.json'}: it has something strange: AttributeError")
        assert not (tmp_path / "out").exists()

    def test_a_place_where_nothing_can_be_written(self, teach: Callable[..., Result], tmp_path: Path) -> None:
        """Is told before anything is read."""
        (tmp_path / "out").write_bytes(b"")

        assert told(teach(recipe=RECIPE)) == "error: out: cannot be written: out is no folder"
