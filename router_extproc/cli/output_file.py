"""Output file: a file that a command makes, there as a whole or not at all; and whether there is a place for what it will write."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING

from router_extproc.cli.console import fail
from router_extproc.cli.exits import Exit

if TYPE_CHECKING:
    from pathlib import Path


def check_place(target: Path) -> None:
    """Before the work, not after it: end the program if the file cannot be made. Renaming over a device would destroy it."""
    try:
        if str(target) == "-" or (target.exists() and not target.is_file()):
            fail(Exit.USAGE, f"--output takes a file, {target} is none")
        if not target.parent.is_dir():
            fail(Exit.INPUT, f"{target.parent}: no such folder")
        fresh = _beside(target.resolve())
        fresh.open("xb").close()
        fresh.unlink()
    except OSError as error:
        fail(Exit.INPUT, unwritten(target, error))


def check_folder(folder: Path, *names: str) -> None:
    """The same for files of these names in a folder that is made where it is not there. Leaves nothing behind."""
    try:
        place = next(each for each in (folder, *folder.parents) if each.exists())
        if not place.is_dir():
            fail(Exit.INPUT, f"{folder}: cannot be written: {place} is no folder")
        with tempfile.TemporaryFile(dir=place):
            pass
        for path in map(folder.joinpath, names):
            if path.is_dir():
                fail(Exit.INPUT, f"{path}: cannot be written: it is a folder")
            if path.exists() and not os.access(path, os.W_OK):
                fail(Exit.INPUT, f"{path}: cannot be written")
    except OSError as error:
        fail(Exit.INPUT, unwritten(folder, error))


def replaced(path: Path, content: bytes) -> str:
    """Write a file such that whoever reads it sees the old content or the new, never a part. Tells why it could not be; empty if it was."""
    place = path.resolve()
    fresh = _beside(place)
    try:
        with fresh.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if place.exists():
            shutil.copymode(place, fresh)
        fresh.replace(place)
    except OSError as error:
        with suppress(OSError):  # a place that cannot be written cannot be tidied either
            fresh.unlink(missing_ok=True)
        return unwritten(path, error)
    return ""


def unwritten(path: Path | str, error: OSError) -> str:
    """What to say of a file that could not be written, or of one in that folder."""
    return f"{path}: cannot be written: {error.strerror or error}"


def _beside(place: Path) -> Path:
    return place.with_name(f".{place.name}.{os.getpid()}.new")
