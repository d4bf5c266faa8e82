"""Entry: one answer that is kept."""

from __future__ import annotations

import msgspec

_OVERHEAD = 400
"""Bytes that an entry takes beside its answer: measured as 350 for its key, its object and its place in the order of use."""


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """An answer as JSON, whatever form it came in; streams are made of it anew."""

    body: bytes
    stored_at: float
    """Unix seconds."""
    expires_at: float
    api: str
    streamed: bool = False
    """Whether it came as a stream."""
    usage: bool = True
    """Whether it tells its tokens."""

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return len(self.body) + _OVERHEAD


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Entry)


def written(entry: Entry) -> bytes:
    """For another process."""
    return _encoder.encode(entry)


def read(data: bytes) -> Entry:
    """What another process wrote. Raises msgspec.DecodeError."""
    return _decoder.decode(data)
