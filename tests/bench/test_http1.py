"""The little HTTP/1.1 of the load generators."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.bench.http1 import LAST_CHUNK, BodyEnd, Dechunker, body_end, chunk


class TestBodyEnd:
    @pytest.mark.parametrize(
        ("head", "found"),
        [
            pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 12", BodyEnd(12, chunked=False), id="length"),
            pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", BodyEnd(0, chunked=True), id="chunked"),
            pytest.param(b"GET / HTTP/1.1\r\nhost: x", BodyEnd(0, chunked=False), id="none"),
        ],
    )
    def test_reads_the_headers(self, head: bytes, found: BodyEnd) -> None:
        """In any letter case."""
        assert body_end(head) == found


class TestDechunker:
    @given(st.lists(st.binary(min_size=1, max_size=40), max_size=5), st.integers(1, 50))
    def test_gives_the_bytes_back_however_they_come(self, parts: list[bytes], size: int) -> None:
        """Line feeds and digits among them."""
        raw = b"".join(map(chunk, parts)) + LAST_CHUNK
        dechunker = Dechunker()

        told = [dechunker.feed(raw[at : at + size]) for at in range(0, len(raw), size)]

        assert b"".join(told) == b"".join(parts)
        assert dechunker.over

    def test_waits_for_the_last_chunk(self) -> None:
        """A body that broke off is not over."""
        dechunker = Dechunker()

        assert dechunker.feed(chunk(b"abc") + b"3\r\nab") == b"abc"
        assert not dechunker.over
