"""Where the base model is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from router_extproc.training.base import PACKAGE, base_folder

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


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
