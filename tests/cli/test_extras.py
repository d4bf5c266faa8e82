"""Extras: what commands ask for exists, and is asked for before any work."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cli.conftest import Cli

ROOT = Path(__file__).parents[2]


class TestExtras:
    def test_all_that_are_named_exist(self) -> None:
        """In what the program, the Makefile and the pages tell people to install; and each one is told of."""
        known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        places = [*ROOT.glob("router_extproc/**/*.py"), *ROOT.glob("docs/*.md"), ROOT / "README.md", ROOT / "Makefile"]
        named = {
            extra
            for place in places
            for extras in re.findall(r"(?:router-extproc\\?|'\.)\[([a-z, ]+)\]", place.read_text())
            for extra in extras.replace(" ", "").split(",")
        }

        assert named == set(known)

    @pytest.mark.parametrize("command", ["eval-routing", "simulate"])
    def test_plots_without_matplotlib(self, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
        """At once, and says what helps."""
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        data = ("--data", tmp_path) if command == "eval-routing" else ()
        result = cli(command, *data, "--output", tmp_path / "out")

        assert (result.exit_code, result.stdout) == (4, "")
        assert "router-extproc[plots]" in result.stderr
        assert "--no-plots" in result.stderr
        assert not (tmp_path / "out").exists()
