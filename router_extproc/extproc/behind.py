"""Behind: what came of a stream while a piece of its response is looked through, in its order."""

from __future__ import annotations

from collections import deque

MOST = 1024 * 1024
"""Bytes that wait here, and one message more; then the peer may fill its window of the stream (16 MB), and waits. Envoy itself lets no
more than its buffer of a stream go unanswered (`per_connection_buffer_limit_bytes`, 11 MB in our files); other peers need not."""
_EACH = 128
"""Bytes that a message takes beside its own."""


class Behind:
    """Messages, each with when it came."""

    __slots__ = ("_size", "_waiting")

    def __init__(self) -> None:
        self._waiting: deque[tuple[bytes | None, float]] = deque()
        self._size = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether no more should come."""
        return self._size >= MOST

    def add(self, data: bytes | None, received: float) -> None:
        """One more; None for the end of them."""
        self._waiting.append((data, received))
        self._size += _EACH + len(data or b"")

    def next(self) -> tuple[bytes | None, float]:
        """Take the first."""
        data, received = self._waiting.popleft()
        self._size -= _EACH + len(data or b"")
        return data, received

    def clear(self) -> None:
        """Forget them."""
        self._waiting.clear()
        self._size = 0
