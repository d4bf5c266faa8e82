"""HTTP/2 for one purpose: gRPC streams from an Envoy beside us (RFC 9113). Bytes in, frames handled; no await, no clock.

A general HTTP/2 and gRPC library spends several times what a routing decision costs. What ext_proc needs of the protocol is small: a
peer that follows the rules, streams of messages in both directions, flow control. Anything else a peer may send is answered as the
RFC says, or ends the connection with the error that the RFC names. The header table is switched off (SETTINGS_HEADER_TABLE_SIZE 0), so
that, once the peer has heard of it, a header block means the same whenever it comes and is decoded once.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import hpack

from router_extproc.extproc.frames import (
    ACK,
    ANSWER,
    COMPRESSION_ERROR,
    CONNECTION_WINDOW,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    GOAWAY,
    GRPC_HEAD,
    HEAD,
    HEADERS,
    INITIAL_WINDOW,
    MAX_FRAME,
    MAX_FRAME_SIZE,
    MAX_HEADER_BLOCK,
    MAX_STREAMS,
    NO_ERROR,
    PADDED,
    PING,
    PING_BYTES,
    PREFACE,
    PRIORITIZED,
    PROTOCOL_ERROR,
    PUSH_PROMISE,
    REFUSED_STREAM,
    RST_STREAM,
    SETTING,
    SETTINGS,
    STREAM_CLOSED,
    TOP,
    U32,
    WINDOW_UPDATE,
    Http2Error,
    decoded,
    fields,
    frame,
    greeting,
    trailers,
    unpadded,
)
from router_extproc.extproc.stream import MessageRefusedError, Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.extproc.stream import StreamEvents


class Connection:
    """One connection's state. `write` gets the bytes to send; `open_stream` gives what listens to a new stream, or None.

    None is for methods that there are not: the stream gets UNIMPLEMENTED.
    """

    def __init__(
        self,
        write: Callable[[bytes], None],
        open_stream: Callable[[Stream, dict[str, str]], StreamEvents | None],
        *,
        max_message: int,
    ) -> None:
        self._write = write
        self._open = open_stream
        self._max_message = max_message
        self._buffer = bytearray()
        self._greeted = False
        self._window = 65_535
        self._initial = 65_535
        self._frame = MAX_FRAME
        self._unread = 0
        self._last = 0
        self._block: tuple[int, int, bytearray] | None = None
        self._blocked: deque[Stream] = deque()
        self._draining = False
        self._decoder: hpack.Decoder | None = hpack.Decoder(max_header_list_size=MAX_HEADER_BLOCK)
        """None once the peer has emptied its header table."""
        self.streams: dict[int, Stream] = {}

    def begin(self) -> None:
        """Send our settings."""
        self._write(greeting())

    def receive(self, data: bytes) -> None:
        """Take bytes from the peer. Raises Http2Error when the connection must end."""
        buffer = self._buffer
        buffer += data
        at = 0
        if not self._greeted:
            if len(buffer) < len(PREFACE):
                return
            if not buffer.startswith(PREFACE):
                raise Http2Error(PROTOCOL_ERROR, "not HTTP/2")
            self._greeted = True
            at = len(PREFACE)
        size = len(buffer)
        while size - at >= HEAD.size:
            high, low, kind, flags, number = HEAD.unpack_from(buffer, at)
            length = high << 8 | low
            if length > MAX_FRAME:
                raise Http2Error(FRAME_SIZE_ERROR, "frame too large")
            if size - at - HEAD.size < length:
                break
            start = at + HEAD.size
            at = start + length
            self._handle(kind, flags, number & TOP, bytes(buffer[start:at]))
        del buffer[:at]

    def _handle(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        if self._block is not None and (kind != CONTINUATION or self._block[0] != number):
            raise Http2Error(PROTOCOL_ERROR, "a header block was not finished")
        if kind == DATA:
            self._data(flags, number, payload)
        elif kind == HEADERS:
            self._headers(flags, number, payload)
        else:
            handler = _HANDLERS.get(kind)
            if handler is not None:
                handler(self, flags, number, payload)

    # What the peer sends

    def _data(self, flags: int, number: int, payload: bytes) -> None:
        if not number:
            raise Http2Error(PROTOCOL_ERROR, "DATA without a stream")
        size = len(payload)
        self._unread += size
        if self._unread > CONNECTION_WINDOW // 2:
            self._write(frame(WINDOW_UPDATE, 0, 0, U32.pack(self._unread)))
            self._unread = 0
        stream = self.streams.get(number)
        if stream is None:
            if number > self._last:
                raise Http2Error(PROTOCOL_ERROR, "DATA on an idle stream")
            return  # of a stream that is over: already counted
        if stream.remote_closed:
            self.reset(stream, STREAM_CLOSED)
            return
        if flags & PADDED:
            payload = unpadded(payload)
        if not stream.take(payload, size):
            self.reset(stream, FLOW_CONTROL_ERROR)
            return
        self._grant(stream)
        self._messages(stream)
        if flags & END_STREAM:
            self._remote_end(stream)

    def _messages(self, stream: Stream) -> None:
        """Hand on each gRPC message that is whole, unless the stream is paused."""
        try:
            while not stream.paused and stream.events is not None and (message := stream.cut(self._max_message)) is not None:
                stream.events.message(message)
        except MessageRefusedError as error:
            self.finish(stream, error.status, str(error))

    def _grant(self, stream: Stream) -> None:
        """Have the peer hear of its window, long before that is used up."""
        granted = stream.grant()
        if granted:
            self._write(frame(WINDOW_UPDATE, 0, stream.number, U32.pack(granted)))

    def _remote_end(self, stream: Stream) -> None:
        stream.remote_closed = True
        if not stream.paused and stream.events is not None:
            stream.events.ended()

    def pause(self, stream: Stream) -> None:
        """Hand on no more messages of a stream, nor their end; its peer may fill the window once. That it is cancelled is told."""
        stream.paused = True

    def resume(self, stream: Stream) -> None:
        """Hand on what came meanwhile, and what comes."""
        stream.paused = False
        self._messages(stream)
        if stream.paused or self.streams.get(stream.number) is not stream:
            return
        if stream.remote_closed:
            self._remote_end(stream)
        else:
            self._grant(stream)

    def _headers(self, flags: int, number: int, payload: bytes) -> None:
        if not number % 2:
            raise Http2Error(PROTOCOL_ERROR, "HEADERS on a stream that is not the peer's to open")
        if flags & PADDED:
            payload = unpadded(payload)
        if flags & PRIORITIZED:
            payload = payload[5:]
        if flags & END_HEADERS:
            self._block_done(flags, number, payload)
        else:
            self._block = (number, flags, bytearray(payload))

    def _continuation(self, flags: int, number: int, payload: bytes) -> None:
        if self._block is None:
            raise Http2Error(PROTOCOL_ERROR, "CONTINUATION of nothing")
        _, begun, block = self._block
        block += payload
        if len(block) > MAX_HEADER_BLOCK:
            raise Http2Error(ENHANCE_YOUR_CALM, "header block too large")
        if flags & END_HEADERS:
            self._block = None
            self._block_done(begun, number, bytes(block))

    def _block_done(self, flags: int, number: int, block: bytes) -> None:
        stream = self.streams.get(number)
        if stream is not None:  # trailers: gRPC clients send none, and they would say nothing
            self._remote_end(stream)
            return
        if number <= self._last:
            return  # trailers of a stream that is over
        self._last = number
        try:
            headers = decoded(block) if self._decoder is None else self._learned(self._decoder, block)
        except hpack.HPACKError as error:
            raise Http2Error(COMPRESSION_ERROR, "header block") from error
        if self._draining or len(self.streams) >= MAX_STREAMS:
            self._write(frame(RST_STREAM, 0, number, U32.pack(REFUSED_STREAM)))
            return
        stream = self.streams[number] = Stream(number, self._initial)
        stream.events = self._open(stream, headers)
        if stream.events is None:
            self.finish(stream, 12, "no such method")
        elif flags & END_STREAM:
            self._remote_end(stream)

    def _learned(self, decoder: hpack.Decoder, block: bytes) -> dict[str, str]:
        """A block's fields while the peer may still use the header table, which it may until it has acknowledged our settings."""
        headers = fields(decoder, block)
        if not decoder.header_table_size:
            self._decoder = None
        return headers

    def _rst(self, _flags: int, number: int, payload: bytes) -> None:
        if len(payload) != U32.size or not number:
            raise Http2Error(FRAME_SIZE_ERROR, "RST_STREAM")
        stream = self.streams.pop(number, None)
        if stream is not None:
            stream.cancel()

    def _settings(self, flags: int, _number: int, payload: bytes) -> None:
        if flags & ACK:
            if self._decoder is not None:
                self._decoder.max_allowed_table_size = 0
            return
        if len(payload) % 6:
            raise Http2Error(FRAME_SIZE_ERROR, "SETTINGS")
        for key, value in SETTING.iter_unpack(payload):
            if key == INITIAL_WINDOW:
                if value > TOP:
                    raise Http2Error(FLOW_CONTROL_ERROR, "SETTINGS_INITIAL_WINDOW_SIZE")
                for stream in self.streams.values():
                    stream.window += value - self._initial
                self._initial = value
            elif key == MAX_FRAME_SIZE:
                self._frame = min(value, 65_536)
        self._write(frame(SETTINGS, ACK, 0))
        self._unblock()

    def _ping(self, flags: int, _number: int, payload: bytes) -> None:
        if len(payload) != PING_BYTES:
            raise Http2Error(FRAME_SIZE_ERROR, "PING")
        if not flags & ACK:
            self._write(frame(PING, ACK, 0, payload))

    def _goaway(self, _flags: int, _number: int, _payload: bytes) -> None:
        """The peer opens no more streams; those that are open go on."""

    def _window_update(self, _flags: int, number: int, payload: bytes) -> None:
        if len(payload) != U32.size:
            raise Http2Error(FRAME_SIZE_ERROR, "WINDOW_UPDATE")
        more = U32.unpack(payload)[0] & TOP
        if not more:
            raise Http2Error(PROTOCOL_ERROR, "WINDOW_UPDATE of nothing")
        if not number:
            self._window += more
            if self._window > TOP:
                raise Http2Error(FLOW_CONTROL_ERROR, "connection window")
        else:
            stream = self.streams.get(number)
            if stream is None:
                return
            stream.window += more
            if stream.window > TOP:
                self.reset(stream, FLOW_CONTROL_ERROR)
                return
        self._unblock()

    def _push(self, _flags: int, _number: int, _payload: bytes) -> None:
        raise Http2Error(PROTOCOL_ERROR, "clients do not push")

    # What we send

    def send(self, stream: Stream, message: bytes) -> None:
        """Send a gRPC message; what flow control holds back follows when it may."""
        if stream.number not in self.streams:
            return
        data = GRPC_HEAD.pack(0, len(message)) + message
        size = len(data)
        head = b""
        if not stream.answered:
            stream.answered = True
            head = frame(HEADERS, END_HEADERS, stream.number, ANSWER)
        if not stream.waiting and size <= MAX_FRAME and size <= stream.window and size <= self._window:
            stream.window -= size
            self._window -= size
            self._write(head + HEAD.pack(size >> 8, size & 0xFF, DATA, 0, stream.number) + data)
            return
        if head:
            self._write(head)
        stream.waiting.append(memoryview(data))
        if not self._pump(stream):
            self._blocked.append(stream)

    def finish(self, stream: Stream, status: int = 0, text: str = "") -> None:
        """End the stream with a gRPC status, after what is still to be sent."""
        if self.streams.get(stream.number) is not stream or stream.finishing is not None:
            return
        head = b"" if stream.answered else ANSWER
        stream.end(head + trailers(status, text))
        if not stream.waiting:
            self._close(stream)

    def _close(self, stream: Stream) -> None:
        data = frame(HEADERS, END_HEADERS | END_STREAM, stream.number, stream.finishing or b"")
        if not stream.remote_closed:
            # The peer need send no more: without this it would keep the stream half open (RFC 9113, 8.1).
            data += frame(RST_STREAM, 0, stream.number, U32.pack(NO_ERROR))
        self._write(data)
        self.streams.pop(stream.number, None)

    def reset(self, stream: Stream, code: int) -> None:
        """Break a stream off."""
        self._write(frame(RST_STREAM, 0, stream.number, U32.pack(code)))
        self.streams.pop(stream.number, None)
        stream.cancel()

    def go_away(self, code: int = NO_ERROR) -> None:
        """Tell the peer to open no more streams; those that are open go on."""
        self._draining = True
        self._write(frame(GOAWAY, 0, 0, U32.pack(self._last) + U32.pack(code)))

    def lost(self) -> None:
        """The connection is gone, and all streams with it."""
        for stream in list(self.streams.values()):
            stream.cancel()
        self.streams.clear()

    def _unblock(self) -> None:
        """Send what waited for a window."""
        for _ in range(len(self._blocked)):
            stream = self._blocked.popleft()
            if stream.number in self.streams and not self._pump(stream):
                self._blocked.append(stream)

    def _pump(self, stream: Stream) -> bool:
        """Send as much as the windows allow; whether nothing is left."""
        while stream.waiting:
            room = min(stream.window, self._window, self._frame)
            if room <= 0:
                return False
            piece = stream.piece(room)
            self._window -= len(piece)
            self._write(frame(DATA, 0, stream.number, piece))
        if stream.finishing is not None:
            self._close(stream)
        return True


_HANDLERS: dict[int, Callable[[Connection, int, int, bytes], None]] = {
    RST_STREAM: Connection._rst,  # noqa: SLF001 - the table of this module's own handlers
    SETTINGS: Connection._settings,  # noqa: SLF001 - as above
    PUSH_PROMISE: Connection._push,  # noqa: SLF001 - as above
    PING: Connection._ping,  # noqa: SLF001 - as above
    GOAWAY: Connection._goaway,  # noqa: SLF001 - as above
    WINDOW_UPDATE: Connection._window_update,  # noqa: SLF001 - as above
    CONTINUATION: Connection._continuation,  # noqa: SLF001 - as above
}
"""Frames of other kinds are ignored, as RFC 9113 (5.5) wants."""
