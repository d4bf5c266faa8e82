"""HTTP/1.1: the little of it that the load generators and the benchmark's model server need."""

from __future__ import annotations

from typing import NamedTuple

HEAD_END = b"\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


class BodyEnd(NamedTuple):
    """How the end of a message's body is known."""

    length: int
    """Its bytes, where they are known."""
    chunked: bool


def body_end(head: bytes) -> BodyEnd:
    """What the headers say of the body's length; a message without a word about it has none."""
    length, chunked = 0, False
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            length = int(value)
        elif name == b"transfer-encoding":
            chunked = b"chunked" in value
    return BodyEnd(length, chunked)


class Dechunker:
    """Takes chunked transfer coding off. A chunk that is not whole waits."""

    def __init__(self) -> None:
        self._rest = b""
        self.over = False
        """Whether the last chunk came."""

    def feed(self, data: bytes) -> bytes:
        """The bytes of the chunks that these bytes complete."""
        self._rest += data
        passed: list[bytes] = []
        while not self.over:
            line = self._rest.find(b"\r\n")
            size = int(self._rest[:line].partition(b";")[0], 16) if line > 0 else -1
            end = line + 2 + size
            if size < 0 or len(self._rest) < end + 2:
                break
            passed.append(self._rest[line + 2 : end])
            self._rest = self._rest[end + 2 :]
            self.over = size == 0
        return b"".join(passed)


def chunk(data: bytes) -> bytes:
    """The bytes as one chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)
