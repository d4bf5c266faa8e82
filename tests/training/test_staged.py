"""A bundle takes its place when it is whole, and not before."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from tiny_bundle import seal

from router_extproc.encoders.bundle import BACKGROUND, Bundle
from router_extproc.encoders.manifest import FILE_NAME, BundleError, read_manifest
from router_extproc.training.notes import note
from router_extproc.training.staged import copied, staged

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def old(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A bundle, of version 1, with a file that its owner put beside it."""
    folder = shutil.copytree(tiny_bundle, tmp_path / "old")
    (folder / "LICENSE").write_text("mine")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class TestStaged:
    @pytest.mark.parametrize("name", [pytest.param("new", id="no folder yet"), pytest.param("a/b", id="nor the one above it")])
    def test_makes_the_folder(self, old: Path, tmp_path: Path, name: str) -> None:
        """In one rename."""
        with staged(tmp_path / name) as place:
            copied(old, place)
            assert not (tmp_path / name).exists()

        assert contents(tmp_path / name) == contents(old)

    def test_replaces_what_is_there(self, tiny_bundle: Path, old: Path) -> None:
        """Until the end the old one can be loaded; then the new one. What is not a bundle's stays, and nothing is left beside it."""
        with staged(old) as place:
            copied(tiny_bundle, place)
            seal(place, version="2")
            assert Bundle(old).manifest.version == "1"

        assert Bundle(old).manifest.version == "2"
        assert set(contents(old)) == {*contents(tiny_bundle), "LICENSE"}
        assert [path.name for path in old.parent.iterdir()] == ["old"]

    def test_takes_away_what_only_the_old_one_had(self, tiny_bundle: Path, old: Path) -> None:
        """Files that its manifest names, and no others, whatever a manifest says."""
        shutil.copyfile(old / BACKGROUND, old / "more.npy")
        shutil.copyfile(old / BACKGROUND, old.parent / "not.npy")
        manifest = json.loads((old / FILE_NAME).read_text())
        entry = manifest["files"][BACKGROUND]
        manifest["files"] |= {"more.npy": entry, "../not.npy": entry}
        (old / FILE_NAME).write_text(json.dumps(manifest))
        with staged(old) as place:
            copied(tiny_bundle, place)

        assert set(contents(old)) == {*contents(tiny_bundle), "LICENSE"}
        assert (old.parent / "not.npy").exists()

    @pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, MemoryError])
    @pytest.mark.parametrize("there", [pytest.param(True, id="over a bundle"), pytest.param(False, id="in a new place")])
    def test_what_ends_the_work_leaves_all_as_it_was(
        self, tiny_bundle: Path, old: Path, error: type[BaseException], *, there: bool
    ) -> None:
        """The old one or nothing."""
        folder, before = old if there else old.parent / "new", contents(old.parent)

        def made() -> None:
            with staged(folder) as place:
                copied(tiny_bundle, place)
                seal(place, version="2")
                raise error

        with pytest.raises(error):
            made()
        assert contents(old.parent) == before
        assert [path.name for path in old.parent.iterdir()] == ["old"]

    def test_what_cannot_be_loaded_takes_no_place(self, tiny_bundle: Path, old: Path) -> None:
        """However it was made."""
        before = contents(old.parent)

        def made() -> None:
            with staged(old) as place:
                copied(tiny_bundle, place)
                data = (place / BACKGROUND).read_bytes()
                (place / BACKGROUND).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))

        with pytest.raises(BundleError, match="SHA-256"):
            made()
        assert contents(old.parent) == before

    def test_who_could_read_it_still_can(self, tiny_bundle: Path, old: Path) -> None:
        """Files keep what was allowed of the old ones."""
        (old / FILE_NAME).chmod(0o640)
        with staged(old) as place:
            copied(tiny_bundle, place)

        assert (old / FILE_NAME).stat().st_mode & 0o777 == 0o640

    def test_of_a_link_the_folder_is_replaced(self, tiny_bundle: Path, old: Path) -> None:
        """And the link stays."""
        link = old.parent / "link"
        link.symlink_to(old)
        with staged(link) as place:
            copied(tiny_bundle, place)
            seal(place, version="2")

        assert link.is_symlink()
        assert read_manifest(old).version == "2"


class TestNote:
    def test_replaces_the_manifest(self, old: Path) -> None:
        """A router that watches it never reads a part of it: the file that it may have open is another one."""
        recipe = {"layers": [0], "licence": "shipped", "inner": 768, "teacher_steps": 0}
        seal(old, training={"base": "b", "recipe": recipe, "examples": {}, "sources": {}}, evaluation={"int8_vs_fp32": {}})
        (old / FILE_NAME).chmod(0o640)
        with (old / FILE_NAME).open("rb") as opened:
            before = (old / FILE_NAME).read_bytes()
            note(old, {"floors": []})
            assert opened.read() == before

        assert read_manifest(old).evaluation == {"int8_vs_fp32": {}, "floors": []}
        assert (old / FILE_NAME).stat().st_mode & 0o777 == 0o640
        assert not list(old.glob(".*"))
