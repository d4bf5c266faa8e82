"""Files: what a policy was made of beside its own file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from router_extproc.signals.files import Files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def rewrite(path: Path) -> None:
    """Another content of another length."""
    path.write_text("longer than before")


def exchange(path: Path) -> None:
    """Another file of the same content under the same name, as an editor or a mount does."""
    other = path.with_name("other")
    other.write_text(path.read_text())
    other.replace(path)


def remove(path: Path) -> None:
    """No file."""
    path.unlink()


class TestChanged:
    def test_not_by_itself(self, tmp_path: Path) -> None:
        """Neither a file that is there nor one that is missing."""
        (tmp_path / "there").write_text("a")
        files = Files()
        files.add(tmp_path / "there")
        files.add(tmp_path / "missing")

        assert not files.changed()

    @pytest.mark.parametrize("change", [rewrite, exchange, remove])
    def test_when_a_file_is_another(self, tmp_path: Path, change: Callable[[Path], None]) -> None:
        """Whichever way."""
        path = tmp_path / "a"
        path.write_text("a")
        files = Files()
        files.add(path)
        change(path)

        assert files.changed()
        assert not files.anew().changed()

    def test_when_a_missing_one_comes(self, tmp_path: Path) -> None:
        """What was refused for want of it may be good now."""
        files = Files()
        path = files.add(tmp_path / "a")
        path.write_text("a")

        assert files.changed()

    def test_the_first_look_counts(self, tmp_path: Path) -> None:
        """A file that changes while it is read was read too early."""
        path = tmp_path / "a"
        path.write_text("a")
        files = Files()
        files.add(path)
        rewrite(path)
        files.add(path)

        assert files.changed()


class TestDirectories:
    def test_are_those_of_all_files(self, tmp_path: Path) -> None:
        """Also of those that are missing."""
        files = Files()
        for name in ("a/x", "a/y", "b/x"):
            files.add(tmp_path / name)

        assert files.directories == {tmp_path / "a", tmp_path / "b"}
