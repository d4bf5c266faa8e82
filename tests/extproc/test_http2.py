"""HTTP/2: frames in, frames out."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import hpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router_extproc.extproc import frames as http2
from router_extproc.extproc.frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    MAX_FRAME,
    PADDED,
    PING,
    PREFACE,
    PRIORITIZED,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Http2Error,
    frame,
)
from router_extproc.extproc.http2 import Connection

if TYPE_CHECKING:
    from router_extproc.extproc.stream import Stream

FIELDS = [(":method", "POST"), (":scheme", "http"), (":path", "/good"), (":authority", "x"), ("content-type", "application/grpc")]
MAX_MESSAGE = 100_000


@dataclass
class Listener:
    """Remembers what happens on a stream; echoes each message."""

    peer: Peer
    stream: Stream
    messages: list[bytes] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    pauses: bool = False
    """Whether it pauses the stream after each message."""

    def message(self, data: bytes, /) -> None:
        self.messages.append(data)
        if self.pauses:
            self.peer.connection.pause(self.stream)
        self.peer.connection.send(self.stream, data)

    def ended(self) -> None:
        self.ends.append("ended")
        self.peer.connection.finish(self.stream)

    def cancelled(self) -> None:
        self.ends.append("cancelled")


class Peer:
    """The other side: makes frames, and reads those that come back."""

    def __init__(self, *, greet: bool = True) -> None:
        self.out: list[bytes] = []
        self.listeners: dict[int, Listener] = {}
        self.connection = Connection(self.out.append, self._open, max_message=MAX_MESSAGE)
        self.connection.begin()
        self.encoder = hpack.Encoder()
        if greet:
            self.connection.receive(PREFACE + frame(SETTINGS, 0, 0) + frame(SETTINGS, ACK, 0))
            self.encoder.header_table_size = 0
        self.read()

    def _open(self, stream: Stream, headers: dict[str, str]) -> Listener | None:
        if headers.get(":path") != "/good":
            return None
        self.listeners[stream.number] = Listener(self, stream)
        return self.listeners[stream.number]

    def send(self, *frames: bytes) -> list[tuple[int, int, int, bytes]]:
        """Send frames; the frames that come back, as (kind, flags, stream, payload)."""
        self.connection.receive(b"".join(frames))
        return self.read()

    def read(self) -> list[tuple[int, int, int, bytes]]:
        """What was sent to us since the last time."""
        data, found, at = b"".join(self.out), [], 0
        self.out.clear()
        while at < len(data):
            length = int.from_bytes(data[at : at + 3])
            kind, flags, number = struct.unpack(">BBL", data[at + 3 : at + 9])
            found.append((kind, flags, number, data[at + 9 : at + 9 + length]))
            at += 9 + length
        return found

    def headers(self, number: int = 1, *, flags: int = END_HEADERS, path: str = "/good") -> bytes:
        """A request."""
        fields = [(name, path if name == ":path" else value) for name, value in FIELDS]
        return frame(HEADERS, flags, number, self.encoder.encode(fields))


def message(data: bytes) -> bytes:
    """A gRPC message."""
    return b"\x00" + struct.pack(">L", len(data)) + data


def kinds(frames: list[tuple[int, int, int, bytes]]) -> list[int]:
    """Of frames."""
    return [kind for kind, *_ in frames]


def echoed(frames: list[tuple[int, int, int, bytes]]) -> bytes:
    """The bytes of all DATA frames."""
    return b"".join(payload for kind, _, _, payload in frames if kind == DATA)


class TestConversation:
    def test_a_call_gets_headers_data_and_trailers(self) -> None:
        """As gRPC over HTTP/2 has it."""
        peer = Peer()

        back = peer.send(peer.headers(), frame(DATA, END_STREAM, 1, message(b"hello")))

        assert kinds(back) == [HEADERS, DATA, HEADERS]
        assert hpack.Decoder().decode(back[0][3]) == [(":status", "200"), ("content-type", "application/grpc")]
        assert back[1][3] == message(b"hello")
        assert hpack.Decoder().decode(back[2][3]) == [("grpc-status", "0")]
        assert back[2][1] == END_HEADERS | END_STREAM
        assert peer.connection.streams == {}

    def test_messages_may_be_cut_anywhere(self) -> None:
        """Into frames, and frames into pieces."""
        peer = Peer()
        data = message(b"first") + message(b"") + message(b"x" * 1000)
        peer.send(peer.headers(), *(frame(DATA, 0, 1, data[at : at + 7]) for at in range(0, len(data), 7)))

        assert peer.listeners[1].messages == [b"first", b"", b"x" * 1000]

    def test_several_calls_at_once(self) -> None:
        """Their frames are mixed."""
        peer = Peer()
        half = message(b"hello")
        peer.send(
            peer.headers(1), peer.headers(3), frame(DATA, 0, 3, half[:4]), frame(DATA, 0, 1, half), frame(DATA, 0, 3, half[4:])
        )

        assert [listener.messages for listener in peer.listeners.values()] == [[b"hello"], [b"hello"]]

    def test_an_unknown_method_is_unimplemented(self) -> None:
        """Status 12, at once, and the peer need send no more."""
        peer = Peer()

        back = peer.send(peer.headers(path="/bad"))

        assert ("grpc-status", "12") in hpack.Decoder().decode(back[0][3])
        assert back[1][0] == RST_STREAM

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(b"\x01\x00\x00\x00\x01x", id="compressed"),
            pytest.param(b"\x00" + struct.pack(">L", MAX_MESSAGE + 1), id="large"),
        ],
    )
    def test_messages_that_cannot_be_taken_end_the_call(self, data: bytes) -> None:
        """And no other."""
        peer = Peer()

        back = peer.send(peer.headers(), frame(DATA, 0, 1, data), peer.headers(3), frame(DATA, 0, 3, message(b"a")))

        assert peer.listeners[1].messages == []
        assert peer.listeners[3].messages == [b"a"]
        assert any(kind == RST_STREAM and number == 1 for kind, _, number, _ in back)

    def test_a_reset_cancels(self) -> None:
        """What comes later for that stream is dropped."""
        peer = Peer()

        back = peer.send(peer.headers(), frame(RST_STREAM, 0, 1, b"\0\0\0\x08"), frame(DATA, 0, 1, message(b"late")))

        assert peer.listeners[1].ends == ["cancelled"]
        assert back == []

    def test_a_lost_connection_cancels_all(self) -> None:
        """Each once."""
        peer = Peer()
        peer.send(peer.headers(1), peer.headers(3))

        peer.connection.lost()

        assert [listener.ends for listener in peer.listeners.values()] == [["cancelled"], ["cancelled"]]

    def test_trailers_of_the_callers_end_its_side(self) -> None:
        """Though gRPC clients send none."""
        peer = Peer()
        peer.send(peer.headers(), peer.headers(flags=END_HEADERS | END_STREAM))

        assert peer.listeners[1].ends == ["ended"]

    def test_after_going_away_new_calls_are_refused(self) -> None:
        """Those that are open go on."""
        peer = Peer()
        peer.send(peer.headers(1))
        peer.connection.go_away()

        back = peer.send(peer.headers(3), frame(DATA, 0, 1, message(b"a")))

        assert (back[0][0], back[1][0]) == (GOAWAY, RST_STREAM)
        assert peer.listeners[1].messages == [b"a"]


class TestHeaders:
    def test_may_be_continued(self) -> None:
        """In any number of frames."""
        peer = Peer()
        block = peer.encoder.encode(FIELDS)
        pieces = [frame(CONTINUATION, 0, 1, block[4:8]), frame(CONTINUATION, END_HEADERS, 1, block[8:])]
        peer.send(frame(HEADERS, 0, 1, block[:4]), *pieces)

        assert 1 in peer.listeners

    def test_may_be_padded_and_prioritized(self) -> None:
        """Both are skipped."""
        peer = Peer()
        block = peer.encoder.encode(FIELDS)
        peer.send(frame(HEADERS, END_HEADERS | PADDED | PRIORITIZED, 1, b"\x03" + b"\0\0\0\0\x10" + block + b"\0\0\0"))
        peer.send(frame(DATA, PADDED, 1, b"\x02" + message(b"a") + b"\0\0"))

        assert peer.listeners[1].messages == [b"a"]

    def test_may_use_the_table_until_our_settings_are_known(self) -> None:
        """A peer sends requests before it has heard of us; later blocks are small and mean the same."""
        peer = Peer(greet=False)
        peer.connection.receive(PREFACE + frame(SETTINGS, 0, 0))
        peer.send(peer.headers(1), peer.headers(3))
        peer.encoder.header_table_size = 0
        peer.send(frame(SETTINGS, ACK, 0), peer.headers(5), peer.headers(7))

        assert list(peer.listeners) == [1, 3, 5, 7]

    def test_a_table_that_is_not_emptied_is_an_error(self) -> None:
        """The peer said that it had heard."""
        peer = Peer(greet=False)
        peer.connection.receive(PREFACE + frame(SETTINGS, 0, 0))
        peer.send(peer.headers(1), frame(SETTINGS, ACK, 0))

        with pytest.raises(Http2Error) as caught:
            peer.send(peer.headers(3))

        assert caught.value.code == http2.COMPRESSION_ERROR


class TestFlowControl:
    def test_holds_back_what_does_not_fit(self) -> None:
        """Of a stream's window, and of the connection's."""
        peer = Peer()
        size = 90_000
        data = message(b"x" * size)
        frames = [frame(DATA, 0, 1, data[at : at + MAX_FRAME]) for at in range(0, len(data), MAX_FRAME)]

        back = peer.send(peer.headers(), *frames, frame(DATA, END_STREAM, 1))
        assert len(echoed(back)) == 65_535
        assert max(len(payload) for *_, payload in back) <= MAX_FRAME
        assert kinds(back)[-1] == DATA

        back = peer.send(frame(WINDOW_UPDATE, 0, 1, struct.pack(">L", 50_000)))
        assert back == []
        back = peer.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">L", 50_000)))
        assert len(echoed(back)) == size + 5 - 65_535
        assert kinds(back)[-1] == HEADERS
        assert peer.connection.streams == {}

    def test_the_initial_window_changes_open_streams(self) -> None:
        """As SETTINGS say."""
        peer = Peer()
        setting = struct.pack(">HL", 4, 10)
        peer.send(frame(SETTINGS, 0, 0, setting), peer.headers())

        back = peer.send(frame(DATA, 0, 1, message(b"x" * 20)))
        assert len(echoed(back)) == 10
        back = peer.send(frame(SETTINGS, 0, 0, struct.pack(">HL", 4, 100)))
        assert len(echoed(back)) == 15

    def test_the_peer_hears_of_what_was_read(self) -> None:
        """Long before its window is used up."""
        peer = Peer()
        peer.send(peer.headers())
        sent = 0
        updates = []
        while not updates:
            piece = message(b"x" * (MAX_FRAME - 5))
            sent += len(piece)
            updates = [each for each in peer.send(frame(DATA, 0, 1, piece)) if each[0] == WINDOW_UPDATE]

        assert sent <= http2.WINDOW // 2 + MAX_FRAME
        assert struct.unpack(">L", updates[0][3])[0] == sent


class TestPaused:
    def test_streams_hand_nothing_on(self) -> None:
        """Until they resume; then all of it in its order, with the end behind it. Other streams go on."""
        peer = Peer()
        peer.send(peer.headers(1), peer.headers(3), frame(DATA, 0, 1, message(b"a")))
        peer.connection.pause(peer.listeners[1].stream)
        peer.send(frame(DATA, 0, 1, message(b"b") + message(b"c")), frame(DATA, END_STREAM, 1), frame(DATA, 0, 3, message(b"d")))

        assert (peer.listeners[1].messages, peer.listeners[1].ends) == ([b"a"], [])
        assert peer.listeners[3].messages == [b"d"]
        peer.connection.resume(peer.listeners[1].stream)
        assert (peer.listeners[1].messages, peer.listeners[1].ends) == ([b"a", b"b", b"c"], ["ended"])
        assert list(peer.connection.streams) == [3]

    def test_streams_may_pause_again_at_once(self) -> None:
        """Each message in its time, and the end last."""
        peer = Peer()
        peer.send(peer.headers())
        listener = peer.listeners[1]
        listener.pauses = True
        peer.send(*(frame(DATA, 0, 1, message(each)) for each in (b"a", b"b", b"c")), frame(DATA, END_STREAM, 1))

        for count in (1, 2, 3):
            assert (len(listener.messages), listener.ends) == (count, [])
            peer.connection.resume(listener.stream)
        assert (listener.messages, listener.ends) == ([b"a", b"b", b"c"], ["ended"])

    def test_a_peer_that_is_not_heard_fills_its_window_and_no_more(self) -> None:
        """It hears of the window only when what it sent was handed on. One that sends on is broken off."""
        peer = Peer()
        peer.send(peer.headers())
        listener = peer.listeners[1]
        peer.connection.pause(listener.stream)
        piece = message(b"x" * (MAX_FRAME - 5))
        back = [each for _ in range(http2.WINDOW // MAX_FRAME) for each in peer.send(frame(DATA, 0, 1, piece))]

        assert [number for kind, _, number, _ in back if kind == WINDOW_UPDATE and number] == []
        assert len(listener.stream.received) == http2.WINDOW
        peer.connection.resume(listener.stream)
        updates = [payload for kind, _, number, payload in peer.read() if kind == WINDOW_UPDATE and number == 1]
        assert [struct.unpack(">L", each)[0] for each in updates] == [http2.WINDOW]
        peer.connection.pause(listener.stream)
        back = [each for _ in range(http2.WINDOW // MAX_FRAME + 1) for each in peer.send(frame(DATA, 0, 1, piece))]
        assert (RST_STREAM, 0, 1, struct.pack(">L", http2.FLOW_CONTROL_ERROR)) in back
        assert listener.ends == ["cancelled"]
        assert len(listener.stream.received) == 0

    @pytest.mark.parametrize("cause", ["reset", "lost"])
    def test_streams_are_told_that_they_are_over(self, cause: str) -> None:
        """At once, and what waited is gone."""
        peer = Peer()
        peer.send(peer.headers())
        listener = peer.listeners[1]
        peer.connection.pause(listener.stream)
        peer.send(frame(DATA, 0, 1, message(b"a")))
        if cause == "reset":
            peer.send(frame(RST_STREAM, 0, 1, b"\0\0\0\x08"))
        else:
            peer.connection.lost()
        peer.connection.resume(listener.stream)

        assert (listener.messages, listener.ends, len(listener.stream.received)) == ([], ["cancelled"], 0)

    def test_streams_that_were_answered_keep_nothing_more(self) -> None:
        """A peer that reads no answer and sends on, say."""
        peer = Peer()
        peer.send(frame(SETTINGS, 0, 0, struct.pack(">HL", 4, 10)), peer.headers(), frame(DATA, 0, 1, message(b"x" * 20)))
        stream = peer.listeners[1].stream
        peer.connection.finish(stream)
        peer.send(frame(DATA, 0, 1, message(b"y" * 1000)))

        assert stream.waiting
        assert len(stream.received) == 0


class TestConnectionFrames:
    def test_begins_with_settings(self) -> None:
        """No header table, and windows that hold a body."""
        peer = Peer(greet=False)
        out: list[bytes] = []
        Connection(out.append, peer._open, max_message=1).begin()

        told = dict(struct.iter_unpack(">HL", out[0][9 : 9 + int.from_bytes(out[0][:3])]))
        assert told[1] == 0
        assert told[4] == http2.WINDOW

    def test_pings_come_back(self) -> None:
        """With what was in them."""
        assert Peer().send(frame(PING, 0, 0, b"12345678")) == [(PING, ACK, 0, b"12345678")]

    def test_settings_are_acknowledged(self) -> None:
        """Each of them."""
        assert Peer().send(frame(SETTINGS, 0, 0), frame(SETTINGS, ACK, 0)) == [(SETTINGS, ACK, 0, b"")]

    def test_what_is_not_known_is_ignored(self) -> None:
        """Frames and settings of tomorrow, and priorities of yesterday."""
        unknown = frame(SETTINGS, 0, 0, struct.pack(">HL", 99, 1))

        assert Peer().send(frame(77, 0, 0, b"x"), frame(PRIORITY, 0, 1, b"\0" * 5), unknown) == [(SETTINGS, ACK, 0, b"")]

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            pytest.param(frame(PUSH_PROMISE, 0, 1), http2.PROTOCOL_ERROR, id="push"),
            pytest.param(frame(DATA, 0, 0, b"x"), http2.PROTOCOL_ERROR, id="data without a stream"),
            pytest.param(frame(DATA, 0, 5, b"x"), http2.PROTOCOL_ERROR, id="data on an idle stream"),
            pytest.param(frame(HEADERS, END_HEADERS, 2), http2.PROTOCOL_ERROR, id="even stream"),
            pytest.param(frame(CONTINUATION, 0, 1), http2.PROTOCOL_ERROR, id="continuation of nothing"),
            pytest.param(frame(HEADERS, 0, 1) + frame(PING, 0, 0, b"12345678"), http2.PROTOCOL_ERROR, id="block not finished"),
            pytest.param(frame(HEADERS, END_HEADERS | PADDED, 1, b"\xff"), http2.PROTOCOL_ERROR, id="padding"),
            pytest.param(frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff"), http2.COMPRESSION_ERROR, id="header block"),
            pytest.param(
                frame(HEADERS, 0, 1) + frame(CONTINUATION, 0, 1, b"x" * MAX_FRAME) * 5,
                http2.ENHANCE_YOUR_CALM,
                id="endless headers",
            ),
            pytest.param(frame(PING, 0, 0, b"1"), http2.FRAME_SIZE_ERROR, id="short ping"),
            pytest.param(frame(SETTINGS, 0, 0, b"12345"), http2.FRAME_SIZE_ERROR, id="odd settings"),
            pytest.param(frame(SETTINGS, 0, 0, struct.pack(">HL", 4, 2**31)), http2.FLOW_CONTROL_ERROR, id="window beyond all"),
            pytest.param(frame(WINDOW_UPDATE, 0, 0, b"1"), http2.FRAME_SIZE_ERROR, id="short update"),
            pytest.param(frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\0"), http2.PROTOCOL_ERROR, id="update of nothing"),
            pytest.param(frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff"), http2.FLOW_CONTROL_ERROR, id="overflow"),
            pytest.param(frame(RST_STREAM, 0, 1, b"1"), http2.FRAME_SIZE_ERROR, id="short reset"),
            pytest.param(b"\x00\x40\x01" + b"\0" * 6, http2.FRAME_SIZE_ERROR, id="frame too large"),
        ],
    )
    def test_broken_rules_end_the_connection(self, data: bytes, code: int) -> None:
        """With the error that the RFC names."""
        with pytest.raises(Http2Error) as caught:
            Peer().send(data)

        assert caught.value.code == code

    def test_what_is_no_http2_is_refused(self) -> None:
        """HTTP/1.1, say."""
        with pytest.raises(Http2Error):
            Peer(greet=False).send(b"GET / HTTP/1.1\r\nhost: example.org\r\n\r\n")


class TestAnyBytes:
    @given(data=st.binary(max_size=300))
    @settings(max_examples=300)
    def test_are_frames_or_an_error(self, data: bytes) -> None:
        """Never another exception."""
        try:
            Peer().send(data)
        except Http2Error:
            return

    @given(
        frames=st.lists(
            st.tuples(st.integers(0, 12), st.integers(0, 63), st.integers(0, 5), st.binary(max_size=40)).map(
                lambda each: frame(*each)
            ),
            max_size=12,
        )
    )
    @settings(max_examples=400)
    def test_so_are_any_frames(self, frames: list[bytes]) -> None:
        """In any order, after a call was opened."""
        peer = Peer()
        peer.send(peer.headers())
        try:
            peer.send(*frames)
        except Http2Error:
            return

    @given(cuts=st.lists(st.integers(0, 600), max_size=10))
    @settings(max_examples=200)
    def test_may_be_cut_anywhere(self, cuts: list[int]) -> None:
        """The answer is the same."""
        whole, cut = Peer(), Peer()
        data = (
            whole.headers() + frame(DATA, 0, 1, message(b"a" * 200)) + frame(PING, 0, 0, b"12345678") + frame(DATA, END_STREAM, 1)
        )
        places = sorted({0, len(data), *(place for place in cuts if place < len(data))})
        expected = whole.send(data)

        found = [each for left, right in pairwise(places) for each in cut.send(data[left:right])]

        assert found == expected
