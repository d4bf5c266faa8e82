"""The command line, called as a program is, without starting one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest
from typer.testing import CliRunner

from router_extproc.cli.app import app

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result


class Cli(Protocol):
    """Calls `router-extproc` with these arguments."""

    def __call__(self, *arguments: object, stdin: bytes | None = None) -> Result: ...


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command, whose standard streams are kept apart; a crash is a failed test. No terminal, whatever a CI's variables say."""
    monkeypatch.setattr("typer.rich_utils.FORCE_TERMINAL", False)
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("FORCE_COLOR", "PY_COLORS", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: object, stdin: bytes | None = None) -> Result:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


@pytest.fixture
def policy_file(tmp_path: Path, policy: str) -> Path:
    """A good policy on disk."""
    path = tmp_path / "policy.yaml"
    path.write_text(policy)
    return path
