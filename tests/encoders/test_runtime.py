"""What onnxruntime does beside what it is asked for: nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from grown import write_grown

from router_extproc.encoders.runtime import SWITCH, onnxruntime, quiet

if TYPE_CHECKING:
    from pathlib import Path

GRAPH = "from router_extproc.encoders.graph import Graph", "Graph(folder / 'model.onnx')"
NETWORK = "from router_extproc.quality.mlp import opened", "opened((folder / 'model.onnx').read_bytes())"
STATES = "from router_extproc.training.states import states", "states(folder, [])"
COUNTED = """
import os, sys
from pathlib import Path
import numpy  # whose threads begin with it
{imported}
folder = Path(sys.argv[1])
before = len(os.listdir("/proc/self/task"))
made = {made}
print(len(os.listdir("/proc/self/task")) - before)
"""
TALKS = sys.platform == "linux" and tuple(map(int, version("onnxruntime").split(".")[:2])) >= (1, 29)
"""Whether this onnxruntime has telemetry that can be seen here."""
TRAINS = pytest.mark.skipif(find_spec("torch") is None, reason="torch comes with the train extra")
NOWHERE = "/proc"
"""A home in which nobody can make anything, root neither."""


def told(home: object, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    """Python with that home, and with none of the variables by which onnxruntime knows a CI and is quiet of itself.

    Whatever it sent in spite of it all would go to a port of this machine at which nobody listens.
    """
    environment = {"HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path), "https_proxy": "http://127.0.0.1:9", **variables}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path) -> Path:
    """A bundle whose graph training can read, too."""
    pytest.importorskip("onnx", reason="onnx comes with the train extra")
    return write_grown(tmp_path_factory.mktemp("runtime") / "grown", tiny_bundle)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home in which nothing is."""
    place = tmp_path / "home"
    place.mkdir()
    return place


class TestOnnxruntime:
    @pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
    @pytest.mark.parametrize(
        ("imported", "made"),
        [
            pytest.param(*GRAPH, id="a bundle's graph"),
            pytest.param(*NETWORK, id="a quality model's network"),
            pytest.param(*STATES, id="training's states", marks=TRAINS),
        ],
    )
    def test_starts_no_sender_and_keeps_nothing(self, model: Path, home: Path, imported: str, made: str) -> None:
        """No thread of its own, no device id, no database of events, no line on stderr: wherever a model is opened."""
        code = COUNTED.format(imported=imported, made=made)
        result, elsewhere = told(home, "-c", code, model), told(NOWHERE, "-c", code, model)

        assert (result.stdout, result.stderr, list(home.iterdir())) == ("0\n", "", [])
        assert (elsewhere.stdout, elsewhere.stderr) == ("0\n", "")

    @pytest.mark.skipif(not TALKS, reason="this onnxruntime has no telemetry that can be seen here")
    def test_would_do_so_of_itself(self, model: Path, home: Path) -> None:
        """If not, the test above looks for the wrong things: an operator who wants the telemetry gets it."""
        code = COUNTED.format(imported=GRAPH[0], made=GRAPH[1])
        result = told(home, "-c", code, model, **{SWITCH: "0"})
        elsewhere = told(NOWHERE, "-c", code, model, **{SWITCH: "0"})

        assert int(result.stdout) > 0
        assert [path.name for path in home.rglob("deviceid")] == ["deviceid"]
        assert "telemetry" in elsewhere.stderr

    def test_is_the_module(self) -> None:
        """Which other parts use as it is."""
        assert onnxruntime().__version__ == version("onnxruntime")


class TestQuiet:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            pytest.param(None, "1", id="unset"),
            pytest.param("", "1", id="empty"),
            pytest.param("0", "0", id="wanted"),
            pytest.param("true", "true", id="off already"),
        ],
    )
    def test_keeps_an_operator_s_setting(self, monkeypatch: pytest.MonkeyPatch, before: str | None, after: str) -> None:
        """An empty variable is none."""
        monkeypatch.setenv(SWITCH, before or "")
        if before is None:
            monkeypatch.delenv(SWITCH)

        quiet()

        assert os.environ[SWITCH] == after

    def test_is_done_by_the_command(self, home: Path, tiny_bundle: Path, tmp_path: Path) -> None:
        """Which leaves nothing behind, and says nothing but its own."""
        lines, code = tmp_path / "texts.jsonl", "from router_extproc.cli import main; main()"
        lines.write_text('{"id": 1, "text": "What is the capital of France?"}\n')
        result = told(home, "-c", code, "classify", "--models", tiny_bundle, "-i", lines, "-o", tmp_path / "out.jsonl")

        assert (result.stderr.strip(), list(home.iterdir())) == ("1 texts", [])
