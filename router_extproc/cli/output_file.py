"""Output file: a file that a command makes, there as a whole or not at all."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from router_extproc.cli.console import fail
from router_extproc.cli.exits import Exit

if TYPE_CHECKING:
    from pathlib import Path


def check_place(target: Path) -> None:
    """Before the work, not after it: end the program if there is no place for the file. Renaming over a device would destroy it."""
    if str(target) == "-" or (target.exists() and not target.is_file()):
        fail(Exit.USAGE, f"--output takes a file, {target} is none")
    if not target.parent.is_dir():
        fail(Exit.INPUT, f"{target.parent}: no such folder")


def replaced(path: Path, content: bytes) -> None:
    """Write a file such that whoever reads it sees the old content or the new, never a part. Ends the program if it cannot."""
    place = path.resolve()
    fresh = place.with_name(f".{place.name}.{os.getpid()}.new")
    try:
        with fresh.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if place.exists():
            shutil.copymode(place, fresh)
        fresh.replace(place)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        fail(Exit.INPUT, f"{path}: cannot be written: {error.strerror or error}")
