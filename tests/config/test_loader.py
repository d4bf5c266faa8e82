"""Loading: a file becomes a router that passed the policy's own tests, or an error with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from router_extproc.config.loader import policy_file, read_text, version_at
from router_extproc.config.offline import decide
from router_extproc.policy.load import version_of
from router_extproc.policy.problems import PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from router_extproc.config.store import Load

BOM = b"\xef\xbb\xbf"


class TestLoad:
    def test_gives_a_router(self, loader: Load, file: Path, policy: str, chat: Callable[..., bytes]) -> None:
        """The router routes by the file, and the version is its content's."""
        loaded = loader(file)

        outcome = decide(loaded.router, path="/v1/chat/completions", headers={}, body=chat("a traceback"))
        assert outcome.decision.name == "code"
        assert loaded.version == loaded.router.policy.version == version_of(policy)
        assert loaded.warnings == ()

    def test_tells_warnings(self, loader: Load, file: Path, policy: str) -> None:
        """What is probably a mistake comes with the router."""
        file.write_text(policy.replace("  code_words:", "  unused: {type: keyword, any: [x]}\n  code_words:"))

        assert ["unused" in str(warning) for warning in loader(file).warnings] == [True]

    def test_a_missing_file_is_an_os_error(self, loader: Load, tmp_path: Path) -> None:
        """It is not the policy that is wrong."""
        with pytest.raises(FileNotFoundError):
            loader(tmp_path / "absent.yaml")

    def test_a_failed_test_refuses_the_policy(self, loader: Load, file: Path, policy: str) -> None:
        """The error stands at the expectation that was not met, after the warnings."""
        unused = policy.replace("  code_words:", "  unused: {type: keyword, any: [x]}\n  code_words:")
        file.write_text(unused + "tests:\n  - name: greets\n    prompt: hi\n    expect:\n      pool: large\n")

        with pytest.raises(PolicyError) as caught:
            loader(file)
        warning, error = caught.value.problems
        assert warning.severity == "warning"
        assert (error.path, error.line) == ("tests[0].expect.pool", file.read_text().count("\n"))
        assert error.message == "the test 'greets' fails: expected pool large, got small"


class TestPolicyFile:
    def test_of_a_directory(self, file: Path) -> None:
        """The file in it that is named policy.yaml."""
        assert policy_file(file.parent) == file

    @pytest.mark.parametrize("name", ["policy.yaml", "other.yml", "absent"])
    def test_of_a_path(self, tmp_path: Path, name: str) -> None:
        """The path itself, there or not."""
        assert policy_file(tmp_path / name) == tmp_path / name


class TestReadText:
    def test_drops_a_byte_order_mark(self, file: Path, policy: str) -> None:
        """Some editors leave one; it is not the policy's."""
        file.write_bytes(BOM + policy.encode())

        assert read_text(file) == policy

    @pytest.mark.parametrize(
        ("data", "line", "column"),
        [
            pytest.param(b"\xff", 1, 1, id="at once"),
            pytest.param(b"a: b\nc: \xfe\n", 2, 4, id="later"),
        ],
    )
    def test_tells_where_it_is_not_text(self, file: Path, data: bytes, line: int, column: int) -> None:
        """Place, byte and cure."""
        file.write_bytes(data)

        with pytest.raises(PolicyError) as caught:
            read_text(file)
        (problem,) = caught.value.problems
        assert (problem.line, problem.column, problem.cure) == (line, column, "save the file as UTF-8")
        assert "is not UTF-8" in problem.message


class TestVersionAt:
    @pytest.mark.parametrize("before", [pytest.param(b"", id="plain"), pytest.param(BOM, id="byte order mark")])
    def test_is_the_loaded_version(self, loader: Load, file: Path, policy: str, before: bytes) -> None:
        """So that a file can be told from the policy in force without loading it, as long as it is made of nothing else."""
        file.write_bytes(before + policy.encode())

        assert version_at(file) == loader(file).version

    def test_tells_any_bytes_apart(self, file: Path) -> None:
        """Also those that are no text."""
        versions = set()
        for data in (b"\xff", b"\xfe", b""):
            file.write_bytes(data)
            versions.add(version_at(file))

        assert len(versions) == 3
