"""Whether there is a place for what a command will write."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer

from router_extproc.cli.output_file import check_folder, check_place, replaced

if TYPE_CHECKING:
    from collections.abc import Callable

LONG = "a" * 250
"""A name that a file can have, but none that is longer: what is written first has a longer one."""


def ended(call: Callable[[], None]) -> int:
    """The exit code that it ends the program with."""
    with pytest.raises(typer.Exit) as raised:
        call()
    return raised.value.exit_code


class TestCheckPlace:
    @pytest.mark.parametrize("there", [pytest.param(True, id="the old one"), pytest.param(False, id="nothing")])
    def test_leaves_what_was_there(self, tmp_path: Path, *, there: bool) -> None:
        """And nothing beside it."""
        path = tmp_path / "head.json"
        if there:
            path.write_bytes(b"old")
        check_place(path)

        assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == ([("head.json", b"old")] if there else [])

    def test_a_place_where_nothing_can_be_made(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Is found by trying: no flag tells of read-only mounts, quotas and names that are too long."""
        assert ended(lambda: check_place(tmp_path / LONG)) == 3
        assert f"{LONG}: cannot be written: File name too long" in capsys.readouterr().err

    def test_a_link_that_leads_nowhere(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """The file would be made where it leads."""
        (tmp_path / "head.json").symlink_to(tmp_path / "none" / "head.json")

        assert ended(lambda: check_place(tmp_path / "head.json")) == 3
        assert "head.json: cannot be written: No such file" in capsys.readouterr().err


class TestReplaced:
    def test_tells_why_it_could_not(self, tmp_path: Path) -> None:
        """Where nothing can be written nothing can be tidied either."""
        assert replaced(tmp_path / LONG, b"new") == f"{tmp_path / LONG}: cannot be written: File name too long"
        assert list(tmp_path.iterdir()) == []


class TestCheckFolder:
    @pytest.mark.parametrize("place", ["there", "none", "none/none"])
    def test_makes_nothing(self, tmp_path: Path, place: str) -> None:
        """Whether it is there or not."""
        (tmp_path / "there").mkdir()
        check_folder(tmp_path / place, "EVAL.md")

        assert [each.name for each in tmp_path.rglob("*")] == ["there"]

    @pytest.mark.parametrize("place", ["file", "file/none"])
    def test_a_file_is_no_folder(self, tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str) -> None:
        """Nor is there one in it."""
        (tmp_path / "file").write_bytes(b"")

        assert ended(lambda: check_folder(tmp_path / place)) == 3
        told = capsys.readouterr().err.replace("\n", "")
        assert f"{tmp_path / place}: cannot be written: {tmp_path / 'file'} is no folder" in told

    def test_a_folder_where_a_file_will_be(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """The error names it."""
        (tmp_path / "EVAL.md").mkdir()

        assert ended(lambda: check_folder(tmp_path, "eval.json", "EVAL.md")) == 3
        assert f"{tmp_path / 'EVAL.md'}: cannot be written: it is a folder" in capsys.readouterr().err.replace("\n", "")

    def test_a_place_where_nothing_can_be_made(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Whoever asks: /proc takes no files, not even root's."""
        assert ended(lambda: check_folder(Path("/proc/look"))) == 3
        assert "/proc/look: cannot be written" in capsys.readouterr().err
