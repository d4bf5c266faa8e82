"""`router-extproc route`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Cli = Callable[..., Result]


def line(identifier: str | int, text: str, **more: Any) -> bytes:
    """One line in."""
    body = {"model": "auto", "messages": [{"role": "user", "content": text}]}
    return json.dumps({"id": identifier, "body": body, **more}).encode() + b"\n"


@pytest.fixture
def routed(cli: Cli, policy_file: Path) -> Callable[[bytes], tuple[int, list[dict[str, Any]]]]:
    """Exit code and lines out for lines in."""

    def call(lines: bytes) -> tuple[int, list[dict[str, Any]]]:
        result = cli("route", policy_file, "-i", "-", stdin=lines)
        return result.exit_code, [json.loads(text) for text in result.stdout.splitlines()]

    return call


class TestLines:
    def test_one_out_for_one_in_in_the_same_order(self, routed: Callable[[bytes], Any]) -> None:
        """Decision, action, pool, model, reason and signals."""
        code, told = routed(line("a", "please refactor") + line(2, "hi") + line("c", "hunter2"))

        assert code == 0
        assert [(one["id"], one["decision"], one["action"], one["pool"]) for one in told] == [
            ("a", "code", "route", "large"),
            (2, "default", "route", "small"),
            ("c", "no-secrets", "reject", None),
        ]
        assert told[0]["model"] == "qwen-large"
        assert told[0]["reason"] == "rule"
        assert told[0]["signals"]["code_words"] == 1

    def test_have_paths_and_headers(self, routed: Callable[[bytes], Any]) -> None:
        """The path says which API the body is; a path of none passes by."""
        message = line("a", "refactor", path="/v1/messages", headers={"anthropic-version": "2023-06-01"})
        _, told = routed(message + line("b", "refactor", path="/healthz"))

        assert [(one["pool"], one["action"]) for one in told] == [("large", "route"), (None, "pass")]

    def test_a_string_is_sent_as_it_is(self, routed: Callable[[bytes], Any]) -> None:
        """Bodies that are no JSON can be tried out."""
        code, told = routed(json.dumps({"id": 1, "body": '{"model":"auto","messages":[NaN]}'}).encode())

        assert (code, told[0]["action"], told[0]["reason"]) == (0, "reject", "non_finite_number")

    def test_empty_ones_are_passed_over(self, routed: Callable[[bytes], Any]) -> None:
        """A file may end with a line break, or have none."""
        code, told = routed(b"\n" + line(1, "hi") + b"  \r\n" + line(2, "hi").rstrip())

        assert (code, [one["id"] for one in told]) == (0, [1, 2])

    def test_none_at_all(self, routed: Callable[[bytes], Any]) -> None:
        """An empty file is no error."""
        assert routed(b"") == (0, [])

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param(b"{", id="broken"),
            pytest.param(b"[1]", id="no object"),
            pytest.param(b'{"id": 1}', id="no body"),
            pytest.param(b'{"body": {}}', id="no id"),
            pytest.param(b'{"id": 1, "body": {}, "paths": "/"}', id="unknown key"),
            pytest.param(b'{"id": 1, "body": {}, "headers": {"a": 1}}', id="header that is no text"),
            pytest.param(b'{"id": "\xff", "body": {}}', id="no UTF-8"),
            pytest.param(b'{"id": 1, "body": "\xff"}', id="no UTF-8 in the body"),
            pytest.param(b'{"id": 1, "body": "\\ud800"}', id="half a surrogate"),
            pytest.param(b'{"id": 1, "body": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="too deep"),
        ],
    )
    def test_one_that_cannot_be_read_does_not_stop_the_rest(self, routed: Callable[[bytes], Any], text: bytes) -> None:
        """It gives a line with an error and its number, and the exit code tells."""
        code, told = routed(line(1, "hi") + text + b"\n" + line(3, "hi"))

        assert code == 3
        assert [one["id"] for one in told] == [1, None, 3]
        assert told[1]["line"] == 2
        assert told[1]["error"]


class TestFiles:
    def test_from_file_to_file(self, cli: Cli, policy_file: Path, tmp_path: Path) -> None:
        """Results are in the file; stdout is empty, and the summary is on stderr."""
        (tmp_path / "in.jsonl").write_bytes(line(1, "refactor") + line(2, "hi") + line(3, "hey"))
        result = cli("route", policy_file, "--input", tmp_path / "in.jsonl", "--output", tmp_path / "out.jsonl")

        assert (result.exit_code, result.stdout) == (0, "")
        assert "3 requests: small 2, large 1" in result.stderr
        assert [json.loads(one)["id"] for one in (tmp_path / "out.jsonl").read_text().splitlines()] == [1, 2, 3]

    @pytest.mark.parametrize("name", ["none.jsonl", "."])
    def test_an_input_that_cannot_be_read(self, cli: Cli, policy_file: Path, tmp_path: Path, name: str) -> None:
        """It is named, and no output is begun."""
        result = cli("route", policy_file, "-i", tmp_path / name, "-o", tmp_path / "out.jsonl")

        assert result.exit_code == 3
        assert str(tmp_path) in result.stderr
        assert not (tmp_path / "out.jsonl").exists()

    def test_an_output_that_cannot_be_written(self, cli: Cli, policy_file: Path, tmp_path: Path) -> None:
        """It is named, too."""
        result = cli("route", policy_file, "-i", "-", "-o", tmp_path / "none" / "out.jsonl", stdin=line(1, "hi"))

        assert result.exit_code == 3
        assert "out.jsonl: No such file" in result.stderr

    @pytest.mark.parametrize("name", ["in.jsonl", "link.jsonl"])
    def test_the_input_is_never_overwritten(self, cli: Cli, policy_file: Path, tmp_path: Path, name: str) -> None:
        """Opening the output would empty the input before a line of it was read, by whatever name."""
        source = tmp_path / "in.jsonl"
        source.write_bytes(line(1, "hi"))
        (tmp_path / "link.jsonl").symlink_to(source)
        result = cli("route", policy_file, "-i", source, "-o", tmp_path / name)

        assert result.exit_code == 2
        assert source.read_bytes() == line(1, "hi")

    @pytest.mark.parametrize("folder", [pytest.param(False, id="file"), pytest.param(True, id="folder")])
    def test_the_policy_is_never_overwritten(self, cli: Cli, policy_file: Path, *, folder: bool) -> None:
        """However it was named."""
        before = policy_file.read_bytes()
        result = cli("route", policy_file.parent if folder else policy_file, "-i", "-", "-o", policy_file, stdin=line(1, "hi"))

        assert (result.exit_code, policy_file.read_bytes()) == (2, before)

    def test_a_policy_with_errors(self, cli: Cli, policy_file: Path) -> None:
        """Nothing is decided by it."""
        policy_file.write_text("version: 2\n")
        result = cli("route", policy_file, "-i", "-", stdin=line(1, "hi"))

        assert (result.exit_code, result.stdout) == (1, "")
