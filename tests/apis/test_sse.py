"""SSE: events out of chunks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router_extproc.apis.sse import SseEvent, SseReader

STREAM = (
    b': a comment\nevent: start\ndata: {"a":1}\n\n'
    b"data:no space\r\ndata: second line\r\n\r\n"
    b"id: 7\nretry: 10\ndata\n\n\n\ndata: [DONE]\r\r"
)
EVENTS = [SseEvent("start", b'{"a":1}'), SseEvent("", b"no space\nsecond line"), SseEvent("", b""), SseEvent("", b"[DONE]")]


class TestSseReader:
    def test_reads_the_standards_forms(self) -> None:
        """All three line ends, comments, fields without meaning, several data lines."""
        reader = SseReader()

        assert [*reader.feed(STREAM), *reader.finish()] == EVENTS

    @given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=12))
    @settings(max_examples=300)
    def test_any_cut_gives_the_same_events(self, cuts: list[int]) -> None:
        """Also between the two halves of a line end."""
        places = sorted({0, len(STREAM), *cuts})
        reader = SseReader()
        found = []
        for index, left in enumerate(places[:-1]):
            found += reader.feed(STREAM[left : places[index + 1]])

        assert [*found, *reader.finish()] == EVENTS

    def test_the_last_event_needs_no_empty_line(self) -> None:
        """Some servers leave it out."""
        reader = SseReader()

        assert reader.feed(b"data: a") == []
        assert reader.finish() == [SseEvent("", b"a")]

    @pytest.mark.parametrize(
        "large",
        [pytest.param(b"data: " + b"x" * 200, id="one line"), pytest.param(b"data: 0123456789\n" * 20, id="many lines")],
    )
    def test_an_event_over_the_bound_is_dropped_and_counted(self, large: bytes) -> None:
        """Those around it are read."""
        reader = SseReader(max_event_bytes=100)
        stream = b"data: before\n\n" + large + b"\n\ndata: after\n\n"

        found = [event for at in range(0, len(stream), 9) for event in reader.feed(stream[at : at + 9])]

        assert found == [SseEvent("", b"before"), SseEvent("", b"after")]
        assert reader.dropped == 1
