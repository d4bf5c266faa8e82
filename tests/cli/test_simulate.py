"""`router-extproc simulate`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Cli = Callable[..., Result]


class TestSimulate:
    def test_writes_what_it_found(self, cli: Cli, tmp_path: Path) -> None:
        """A page and its figures, the same as on stdout."""
        options = ("--requests", 200, "--seeds", 1, "--logs", 0, "--no-plots", "--json", "--output", tmp_path / "out")
        result = cli("simulate", *options)

        told = json.loads(result.stdout)
        assert result.exit_code in {0, 1}
        assert told == json.loads((tmp_path / "out" / "online.json").read_text())
        assert "# Online learning, measured" in (tmp_path / "out" / "ROUTING_EVAL_ONLINE.md").read_text()
        assert {each["policy"] for each in told["fared"]} >= {"Thompson", "LinUCB", "random"}

    def test_a_folder_that_cannot_be_made_is_3(self, cli: Cli, tmp_path: Path) -> None:
        """Told before the work, not after it."""
        (tmp_path / "file").write_text("x")
        result = cli(
            "simulate", "--requests", 200, "--seeds", 1, "--logs", 0, "--no-plots", "--output", tmp_path / "file" / "out"
        )

        assert (result.exit_code, result.stdout) == (3, "")
        assert f"{tmp_path / 'file' / 'out'}: cannot be written" in result.stderr.replace("\n", "")

    def test_a_full_disk_is_3(self, cli: Cli, tmp_path: Path) -> None:
        """But the figures are told."""
        (tmp_path / "online.json").symlink_to("/dev/full")
        result = cli("simulate", "--requests", 200, "--seeds", 1, "--logs", 0, "--no-plots", "--json", "--output", tmp_path)

        assert result.exit_code == 3
        assert "No space left on device" in result.stderr
        assert {each["policy"] for each in json.loads(result.stdout)["fared"]} >= {"Thompson", "random"}
