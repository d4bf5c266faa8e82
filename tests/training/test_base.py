"""Where the base model is."""

from __future__ import annotations

import hashlib
import shutil
import sys
from typing import TYPE_CHECKING

import pytest
from tiny_base import write_parts

from router_extproc.training.base import PACKAGE, TEACHER_PARTS, base_folder, missing_parts, teacher_weights

if TYPE_CHECKING:
    from pathlib import Path


class TestBaseFolder:
    def test_without_the_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """There is none."""
        monkeypatch.setitem(sys.modules, PACKAGE, None)

        assert base_folder() is None

    def test_of_an_installed_package(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Beside its code, which is not run."""
        (tmp_path / PACKAGE).mkdir()
        (tmp_path / PACKAGE / "__init__.py").write_text("raise SystemExit")
        monkeypatch.delitem(sys.modules, PACKAGE, raising=False)
        monkeypatch.syspath_prepend(tmp_path)

        assert base_folder() == tmp_path / PACKAGE / "model"

    def test_of_a_folder_without_code(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A stray folder of that name is no package."""
        (tmp_path / PACKAGE).mkdir()
        monkeypatch.delitem(sys.modules, PACKAGE, raising=False)
        monkeypatch.setattr(sys, "path", [str(tmp_path)])
        monkeypatch.setattr(sys, "path_importer_cache", {})

        assert base_folder() is None


class TestTeacher:
    @pytest.fixture
    def installed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A folder of packages with all parts, and no others."""
        folder = tmp_path / "packages"
        write_parts(folder, b"weights")
        monkeypatch.setattr(sys, "path", [str(folder)])
        monkeypatch.setattr("router_extproc.training.base.TEACHER_SHA256", hashlib.sha256(b"weights").hexdigest())
        return folder

    def test_is_put_together(self, installed: Path, tmp_path: Path) -> None:
        """Once: what is there is not made again."""
        assert missing_parts() == []
        path = teacher_weights(tmp_path / "run")
        shutil.rmtree(installed)

        assert path.read_bytes() == b"weights"
        assert teacher_weights(tmp_path / "run") == path
        assert [each.name for each in path.parent.iterdir()] == [path.name]

    def test_parts_that_are_missing(self, installed: Path) -> None:
        """By name."""
        shutil.rmtree(installed / f"{TEACHER_PARTS[2].replace('-', '_')}-0.0.1.dist-info")

        assert missing_parts() == [TEACHER_PARTS[2]]

    def test_other_weights_are_refused(self, installed: Path, tmp_path: Path) -> None:
        """Whoever put them into the package index."""
        assert installed.exists()
        path = teacher_weights(tmp_path)
        path.write_bytes(b"others")

        with pytest.raises(ValueError, match="not the weights that all-mpnet-base-v2 is published with"):
            teacher_weights(tmp_path)
