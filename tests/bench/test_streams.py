"""Many streams at once: what their times tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import uvloop

from router_extproc.bench.guard_texts import chat
from router_extproc.bench.http1 import LAST_CHUNK, chunk
from router_extproc.bench.load import request_bytes
from router_extproc.bench.streams import Arrived, Cadence, Streamed, stream_all
from router_extproc.bench.upstream import EVENTS

if TYPE_CHECKING:
    from router_extproc.bench.setups import Setup

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n'
RAW = HEAD + chunk(b"id: 7\n" + EVENT % b"a") + chunk(EVENT % b"b" + b": told\n\ndata: [DONE]\n\n") + LAST_CHUNK


def streamed(raw: bytes, size: int) -> Streamed:
    """A stream of which so many bytes came every nanosecond."""
    return Streamed(0, [(at // size, raw[at : at + size]) for at in range(0, len(raw), size)])


class TestStreamed:
    @pytest.mark.parametrize("size", [1, 7, 1000])
    def test_gives_its_events_however_they_come(self, size: int) -> None:
        """Those of the model server's have a time; comments and the end's mark are none."""
        told = streamed(RAW, size).events()

        assert [(event.sent, event.text) for event in told] == [(7, "a"), (0, "b")]

    def test_an_event_is_there_with_its_last_byte(self) -> None:
        """That of its chunk, that is."""
        first, second = streamed(RAW, 1).events()

        assert first.at == RAW.index(b"\n\n\r\n") + 3
        assert second.at > first.at

    @pytest.mark.parametrize("raw", [RAW[:-1], RAW.replace(b"200 OK", b"503 No"), b""], ids=["broken off", "refused", "nothing"])
    def test_has_no_events_where_it_is_not_whole(self, raw: bytes) -> None:
        """So that it counts as failed."""
        assert streamed(raw, 5).events() == []


class TestCadence:
    def test_tells_held_back_text_apart(self) -> None:
        """From events that were late."""
        ms = 1_000_000
        cadence = Cadence()
        cadence.add(1 * ms, [Arrived(4 * ms, 3 * ms, ""), Arrived(6 * ms, 5 * ms, ""), Arrived(9 * ms, 0, "x")], 5 * ms)

        assert cadence.gaps == [2.0]
        assert cadence.delays == [1.0, 1.0]
        assert (cadence.first_events, cadence.held) == ([3.0], [2.0])
        assert cadence.steady_events == 1

    @pytest.mark.parametrize(
        ("texts", "held"),
        [
            pytest.param(["x", "y", "z"], 0.0, id="none"),
            pytest.param(["", "", "x"], 40.0, id="the last brings it"),
            pytest.param(["", "", ""], 0.0, id="no text at all"),
        ],
    )
    def test_tells_what_was_held_back_though_all_was_read_at_once(self, texts: list[str], held: float) -> None:
        """As a busy machine does: what the model server wrote tells how long."""
        ms = 1_000_000
        cadence = Cadence()
        cadence.add(1 * ms, [Arrived(90 * ms, (2 + 20 * place) * ms, text) for place, text in enumerate(texts)], 5 * ms)

        assert cadence.held == [held]


class TestStreamAll:
    def test_sends_all_and_notes_what_comes(self, upstream: Setup) -> None:
        """Told once when all have begun."""
        told: list[None] = []
        requests = [request_bytes(chat(f"text {number}", stream=True), headers=f"{EVENTS}: 3\r\n") for number in range(5)]
        run = uvloop.run(stream_all(upstream.port, requests, spread_s=0.01, seconds=1, begun=lambda: told.append(None)))

        assert ["".join(event.text for event in each.events()) for each in run.streams] == [
            f"text {number}" for number in range(5)
        ]
        assert len(told) == 1
        assert run.begun_at > 0

    def test_gives_up_on_what_is_never_answered(self, monkeypatch: pytest.MonkeyPatch, silent: int) -> None:
        """A hanging server does not hang the benchmark."""
        monkeypatch.setattr("router_extproc.bench.streams._PATIENCE_S", 0.05)
        run = uvloop.run(stream_all(silent, [b"x"], spread_s=0, seconds=0.01, begun=lambda: None))

        assert run.streams[0].events() == []
