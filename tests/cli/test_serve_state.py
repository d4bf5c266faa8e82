"""`router-extproc serve --state`: an address that cannot be used ends the program before it serves, and is never repeated."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Cli = Callable[..., Result]


class TestState:
    @pytest.mark.parametrize(
        ("url", "text"),
        [
            ("redis://:hidden@cache:6379/0", "credentials in a command line can be read by everyone"),
            ("http://cache", "write redis://HOST:PORT/DB"),
            ("redis://cache:6379/0?max_connections=hidden", "the Redis client does not take this address"),
        ],
    )
    def test_a_wrong_address_is_usage(self, cli: Cli, policy_file: Path, url: str, text: str) -> None:
        """Exit code 2, with what to write instead."""
        result = cli("serve", "--policy", policy_file, "--state", url)

        assert result.exit_code == 2
        assert text in result.stderr
        assert "hidden" not in result.stderr

    def test_twice_is_usage(self, cli: Cli, policy_file: Path) -> None:
        """Which would count?"""
        result = cli("serve", "--policy", policy_file, "--state", "redis://c:1/0", "--state-file", policy_file)

        assert (result.exit_code, "once" in result.stderr) == (2, True)

    def test_a_file_that_is_not_there_is_3(self, cli: Cli, policy_file: Path) -> None:
        """As other files."""
        result = cli("serve", "--policy", policy_file, "--state-file", policy_file.parent / "none")

        assert result.exit_code == 3
        assert "--state-file: No such file or directory" in result.stderr

    def test_without_the_client_it_says_what_to_install(
        self, cli: Cli, policy_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is an extra."""
        monkeypatch.setitem(sys.modules, "redis", None)
        result = cli("serve", "--policy", policy_file, "--state", "redis://cache:6379/0")

        assert result.exit_code == 2
        assert "pip install 'router-extproc[redis]'" in result.stderr
