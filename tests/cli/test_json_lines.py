"""JSON lines of files and standard streams."""

from __future__ import annotations

import errno
import gzip
from typing import TYPE_CHECKING

import pytest
import typer

from router_extproc.cli.json_lines import numbered, opened

if TYPE_CHECKING:
    from pathlib import Path


def lines(path: Path) -> list[tuple[int, bytes]]:
    """All lines of a file."""
    with opened(path, "rb") as stream:
        return list(numbered(stream, path))


class TestNumbered:
    def test_leaves_blank_lines_out_but_counts_them(self, tmp_path: Path) -> None:
        """An error must name the line that an editor shows."""
        path = tmp_path / "a.jsonl"
        path.write_bytes(b"\na\n \r\nb")

        assert lines(path) == [(2, b"a\n"), (4, b"b")]

    @pytest.mark.parametrize(
        "damaged",
        [
            pytest.param(b"a\nb\n", id="not gzipped"),
            pytest.param(gzip.compress(b"a\n" * 1000)[:-12], id="cut off"),
            pytest.param(gzip.compress(b"a\n")[:12] + b"\xff" * 40, id="corrupt"),
        ],
    )
    def test_ends_the_program_at_damage(self, tmp_path: Path, capsys: pytest.CaptureFixture[str], damaged: bytes) -> None:
        """It names the file; half of it is not taken for all of it."""
        path = tmp_path / "a.jsonl.gz"
        path.write_bytes(damaged)

        with pytest.raises(typer.Exit) as ended:
            lines(path)

        assert ended.value.exit_code == 3
        assert "a.jsonl.gz:" in capsys.readouterr().err.replace("\n", "")


class TestOpened:
    def test_zips_by_the_name(self, tmp_path: Path) -> None:
        """Both ways."""
        path = tmp_path / "a.jsonl.gz"
        with opened(path, "wb") as stream:
            stream.write(b"a\nb\n")

        assert gzip.decompress(path.read_bytes()) == b"a\nb\n"
        assert lines(path) == [(1, b"a\n"), (2, b"b\n")]

    def test_a_full_disk_ends_the_program(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """It says which file, not where in our code."""
        with pytest.raises(typer.Exit) as ended, opened(tmp_path / "a", "wb"):
            raise OSError(errno.ENOSPC, "No space left on device")

        assert ended.value.exit_code == 3
        assert "No space left on device" in capsys.readouterr().err

    def test_a_reader_that_has_enough_is_no_error(self, tmp_path: Path) -> None:
        """`| head` closes the pipe; typer ends the program quietly."""
        with pytest.raises(BrokenPipeError), opened(tmp_path / "a", "wb"):
            raise BrokenPipeError
