"""Files: what a policy was made of beside its own file, and whether that changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.encoders.stamps import stamp

if TYPE_CHECKING:
    from pathlib import Path

    from router_extproc.encoders.stamps import Stamp


class Files:
    """Files that one policy reads while it is loaded, as they were then."""

    def __init__(self) -> None:
        self._stamps: dict[Path, Stamp | None] = {}

    def add(self, path: Path) -> Path:
        """Remember a file that is about to be read, or to be missed; the path itself, for reading it."""
        self._stamps.setdefault(path, stamp(path))
        return path

    def changed(self) -> bool:
        """Whether one of them is another one now, is gone, or has come."""
        return any(stamp(path) != before for path, before in self._stamps.items())

    def anew(self) -> Files:
        """The same files as they are now."""
        files = Files()
        for path in self._stamps:
            files.add(path)
        return files

    @property
    def directories(self) -> frozenset[Path]:
        """Where they are, or would be."""
        return frozenset(path.parent for path in self._stamps)
