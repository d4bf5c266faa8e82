"""What the tests of APIs share: bodies that are read, parsed and edited in one call."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from router_extproc.apis.reader import read
from router_extproc.apis.registry import by_name
from router_extproc.request import Envelope, Request
from router_extproc.routing import BodyEdits

Parse = Callable[..., Request]
Edit = Callable[..., dict[str, Any]]
EditRaw = Callable[[str, bytes, BodyEdits], bytes]
Events = Callable[[bytes], list[tuple[str, Any]]]


@pytest.fixture(scope="session")
def parse() -> Parse:
    """Parse a body, given by its fields, as the API of that name does."""

    def build(api: str, **body: Any) -> Request:
        return by_name(api).parse(read(json.dumps(body).encode(), max_depth=64), Envelope())

    return build


@pytest.fixture(scope="session")
def edit_raw() -> EditRaw:
    """Edit a body, given by its bytes."""

    def build(api: str, raw: bytes, edits: BodyEdits) -> bytes:
        return by_name(api).edit(read(raw, max_depth=64), edits)

    return build


@pytest.fixture(scope="session")
def edit(edit_raw: EditRaw) -> Edit:
    """Edit a body, given by its fields, and read the result."""

    def build(api: str, edits: BodyEdits, **body: Any) -> dict[str, Any]:
        edited = edit_raw(api, json.dumps(body).encode(), edits)
        return dict(read(edited, max_depth=64).value)

    return build


@pytest.fixture(scope="session")
def events() -> Events:
    """The (event type, data) of an SSE stream; `[DONE]` stays text."""

    def build(stream: bytes) -> list[tuple[str, Any]]:
        found = []
        for block in stream.decode().strip().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines())
            data = fields["data"]
            found.append((fields.get("event", ""), data if data == "[DONE]" else json.loads(data)))
        return found

    return build
