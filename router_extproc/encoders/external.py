"""External data: weights that an ONNX model keeps in other files, told from its own bytes, as the protobuf wire format lays them out.

onnxruntime maps such files for as long as the model lives: one that is cut short ends the process, one that is overwritten changes the
model that is in use, and a checksum of the model's file says nothing about them. No setting of it refuses them in every version.
"""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST = 10
"""Bytes of a varint."""
_HELD = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
"""By message: the fields in which tensors are, directly or further in."""
_ENTRY, _PLACE = 13, 14
"""Fields of a tensor: what says where its data is, and whether that is another file."""
_KEY, _VALUE = 1, 2
_EXTERNAL = 1


def external_data(path: Path) -> str | None:
    """The name of the first other file that the model's weights are in, if any. None, too, for what is no model. Raises OSError."""
    with path.open("rb") as file:
        if not path.stat().st_size:  # which cannot be mapped
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return next(_locations(data), None)
            except (IndexError, ValueError):  # malformed: onnxruntime says so
                return None


def _locations(data: mmap.mmap) -> Iterator[str]:
    """Of every tensor that is elsewhere. Raises IndexError or ValueError for what is no protobuf."""
    todo = [("model", 0, len(data))]
    while todo:
        message, start, end = todo.pop()
        if message == "tensor":
            yield from _elsewhere(data, start, end)
            continue
        held = _HELD[message]
        todo += [(held[number], first, last) for number, first, last in _fields(data, start, end) if number in held]


def _elsewhere(data: mmap.mmap, start: int, end: int) -> Iterator[str]:
    location, external = "a file without a name", False
    for number, first, last in _fields(data, start, end):
        if number == _PLACE:
            external = data[first:last] == bytes([_EXTERNAL])
        elif number == _ENTRY:
            entry = {field: data[at:to] for field, at, to in _fields(data, first, last)}
            if entry.get(_KEY) == b"location":
                location = entry.get(_VALUE, b"").decode("utf-8", "replace")
    if external:
        yield location


def _fields(data: mmap.mmap, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Each field's number and where its value is."""
    at = start
    while at < end:
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        first = at
        if kind == _VARINT:
            _, at = _varint(data, at)
        elif kind == _BYTES:
            size, first = _varint(data, at)
            at = first + size
        elif kind in {_FIXED32, _FIXED64}:
            at += 4 if kind == _FIXED32 else 8
        else:
            raise ValueError("no field")
        if at > end:
            raise ValueError("a field that goes on beyond its message")
        yield number, first, at


def _varint(data: mmap.mmap, at: int) -> tuple[int, int]:
    """A number, and where it ends."""
    number = 0
    for place in range(_LONGEST):
        byte = data[at + place]
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:  # noqa: PLR2004 - the bit that says that more follow
            return number, at + place + 1
    raise ValueError("no number")
