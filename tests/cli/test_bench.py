"""`bench`: what it refuses before anything starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Cli = Callable[..., Result]


DEAD = {
    "soak": ("connections", "duration", "rounds"),
    "bodies": ("connections", "duration", "rounds"),
    "encoder": ("connections",),
    "sessions": ("connections",),
}
"""Options that would do nothing."""


class TestBench:
    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            pytest.param(["--encoder", "--neural"], "--encoder and --neural do not go together", id="two"),
            pytest.param(["--bodies", "--soak"], "--bodies and --soak do not go together", id="older two"),
            pytest.param(["--models", "x"], "--models goes with --encoder, --neural, --guards or --selectors", id="models alone"),
            pytest.param(["--soak", "--models", "x"], "--models goes with", id="models with another"),
            pytest.param(["--guards", "--neural"], "--neural and --guards do not go together", id="newer two"),
            pytest.param(["--guards", "--connections", "0"], "--connections", id="no connection"),
            pytest.param(["--neural", "--duration", "0"], "--duration", id="no time"),
            pytest.param(["--neural", "--rounds", "0"], "--rounds", id="no rounds"),
            *(
                pytest.param([f"--{what}", f"--{option}", "2"], f"--{option} does not go with --{what}", id=f"{what} {option}")
                for what, options in DEAD.items()
                for option in options
            ),
        ],
    )
    def test_options_that_do_not_go_together(self, cli: Cli, arguments: list[str], told: str) -> None:
        """They are refused before anything starts."""
        result = cli("bench", *arguments)

        assert (result.exit_code, result.stdout) == (2, "")
        assert told in result.stderr

    def test_a_bundle_that_is_none(self, cli: Cli, tmp_path: Path) -> None:
        """Exit code 3, and which file is missing."""
        result = cli("bench", "--encoder", "--json", "--models", tmp_path)

        assert (result.exit_code, result.stdout) == (3, "")
        assert "no model bundle is there" in result.stderr

    @pytest.mark.parametrize("what", ["--neural", "--guards"])
    def test_without_envoy(self, cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, what: str) -> None:
        """Exit code 4, and why."""
        monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
        result = cli("bench", what, "--json")

        assert (result.exit_code, result.stdout) == (4, "")
        assert "cannot be started" in result.stderr
