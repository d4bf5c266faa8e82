"""`router-extproc refit`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from grown import write_grown

from router_extproc.cli.bundle_commands import LearningHead
from router_extproc.encoders.bundle import Bundle

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Cli


class TestRefit:
    @pytest.mark.parametrize("name", [pytest.param("torch", id="torch"), pytest.param("onnx", id="onnx")])
    def test_says_what_is_missing(self, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        """And how to get it, before anything is read or written."""
        monkeypatch.setitem(sys.modules, name, None)
        result = cli("refit", "--data", tmp_path / "none", "--output", tmp_path / "out")

        assert (result.exit_code, result.stdout) == (4, "")
        assert "pip install 'router-extproc[train]'" in result.stderr
        assert not list(tmp_path.iterdir())

    def test_does_not_write_a_bundle_over_itself(self, cli: Cli, tmp_path: Path) -> None:
        """A run that ends half-way would leave none."""
        pytest.importorskip("torch", reason="torch comes with the train extra")
        result = cli("refit", "--data", tmp_path, "--models", tmp_path, "--output", tmp_path)

        assert result.exit_code == 3
        assert "choose another --output" in result.stderr

    def test_does_not_write_over_the_bundle_that_heads_are_held_to(self, cli: Cli, tmp_path: Path) -> None:
        """It is read, too."""
        pytest.importorskip("torch", reason="torch comes with the train extra")
        (tmp_path / "before").mkdir()
        places = ("--models", tmp_path, "--held-to", tmp_path / "before", "--output", tmp_path / "before")
        result = cli("amend", "--data", tmp_path, *places)

        assert result.exit_code == 3
        assert "choose another --output" in result.stderr

    def test_a_share_of_nothing_learns_nothing(self, cli: Cli, tiny_bundle: Path, tmp_path: Path) -> None:
        """Reads no data, and writes a bundle that says what it said."""
        pytest.importorskip("torch", reason="torch comes with the train extra")
        before = write_grown(tmp_path / "before", tiny_bundle)
        places = ("--models", before, "--output", tmp_path / "out", "--data", tmp_path)
        result = cli("amend", *places, "--head", "jailbreak", "--share", "0", "--version", "2", "--json")

        assert result.exit_code == 0, result.stderr
        assert json.loads(result.stdout)["texts"] == {"jailbreak": 0}
        assert Bundle(tmp_path / "out").manifest.version == "2"

    def test_only_jailbreak_learns_tails(self, cli: Cli, tmp_path: Path) -> None:
        """Another head beside it is wrong usage."""
        places = ("--data", tmp_path, "--output", tmp_path / "out", "--tails-only")
        result = cli("amend", *places, "--head", "jailbreak", "--head", "modality")

        assert result.exit_code == 2
        assert "only jailbreak learns tails" in result.stderr

    @pytest.mark.parametrize("share", ["1.5", "-0.1"])
    def test_a_share_is_between_nothing_and_all(self, cli: Cli, tmp_path: Path, share: str) -> None:
        """Anything else is wrong usage."""
        result = cli("amend", "--data", tmp_path, "--output", tmp_path / "out", "--share", share)

        assert result.exit_code == 2
        assert "share" in result.stderr

    def test_a_folder_that_is_no_bundle(self, cli: Cli, tmp_path: Path) -> None:
        """Is told of."""
        pytest.importorskip("torch", reason="torch comes with the train extra")
        (tmp_path / "models").mkdir()
        result = cli("refit", "--data", tmp_path, "--models", tmp_path / "models", "--output", tmp_path / "out")

        assert result.exit_code == 3
        assert "manifest.json" in result.stderr

    def test_a_head_that_does_not_learn_on(self, cli: Cli, tmp_path: Path) -> None:
        """Is wrong usage."""
        result = cli("refit", "--data", tmp_path, "--output", tmp_path / "out", "--head", "modality")

        assert result.exit_code == 2
        assert "fact_check" in result.stderr

    def test_offers_the_heads_that_gain(self) -> None:
        """All of them: the command line tells them without torch, which the recipe needs."""
        pytest.importorskip("torch", reason="torch comes with the train extra")
        from router_extproc.training.refit import HEADS  # noqa: PLC0415 - not wanted before the extra was found

        assert tuple(head.value for head in LearningHead) == HEADS
