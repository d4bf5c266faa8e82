"""Fuzz: no bytes make a parser raise anything but a refusal."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from router_extproc.apis.reader import read
from router_extproc.apis.registry import APIS, find
from router_extproc.apis.sse import SseReader
from router_extproc.errors import ProtocolError, RequestRefusedError
from router_extproc.extproc.encoding import decoded
from router_extproc.extproc.messages import read_message
from router_extproc.request import Envelope
from router_extproc.routing import BodyEdits, Reason, SystemEdit, SystemMode

CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=12), inner, max_size=4)),
    max_leaves=25,
)
FIELDS = st.sampled_from(
    [
        "model",
        "messages",
        "input",
        "prompt",
        "system",
        "instructions",
        "tools",
        "stream",
        "max_tokens",
        "n",
        "user",
        "metadata",
        "role",
        "content",
        "type",
        "text",
        "stop",
    ]
)
SHAPED = st.dictionaries(FIELDS, st.one_of(JSON, st.lists(st.dictionaries(FIELDS, JSON, max_size=4), max_size=3)), max_size=8)
EDITS = BodyEdits(
    model="other",
    caps={"max_output_tokens": 10, "n": 1},
    blocked=frozenset({"user", "metadata"}),
    system=(SystemEdit(SystemMode.PREPEND, "a"), SystemEdit(SystemMode.APPEND, "b"), SystemEdit(SystemMode.REPLACE, "c")),
    reasoning_effort="low",
    reasoning_family="qwen",
)


def survives(body: bytes) -> None:
    """Every API reads it or refuses it; what is read can be edited to valid JSON."""
    try:
        document = read(body, max_depth=64)
    except RequestRefusedError:
        return
    for api in APIS:
        try:
            api.parse(document, Envelope())
        except RequestRefusedError as error:
            shapes = {error.reason}
        else:
            shapes = set()
        assert shapes <= {Reason.WRONG_SHAPE}
        if shapes:
            continue
        assert isinstance(json.loads(api.edit(document, EDITS)), dict)


class TestBodies:
    @pytest.mark.parametrize("path", [pytest.param(path, id=path.name) for path in CORPUS])
    def test_the_corpus(self, path: Path) -> None:
        """Bodies that broke a parser somewhere once."""
        survives(path.read_bytes())

    @given(body=st.binary(max_size=300))
    @example(b"\x00")
    @settings(max_examples=300)
    def test_any_bytes(self, body: bytes) -> None:
        """Whatever they are."""
        survives(body)

    @given(body=SHAPED)
    @settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
    def test_any_values_in_the_right_places(self, body: dict[str, Any]) -> None:
        """Known fields with values of any type."""
        survives(json.dumps(body).encode())


class TestEncodings:
    @given(body=st.binary(max_size=300), name=st.sampled_from(["gzip", "deflate", "x-gzip"]), cut=st.integers(0, 300))
    @settings(max_examples=300)
    def test_any_bytes(self, body: bytes, name: str, cut: int) -> None:
        """Whole, cut off, or nothing of the kind."""
        packed = zlib.compress(body) if name == "deflate" else gzip.compress(body)
        for data in (body, packed[:cut], packed):
            try:
                text = decoded(data, name, limit=1000)
            except RequestRefusedError:
                continue
            assert len(text) <= 1000
        assert decoded(packed, name, limit=1000) == body

    def test_bombs_are_not_unpacked(self) -> None:
        """A thousandfold body stops at the limit."""
        with pytest.raises(RequestRefusedError) as caught:
            decoded(gzip.compress(b"a" * 5_000_000), "gzip", limit=10_000)

        assert caught.value.status == 413


class TestMessages:
    @given(data=st.binary(max_size=300))
    @settings(max_examples=300)
    def test_any_bytes(self, data: bytes) -> None:
        """From a peer that is no Envoy."""
        try:
            read_message(data, 0.0)
        except ProtocolError:
            return


class TestPathsAndEvents:
    @given(path=st.text(max_size=100), method=st.text(max_size=8))
    @settings(max_examples=300)
    def test_any_path(self, path: str, method: str) -> None:
        """None is an error."""
        find(method, path, ("", "/openai"))

    @given(chunks=st.lists(st.binary(max_size=60), max_size=8))
    @settings(max_examples=300)
    def test_any_stream(self, chunks: list[bytes]) -> None:
        """None is an error, and what is read is the same for any cut."""
        reader, whole = SseReader(max_event_bytes=100), SseReader(max_event_bytes=100)
        cut = [event for chunk in chunks for event in reader.feed(chunk)] + reader.finish()
        events = [*whole.feed(b"".join(chunks)), *whole.finish()]
        assert cut == events
        for api in APIS:
            for event in events:
                api.event_facts(event.event, event.data)
