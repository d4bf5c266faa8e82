"""Memory: answers in this process, by least recent use, within a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router_extproc.cache.entry import Entry


class MemoryEntries:
    """Entries by key. Used by one thread."""

    def __init__(self) -> None:
        self._entries: OrderedDict[bytes, Entry] = OrderedDict()
        self.bytes = 0
        """Taken by all of them."""

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: bytes, now: float) -> Entry | None:
        """The entry, if there is one that has not expired."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.expires_at <= now:
            self.remove(key)
            return None
        self._entries.move_to_end(key)
        return entry

    def put(self, key: bytes, entry: Entry) -> None:
        """Keep an entry, in place of an earlier one."""
        self.remove(key)
        self._entries[key] = entry
        self.bytes += entry.size

    def remove(self, key: bytes) -> None:
        """Forget an entry, if it is there."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.bytes -= entry.size

    def oldest(self) -> bytes | None:
        """The key of the entry that was not used for longest."""
        return next(iter(self._entries), None)

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()
        self.bytes = 0
