"""Frames: the pieces of which HTTP/2 is made (RFC 9113, section 6), and header blocks (RFC 7541)."""

from __future__ import annotations

import struct
from functools import lru_cache

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
MAX_FRAME = 16_384
WINDOW = 16 * 1024 * 1024
"""Bytes that a peer may send on one stream before it hears from us."""
CONNECTION_WINDOW = 256 * 1024 * 1024
MAX_HEADER_BLOCK = 64 * 1024
MAX_STREAMS = 10_000

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITIZED = 0x20

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR = 0, 1, 2, 3
STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 5, 6, 7, 8, 9, 11

HEAD = struct.Struct(">HBBBL")
U32 = struct.Struct(">L")
SETTING = struct.Struct(">HL")
INITIAL_WINDOW, MAX_FRAME_SIZE = 4, 5
GRPC_HEAD = struct.Struct(">BL")
PING_BYTES = 8
TOP = 0x7FFFFFFF


class Http2Error(Exception):
    """The peer broke a rule; the connection ends with this error code."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A frame."""
    size = len(payload)
    return HEAD.pack(size >> 8, size & 0xFF, kind, flags, stream) + payload


def greeting() -> bytes:
    """Our settings: no header table, and windows that hold a body."""
    settings = ((1, 0), (3, MAX_STREAMS), (INITIAL_WINDOW, WINDOW), (6, MAX_HEADER_BLOCK))
    more = U32.pack(CONNECTION_WINDOW - 65_535)
    return frame(SETTINGS, 0, 0, b"".join(SETTING.pack(*each) for each in settings)) + frame(WINDOW_UPDATE, 0, 0, more)


def _literal(name: bytes, value: bytes) -> bytes:
    """A header field that enters no table (RFC 7541, 6.2.2). Name and value are shorter than 127 bytes."""
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


ANSWER = b"\x88" + _literal(b"content-type", b"application/grpc")
"""`:status: 200` (index 8) and the content type."""


@lru_cache(maxsize=64)
def trailers(status: int, text: str) -> bytes:
    """The header block that ends a gRPC call."""
    block = _literal(b"grpc-status", str(status).encode())
    return block + (_literal(b"grpc-message", text.encode()[:100]) if text else b"")


@lru_cache(maxsize=256)
def decoded(block: bytes) -> dict[str, str]:
    """A header block's fields. Without a dynamic table a block means the same each time."""
    decoder = hpack.Decoder(max_header_list_size=MAX_HEADER_BLOCK)
    decoder.header_table_size = decoder.max_allowed_table_size = 0
    return fields(decoder, block)


def fields(decoder: hpack.Decoder, block: bytes) -> dict[str, str]:
    """A header block's fields, by that decoder. Raises hpack.HPACKError."""
    return {str(name, "latin-1"): str(value, "latin-1") for name, value in decoder.decode(block, raw=True)}


def unpadded(payload: bytes) -> bytes:
    """A padded frame's content. Raises Http2Error."""
    padding = payload[0] if payload else 256
    if padding >= len(payload):
        raise Http2Error(PROTOCOL_ERROR, "padding")
    return payload[1 : len(payload) - padding]
