"""Stream: one HTTP/2 stream that carries a gRPC call, and what listens to it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Protocol


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
