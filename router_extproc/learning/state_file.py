"""State file: what was learned outlives the process. A snapshot, and beside it a journal of what came since.

FILE is replaced as a whole: written beside it, synced, renamed. FILE.journal-N holds what came after snapshot N was begun; feedback is
synced to it before anyone is told that it was kept. At the start the snapshot is read, and the journals from its own number on: whatever
moment a process dies at, each piece of feedback is in exactly one of the two.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import logging
import os
import threading
import zlib
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from router_extproc.learning.event import Event
from router_extproc.learning.hold import Hold
from router_extproc.learning.ledger import MAX_SUMS, Entry, Key
from router_extproc.learning.lesson import Lesson
from router_extproc.learning.sums import size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_log = logging.getLogger(__name__)

MAGIC = b"router-extproc learning 1\n"
"""The format's name and version; a file of another one is not read."""
MAX_BYTES = 512 * 1024 * 1024
"""Of a snapshot or a journal; a larger one is not read."""
MAX_QUEUED = 50_000
"""Records that wait to be written, half a kilobyte each: a second's at most, unless the disk takes nothing."""
_HEAD = 8
_MAX_RECORD = 1024 * 1024
_DIGEST = 32


class Record(msgspec.Struct, frozen=True, array_like=True):
    """One line of the journal: a lesson to remember, or an event to apply."""

    id: str = ""
    lesson: Lesson | None = None
    event: Event | None = None


class _Sums(msgspec.Struct, frozen=True, array_like=True):
    space: str
    arm: str
    epoch: int
    values: bytes


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    id: str
    lesson: Lesson
    told: dict[str, str]


class _Snapshot(msgspec.Struct, frozen=True, array_like=True):
    generation: int
    sums: list[_Sums]
    entries: list[_Entry]
    waiting: list[Event]


@dataclass(frozen=True, slots=True)
class State:
    """All that is kept."""

    sums: Mapping[Key, Floats]
    entries: Mapping[str, Entry]
    waiting: Sequence[Event]
    """Events that the shared store has not been told yet."""
    journal: Sequence[Record] = ()
    """What came after the rest was written, in order."""


