"""The benchmark's model server."""

from __future__ import annotations

import http.client
import itertools
import json
from typing import TYPE_CHECKING

import pytest
import uvloop

from router_extproc.bench.guard_texts import chat
from router_extproc.bench.load import measure, request_bytes
from router_extproc.bench.upstream import EVENTS, cut, said
from router_extproc.demo.client import post

if TYPE_CHECKING:
    from router_extproc.bench.setups import Setup

PATH = "/v1/chat/completions"


class TestCut:
    @pytest.mark.parametrize("count", [1, 3, 10])
    def test_into_that_many_pieces(self, count: int) -> None:
        """Of one length but for a character."""
        pieces = cut("0123456789", count)

        assert "".join(pieces) == "0123456789"
        assert len(pieces) == count
        assert len({len(piece) for piece in pieces}) <= 2


class TestSaid:
    def test_is_the_last_message(self) -> None:
        """And whether a stream is wanted."""
        assert said(chat("hello")) == ("hello", False)
        assert said(chat("hello", stream=True)) == ("hello", True)
        assert said(b"") == ("", False)


class TestUpstream:
    def test_says_a_chat_back(self, upstream: Setup) -> None:
        """As JSON."""
        answer = post(f"http://127.0.0.1:{upstream.port}", PATH, chat("hello"))

        assert answer.headers["content-type"] == "application/json"
        assert json.loads(answer.body)["choices"][0]["message"]["content"] == "hello"

    def test_takes_a_chunked_request(self, upstream: Setup) -> None:
        """As Envoy sends one whose body was changed."""
        connection = http.client.HTTPConnection("127.0.0.1", upstream.port)
        connection.request("POST", PATH, iter([chat("hello")[:9], chat("hello")[9:]]), encode_chunked=True)
        answer = json.loads(connection.getresponse().read())
        connection.close()

        assert answer["choices"][0]["message"]["content"] == "hello"

    def test_streams_in_so_many_events(self, upstream: Setup) -> None:
        """Each with the time when it was written."""
        answer = post(f"http://127.0.0.1:{upstream.port}", PATH, chat("0123456789", stream=True), {EVENTS: "5"})

        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.body.count(b"id: ") == 5
        assert answer.body.endswith(b"data: [DONE]\n\n")

    def test_its_streams_are_whole_answers(self, upstream: Setup) -> None:
        """To the load generator, which knows a chunked answer's end."""
        request = request_bytes(chat("hello", stream=True), headers=f"{EVENTS}: 2\r\n")
        measured = uvloop.run(measure(upstream.port, itertools.repeat(request), connections=2, seconds=30, limit=3))

        assert (len(measured.latencies_ms), measured.failures) == (6, 0)
