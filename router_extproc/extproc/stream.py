"""Stream: one HTTP/2 stream that carries a gRPC call, and what listens to it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from router_extproc.extproc.frames import GRPC_HEAD, WINDOW


class MessageRefusedError(Exception):
    """A message that is not taken; the stream ends with this gRPC status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class StreamEvents(Protocol):
    """What happens on one stream; called in order, must not raise."""

    def message(self, data: bytes, /) -> None:
        """A whole gRPC message came."""
        ...

    def ended(self) -> None:
        """The peer will send no more."""
        ...

    def cancelled(self) -> None:
        """The stream is over, whatever was still to be sent."""
        ...


@dataclass(slots=True, eq=False)
class Stream:
    """One stream's state."""

    number: int
    window: int
    """Bytes that we may still send."""
    events: StreamEvents | None = None
    received: bytearray = field(default_factory=bytearray)
    unread: int = 0
    """Bytes that came since the peer last heard of its window."""
    waiting: deque[memoryview] = field(default_factory=deque)
    """What flow control holds back; views, because a large message goes out in hundreds of pieces."""
    answered: bool = False
    remote_closed: bool = False
    finishing: bytes | None = None
    """Trailers that follow what waits."""
    paused: bool = False
    """Whether what comes waits here, undivided; the peer hears no more of its window."""

    def take(self, payload: bytes, size: int) -> bool:
        """Take what came, `size` bytes by the peer's window; False if that had no room for it."""
        self.unread += size
        if self.events is not None:  # else nobody reads it
            self.received += payload
        return self.unread <= WINDOW

    def cut(self, most: int) -> bytes | None:
        """The next gRPC message, of `most` bytes at most; None before it is whole. Raises MessageRefusedError."""
        received, prefix = self.received, GRPC_HEAD.size
        if len(received) < prefix:
            return None
        compressed, length = GRPC_HEAD.unpack_from(received)
        if compressed or length > most:
            raise MessageRefusedError(12 if compressed else 8, "message compressed or too large")
        if len(received) < prefix + length:
            return None
        message = bytes(memoryview(received)[prefix : prefix + length])
        del received[: prefix + length]
        return message

    def end(self, block: bytes) -> None:
        """It ends with this header block once all is sent; what still comes is not read."""
        self.finishing, self.events, self.paused = block, None, False
        self.received.clear()

    def cancel(self) -> None:
        """It is over, whatever was still to come or to be sent."""
        self.received.clear()
        if self.events is not None:
            self.events.cancelled()

    def piece(self, room: int) -> bytes:
        """The next piece of what waits to be sent."""
        data = self.waiting[0]
        piece = bytes(data[:room])
        self.window -= len(piece)
        if len(piece) == len(data):
            self.waiting.popleft()
        else:
            self.waiting[0] = data[room:]
        return piece

    def grant(self) -> int:
        """Bytes of the window that the peer is to be given back; 0 while that can wait, or the stream is paused."""
        if self.paused or self.unread <= WINDOW // 2:
            return 0
        granted, self.unread = self.unread, 0
        return granted
