"""Staged: a bundle is made in a folder of its own, and takes its place only when it is whole. Needs no torch."""

from __future__ import annotations

import shutil
from contextlib import contextmanager, suppress
from secrets import token_hex
from typing import TYPE_CHECKING

from router_extproc.encoders.bundle import Bundle
from router_extproc.encoders.manifest import FILE_NAME, BundleError, read_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A new folder to make a bundle in, whose files are `folder`'s in the end; what ends the work before that leaves `folder` as it was.

    What was made is loaded first. Other files of `folder` stay, but for those of the bundle that was there. Raises OSError, BundleError.
    """
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Within `folder` if that is there: its parent may be another file system, or not ours. By chance: in a container, each run has one PID.
    place = (folder if folder.is_dir() else folder.parent) / f".{folder.name}.{token_hex(4)}.new"
    place.mkdir()
    try:
        yield place
        Bundle(place)
        if folder.is_dir():
            _put(place, folder)
        else:
            place.rename(folder)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def copied(bundle: Path, folder: Path) -> None:
    """Copy a bundle's files, and those that its owner put beside them. Raises OSError."""
    for path in bundle.iterdir():
        if path.is_file():
            shutil.copyfile(path, folder / path.name)


def _put(place: Path, folder: Path) -> None:
    """File by file, the manifest last: until it is there, the old one's SHA-256 tell that the files are another's."""
    old, made = set(), set(read_manifest(place).files)
    with suppress(BundleError):
        old = set(read_manifest(folder).files)
    for path in sorted(place.iterdir(), key=lambda path: path.name == FILE_NAME):
        target = folder / path.name
        if target.exists():
            shutil.copymode(target, path)  # who could read the old one can read the new one
        path.replace(target)
    for path in map(folder.joinpath, old - made):
        if path.parent == folder:
            path.unlink(missing_ok=True)