class StateFile:
    """One process's. `append` and `begin` are called on one thread; `sync` and `write` block and may be called on another."""

    def __init__(self, path: Path) -> None:
        """Reads nothing yet. Raises OSError if the folder cannot be written, or another process has the file."""
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        self._hold = Hold(path)
        self._generation = 0
        self._journal: FileIO | None = None
        self._unlisted = False
        """Whether the journal's name may not be on the disk yet."""
        self._queue: list[Record] = []
        self._gate = threading.Lock()
        """Held for a moment, around the queue."""
        self._lock = threading.Lock()
        """Held while something is written to the journal."""
        self._snapshots = threading.Lock()
        """Held while a snapshot is written."""
        self._written = 0
        """The newest snapshot's number."""
        self.bytes = 0
        """Of the journal."""

    def load(self) -> State:
        """What was kept. A file that is damaged is set aside as FILE.corrupt, told in the log, and everything starts afresh.

        Raises OSError for one that cannot be read at all: what it holds is not lost yet.
        """
        snapshot = self._snapshot()
        self._generation = snapshot.generation
        records: list[Record] = []
        for number, path in self._journals():
            if number >= snapshot.generation:
                records += _read(path)
                self._generation = max(self._generation, number + 1)
            else:
                path.unlink(missing_ok=True)
        self._open()
        return State(
            {(each.space, each.arm, each.epoch): np.frombuffer(each.values, "<f8") for each in snapshot.sums},
            {each.id: Entry(each.lesson, each.told) for each in snapshot.entries},
            snapshot.waiting,
            records,
        )

    @property
    def full(self) -> bool:
        """Whether it takes no more records: nothing could be written for a long time."""
        return len(self._queue) >= MAX_QUEUED

    def append(self, record: Record) -> None:
        """Have it written at the next `sync`. See `full`."""
        with self._gate:
            self._queue.append(record)

    def _taken(self) -> list[Record]:
        with self._gate:
            records, self._queue = self._queue, []
        return records

    def _returned(self, records: list[Record]) -> None:
        with self._gate:
            self._queue = records + self._queue

    def sync(self) -> None:
        """Write what was appended, and wait until it is on the disk. Raises OSError; what could not be written is tried again next time."""
        with self._lock:
            records = self._taken()
            try:
                self._put(records)
            except OSError:
                self._returned(records)
                raise

    def _put(self, records: list[Record], *, durable: bool = True) -> None:
        """Write all of them or none."""
        journal = self._journal
        if journal is None:
            raise OSError("the journal is closed")
        if not records:
            return
        data = b"".join(map(_framed, records))
        try:
            _write_all(journal, data)
            if durable:
                os.fsync(journal.fileno())
                if self._unlisted:
                    _sync_folder(self._path.parent)
                    self._unlisted = False
        except OSError:
            with suppress(OSError):
                journal.truncate(self.bytes)
                journal.seek(self.bytes)
            raise
        self.bytes += len(data)

    def begin(self) -> int:
        """Begin a journal for what comes from now on; the number of the snapshot that must hold all before. Raises OSError."""
        with self._lock:
            # Somebody may wait for an event in it; lessons nobody waits for.
            records = self._taken()
            try:
                self._put(records, durable=any(record.event is not None for record in records))
            except OSError:
                self._returned(records)
                raise
            if self._journal is not None:
                self._journal.close()
            self._generation += 1
            self._open()
            return self._generation

    def write(self, generation: int, state: State) -> None:
        """Write a snapshot, and then remove the journals that it makes superfluous. Raises OSError; then they stay.

        One at a time: whoever was cancelled while his thread wrote must not write into the next one's file.
        """
        with self._snapshots:
            if generation > self._written:
                self._replace(generation, state)
                self._written = generation

    def _replace(self, generation: int, state: State) -> None:
        snapshot = _Snapshot(
            generation,
            [_Sums(*key, sums.astype("<f8").tobytes()) for key, sums in state.sums.items()],
            [_Entry(identity, entry.lesson, entry.told) for identity, entry in state.entries.items()],
            list(state.waiting),
        )
        payload = msgspec.msgpack.encode(snapshot)
        beside = self._path.with_name(f"{self._path.name}.new")
        with _private(beside) as file:
            _write_all(file, MAGIC + hashlib.sha256(payload).digest() + payload)
            os.fsync(file.fileno())
        beside.replace(self._path)
        _sync_folder(self._path.parent)
        for number, path in self._journals():
            if number < generation:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Write what was appended, and close."""
        with suppress(OSError):
            self.sync()
        with self._lock:
            if self._journal is not None:
                self._journal.close()
                self._journal = None
        self._hold.release()

    def _open(self) -> None:
        path = self._path.with_name(f"{self._path.name}.journal-{self._generation}")
        self._journal = _private(path)
        self.bytes = 0
        self._unlisted = True

    def _journals(self) -> list[tuple[int, Path]]:
        prefix = f"{self._path.name}.journal-"
        found = [(path.name.removeprefix(prefix), path) for path in self._path.parent.glob(f"{glob.escape(prefix)}*")]
        return sorted((int(number), path) for number, path in found if number.isascii() and number.isdigit())

    def _snapshot(self) -> _Snapshot:
        try:
            if self._path.stat().st_size > MAX_BYTES:
                raise ValueError("it is too large")  # noqa: TRY301 - as all that is wrong with it
            return _decoded(self._path.read_bytes())
        except FileNotFoundError:
            return _Snapshot(0, [], [], [])
        except (ValueError, msgspec.MsgspecError) as error:
            aside = self._path.with_name(f"{self._path.name}.corrupt")
            with suppress(OSError):
                self._path.replace(aside)
            for _, path in self._journals():
                with suppress(OSError):
                    path.replace(path.with_name(f"{path.name}.corrupt"))
            _log.error(
                "the learning state in %s cannot be read (%s); it is now %s, and learning starts afresh", self._path, error, aside
            )
            return _Snapshot(0, [], [], [])


def _decoded(data: bytes) -> _Snapshot:
    if not data.startswith(MAGIC):
        raise ValueError("it is no learning state of this version")
    digest, payload = data[len(MAGIC) : len(MAGIC) + _DIGEST], data[len(MAGIC) + _DIGEST :]
    if hashlib.sha256(payload).digest() != digest:
        raise ValueError("its checksum is wrong")
    found = msgspec.msgpack.decode(payload, type=_Snapshot)
    widths = {each.lesson.space.key: each.lesson.space.width for each in found.entries}
    odd = any(len(each.values) % 8 or len(each.values) not in _sizes(widths.get(each.space)) for each in found.sums)
    if odd or len(found.sums) > MAX_SUMS or not all(entry.lesson.sound for entry in found.entries):
        raise ValueError("what it says is not sound")
    return found


def _sizes(width: int | None) -> frozenset[int]:
    """Bytes that sums may have."""
    return frozenset({8 * size(width)}) if width is not None else _ANY


_ANY = frozenset(8 * size(width) for width in range(2, 67))


def _framed(record: Record) -> bytes:
    payload = msgspec.msgpack.encode(record)
    return len(payload).to_bytes(4, "little") + zlib.crc32(payload).to_bytes(4, "little") + payload


def _read(path: Path) -> Iterator[Record]:
    """The records up to the end, or up to the first that is cut or damaged: what came after it was never acknowledged."""
    if path.stat().st_size > MAX_BYTES:
        _log.error("the journal %s is too large to be read", path)
        return
    data = path.read_bytes()
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "little")
        payload = data[at + _HEAD : at + _HEAD + length]
        whole = len(payload) == length <= _MAX_RECORD and len(data) >= at + _HEAD
        if not whole or zlib.crc32(payload).to_bytes(4, "little") != data[at + 4 : at + _HEAD]:
            _log.warning("the journal %s ends with %d bytes that were not written whole", path, len(data) - at)
            return
        try:
            yield msgspec.msgpack.decode(payload, type=Record)
        except msgspec.MsgspecError:
            _log.warning("the journal %s holds a record of another version", path)
            return
        at += _HEAD + length


def _private(path: Path) -> FileIO:
    """An empty file for nobody else to read: features tell roughly what prompts were about.

    Unbuffered, so that a failed write leaves nothing behind that a later one would repeat.
    """
    return FileIO(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600))


def _write_all(file: FileIO, data: bytes) -> None:
    """Write all of it: a file without a buffer may take less at a time."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _sync_folder(folder: Path) -> None:
    """Have the folder's entries on the disk: a file that was renamed is found under its new name after a crash."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
