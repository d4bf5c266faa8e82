"""`router-extproc check`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Cli = Callable[..., Result]

WRONG = """\
version: 1
pools:
  small: {cluster: pool-small, model: qwen}
default: smal
decisions:
  - {name: code, when: images, route: huge}
"""
WARNED = """\
version: 1
pools:
  small: {cluster: pool-small, model: qwen}
default: small
decisions:
  - {name: pictures, when: images, route: {candidates: [small], select: first}}
"""
TESTED = """
tests:
  - {name: code is code, prompt: "refactor this", expect: {pool: large}}
"""
FAILING = """
tests:
  - {name: chat is code, prompt: "good evening", expect: {pool: large}}
"""


class TestGood:
    def test_is_summed_up(self, cli: Cli, policy_file: Path) -> None:
        """One line on stdout says how much is in it, and which version it is."""
        result = cli("check", policy_file)

        assert result.exit_code == 0
        assert f"{policy_file}: good (version " in result.stdout
        assert "3 decisions, " in result.stdout
        assert "2 pools; it has no tests" in result.stdout
        assert result.stderr == ""

    def test_in_a_directory(self, cli: Cli, policy_file: Path) -> None:
        """The directory that a ConfigMap is mounted at can be given."""
        assert f"{policy_file}: good" in cli("check", policy_file.parent).stdout

    def test_counts_the_tests_that_passed(self, cli: Cli, policy_file: Path) -> None:
        """The policy's own tests are run."""
        policy_file.write_text(policy_file.read_text() + TESTED)

        assert "1 tests passed" in cli("check", policy_file).stdout

    def test_for_machines(self, cli: Cli, policy_file: Path) -> None:
        """One JSON object, with nothing around it."""
        told = json.loads(cli("check", policy_file, "--json").stdout)

        assert (told["ok"], told["problems"], told["tests"], told["file"]) == (True, [], 0, str(policy_file))
        assert len(told["version"]) >= 8


class TestErrors:
    def test_all_are_told_at_once_with_their_places(self, cli: Cli, policy_file: Path) -> None:
        """Each has file, line and column, and what to write instead."""
        policy_file.write_text(WRONG)
        result = cli("check", policy_file)

        assert result.exit_code == 1
        assert f"{policy_file}:4:10: error:" in result.stderr
        assert "small" in result.stderr
        assert f"{policy_file}:6:" in result.stderr
        assert "this policy would not be loaded" in result.stderr
        assert result.stdout == ""

    def test_for_machines(self, cli: Cli, policy_file: Path) -> None:
        """The same problems, as fields."""
        policy_file.write_text(WRONG)
        result = cli("check", policy_file, "--json")
        told = json.loads(result.stdout)

        assert result.exit_code == 1
        assert (told["ok"], told["version"], told["tests"]) == (False, None, None)
        assert {"severity", "file", "line", "column", "path", "message", "cure"} == set(told["problems"][0])
        assert (told["problems"][0]["line"], told["problems"][0]["severity"]) == (4, "error")

    def test_a_policy_that_fails_its_own_test(self, cli: Cli, policy_file: Path) -> None:
        """It compiles, but does not do what its author says."""
        policy_file.write_text(policy_file.read_text() + FAILING)
        result = cli("check", policy_file)

        assert result.exit_code == 1
        assert "chat is code" in result.stderr

    @pytest.mark.parametrize("as_json", [pytest.param((), id="text"), pytest.param(("--json",), id="json")])
    def test_a_file_that_is_not_there(self, cli: Cli, tmp_path: Path, as_json: tuple[str, ...]) -> None:
        """That is no finding about a policy."""
        result = cli("check", tmp_path / "none.yaml", *as_json)

        assert (result.exit_code, result.stdout) == (3, "")
        assert "No such file" in result.stderr

    @pytest.mark.parametrize("as_json", [pytest.param((), id="text"), pytest.param(("--json",), id="json")])
    def test_a_folder_without_a_policy(self, cli: Cli, tmp_path: Path, as_json: tuple[str, ...]) -> None:
        """The file that is looked for in it is named: the folder is there, and this is what a wrong ConfigMap looks like."""
        result = cli("check", tmp_path, *as_json)

        assert (result.exit_code, result.stdout) == (3, "")
        assert f"{tmp_path / 'policy.yaml'}: No such file" in result.stderr

    def test_a_file_that_is_not_text(self, cli: Cli, policy_file: Path) -> None:
        """The first byte that is wrong has a place, too."""
        policy_file.write_bytes(b"version: 1\n# \xff\n")
        result = cli("check", policy_file)

        assert result.exit_code == 1
        assert f"{policy_file}:2:3: error: byte 0xff is not UTF-8" in result.stderr


class TestWarnings:
    @pytest.mark.parametrize(("strict", "code"), [pytest.param((), 0, id="told"), pytest.param(("--strict",), 1, id="strict")])
    def test_fail_only_where_asked(self, cli: Cli, policy_file: Path, strict: tuple[str, ...], code: int) -> None:
        """A warning is told, and the policy is good all the same, unless --strict."""
        policy_file.write_text(WARNED)
        result = cli("check", policy_file, *strict)

        assert result.exit_code == code
        assert "warning:" in result.stderr
        assert "1 warning" in result.stdout

    @pytest.mark.parametrize(
        ("strict", "good"), [pytest.param((), True, id="told"), pytest.param(("--strict",), False, id="strict")]
    )
    def test_for_machines(self, cli: Cli, policy_file: Path, strict: tuple[str, ...], *, good: bool) -> None:
        """`ok` says what the exit code says."""
        policy_file.write_text(WARNED)
        told = json.loads(cli("check", policy_file, "--json", *strict).stdout)

        assert told["ok"] is good
        assert [problem["severity"] for problem in told["problems"]] == ["warning"]


class TestNames:
    @pytest.mark.parametrize("name", ["[red]", "[/x]", "[link=a]b"])
    @pytest.mark.parametrize(
        "text", [pytest.param(WRONG, id="wrong"), pytest.param(None, id="good"), pytest.param("", id="none")]
    )
    def test_of_files_are_printed_as_they_are(self, cli: Cli, tmp_path: Path, policy: str, name: str, text: str | None) -> None:
        """A name that looks like markup for a terminal is no markup."""
        path = tmp_path / name / "policy.yaml"
        path.parent.mkdir(parents=True)
        if text != "":
            path.write_text(policy if text is None else text)
        result = cli("check", path)

        assert f"/{name}/policy.yaml: " in (result.stdout + result.stderr).replace("\n", "")
