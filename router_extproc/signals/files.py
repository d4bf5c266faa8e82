"""Files: what a policy was made of beside its own file, and whether that changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.encoders.cache import Cache, key_of
from router_extproc.encoders.manifest import sha256
from router_extproc.encoders.stamps import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from router_extproc.encoders.stamps import Stamp

MISSING = "missing"
"""In place of the sum of a file that cannot be read."""
_REMEMBERED = 256


class Sums:
    """SHA-256 of files. One that stays the same is not read again: a reload costs nothing for a large model. Safe from several threads."""

    def __init__(self) -> None:
        self._known: Cache[str] = Cache(_REMEMBERED)

    def of(self, path: Path) -> str:
        """The sum in hexadecimal digits, or MISSING."""
        found = stamp(path)
        if found is None:
            return MISSING
        key = key_of(str(path), *map(str, found))
        known = self._known.get(key)
        if known is None:
            try:
                known = sha256(path)
            except OSError:
                return MISSING
            if stamp(path) == found:
                self._known.put(key, known)
        return known


class Files:
    """Files that one policy reads while it is loaded, as they were then."""

    def __init__(self, sums: Sums | None = None) -> None:
        self._sums = sums or Sums()
        self._stamps: dict[Path, Stamp | None] = {}
        self._secret: set[Path] = set()

    def add(self, path: Path) -> Path:
        """Remember a file that is about to be read, or to be missed; the path itself, for reading it."""
        self._stamps.setdefault(path, stamp(path))
        return path

    def add_secret(self, path: Path) -> Path:
        """The same for a file whose sum must not be told: who knows it could try secrets against it."""
        self._secret.add(path)
        return self.add(path)

    def sums(self) -> Mapping[str, str]:
        """SHA-256 of each file as it is now, by its path, in the order in which they were added. Secrets are left out."""
        return {str(path): self._sums.of(path) for path in self._stamps if path not in self._secret}

    def secret_sums(self) -> Mapping[str, str]:
        """Those of secrets, to compare and never to show."""
        return {str(path): self._sums.of(path) for path in self._stamps if path in self._secret}

    def another(self) -> Files:
        """Those of one more policy: none yet."""
        return Files(self._sums)

    def changed(self) -> bool:
        """Whether one of them is another one now, is gone, or has come."""
        return any(stamp(path) != before for path, before in self._stamps.items())

    def anew(self) -> Files:
        """The same files as they are now."""
        files = self.another()
        for path in self._stamps:
            (files.add_secret if path in self._secret else files.add)(path)
        return files

    @property
    def directories(self) -> frozenset[Path]:
        """Where they are, or would be."""
        return frozenset(path.parent for path in self._stamps)
