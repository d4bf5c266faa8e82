"""JSON lines of files and standard streams."""

from __future__ import annotations

import contextlib
import errno
import gzip
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer

from router_extproc.cli.json_lines import keep_apart, numbered, opened

if TYPE_CHECKING:
    from collections.abc import Iterator


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


@contextlib.contextmanager
def redirected(path: Path) -> Iterator[None]:
    """Standard input and output as the shell opens them for `< path >> path`."""
    with pytest.MonkeyPatch.context() as patch, path.open() as source, path.open("a") as sink:
        patch.setattr("sys.stdin", source)
        patch.setattr("sys.stdout", sink)
        yield


class TestKeepApart:
    @pytest.fixture(autouse=True)
    def place(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Two files and other names of the first."""
        monkeypatch.chdir(tmp_path)
        one, two = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
        one.write_bytes(b"a\n")
        two.write_bytes(b"a\n")
        (tmp_path / "soft.jsonl").symlink_to(one)
        (tmp_path / "hard.jsonl").hardlink_to(one)
        return tmp_path

    @pytest.mark.parametrize(
        ("source", "target", "told"),
        [
            pytest.param("a.jsonl", "a.jsonl", "a.jsonl is the input", id="one name"),
            pytest.param("a.jsonl", "./soft.jsonl", "soft.jsonl is the input", id="a symbolic link"),
            pytest.param("hard.jsonl", "a.jsonl", "a.jsonl is the input", id="a hard link"),
            pytest.param("-", "a.jsonl", "a.jsonl is the input", id="standard input"),
            pytest.param("a.jsonl", "-", "standard output is the input", id="standard output"),
            pytest.param("-", "-", "standard output is the input", id="both"),
        ],
    )
    def test_ends_the_program(self, capsys: pytest.CaptureFixture[str], source: str, target: str, told: str) -> None:
        """As wrong usage, whatever the file is called, and the file stays as it is."""
        with redirected(Path("a.jsonl")), pytest.raises(typer.Exit) as ended:
            keep_apart(Path(source), Path(target))

        assert ended.value.exit_code == 2
        assert told in capsys.readouterr().err
        assert Path("a.jsonl").read_bytes() == b"a\n"

    @pytest.mark.parametrize(
        ("source", "target"),
        [
            pytest.param("a.jsonl", "b.jsonl", id="another file of the same content"),
            pytest.param("-", "b.jsonl", id="another file than standard input"),
            pytest.param("a.jsonl", "new.jsonl", id="no file yet"),
            pytest.param("none.jsonl", "b.jsonl", id="no input"),
            pytest.param("/dev/null", "/dev/null", id="what keeps nothing"),
            pytest.param(".", ".", id="a folder"),
        ],
    )
    def test_has_nothing_against(self, source: str, target: str) -> None:
        """What takes nothing from the input."""
        with redirected(Path("a.jsonl")):
            keep_apart(Path(source), Path(target))

    def test_a_stream_that_is_closed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Is no file; who opens it says so."""
        monkeypatch.setattr("sys.stdin", None)
        monkeypatch.setattr("sys.stdout", None)

        keep_apart(Path("-"), Path("a.jsonl"))
        keep_apart(Path("a.jsonl"), Path("-"))


class TestOpened:
    @pytest.mark.parametrize(
        ("name", "mode"), [pytest.param("stdin", "rb", id="standard input"), pytest.param("stdout", "wb", id="standard output")]
    )
    def test_a_stream_that_is_closed(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, mode: str
    ) -> None:
        """Is told, as `>&-` or a supervisor may have closed it."""
        monkeypatch.setattr(f"sys.{name}", None)

        with pytest.raises(typer.Exit) as ended, opened(Path("-"), mode):
            pass

        assert ended.value.exit_code == 3
        assert f"standard {name.removeprefix('std')}put is closed" in capsys.readouterr().err

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
