"""Files: what a policy was made of beside its own file."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from router_extproc.encoders.manifest import sha256
from router_extproc.signals import files as module
from router_extproc.signals.files import MISSING, Files

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

    def test_a_secret_is_watched_like_any_other(self, tmp_path: Path) -> None:
        """Also after a failure."""
        path = tmp_path / "secret"
        path.write_text("a")
        files = Files()
        files.add_secret(path)
        again = files.anew()
        rewrite(path)

        assert files.changed()
        assert again.changed()
        assert not again.anew().sums()

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


class TestSums:
    def test_are_of_the_content(self, tmp_path: Path) -> None:
        """By path, in the order of the policy; what is not there has none, and a secret's is not told."""
        files = Files()
        for name in ("b", "a", "secret"):
            (tmp_path / name).write_text(name)
        paths = [files.add(tmp_path / name) for name in ("b", "missing", "a")]
        files.add(tmp_path)
        files.add_secret(tmp_path / "secret")

        assert files.secret_sums() == {str(tmp_path / "secret"): hashlib.sha256(b"secret").hexdigest()}
        told = [hashlib.sha256(b"b").hexdigest(), MISSING, hashlib.sha256(b"a").hexdigest(), MISSING]
        assert list(files.sums().items()) == list(zip(map(str, (*paths, tmp_path)), told, strict=True))

    @pytest.mark.parametrize("change", [rewrite, exchange, remove])
    def test_are_those_of_now(self, tmp_path: Path, change: Callable[[Path], None]) -> None:
        """Whichever way a file became another."""
        path = tmp_path / "a"
        path.write_text("a")
        files = Files()
        files.add(path)
        files.sums()
        change(path)

        assert files.sums() == {str(path): hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else MISSING}

    def test_an_unchanged_file_is_not_read_again(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nor by a later policy that names it: models are large."""
        read: list[Path] = []
        monkeypatch.setattr(module, "sha256", lambda path: read.append(path) or sha256(path))
        path = tmp_path / "a"
        path.write_text("a")
        first = Files()
        first.add(path)
        second = first.another()
        before = second.sums()
        second.add(path)

        assert (first.sums(), before) == (second.sums(), {})
        assert read == [path]
