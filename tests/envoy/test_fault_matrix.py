"""What callers get, for every body mode, body size, fault and failure mode, through the real Envoy.

The outcome is docs/fault-matrix.md. `make fault-matrix` writes it anew; the test fails where what is seen is not what is written there.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.demo.client import Answered
from router_extproc.demo.envoy_config import shipped

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.envoy

DOCUMENT = Path(__file__).parents[2] / "docs" / "fault-matrix.md"
MODES = ("buffered", "streamed", "full_duplex", "none")
FAULTS = ("down", "hang", "abort", "end", "die")
FAULT_NAMES = {
    "stall": "the caller stops in mid-upload, `uploadTimeoutMs: 500`",
    "down": "router down (connection refused)",
    "hang": "router hangs, Envoy's message_timeout 0.5 s",
    "abort": "router aborts the stream (gRPC error)",
    "end": "router ends the stream without an answer",
    "die": "router killed in mid-request",
}
SIZES = {"0": 0, "1 B": 1, "64 KB": 64_000, "1 MB": 1_000_000, "over the limit": 10 * 1024 * 1024 + 1}
LATE = "64 KB, 0.5 s after the headers"
"""Envoy knows that the router is broken before the body comes; else it reads headers and body at once."""
BROKEN = {"64 KB": 0.0, "1 MB": 0.0, LATE: 0.5}
"""Sizes that a broken router is tried with, and how many seconds the body comes after the headers."""
PATH = "/v1/chat/completions"


HEAD = """\
# What callers get when things break

Written by `make fault-matrix` from requests through the real Envoy (1.40) with `envoy/envoy.yaml`, in each body mode and with
`failure_mode_allow` false (fail-closed) and true (fail-open, with a default route). `200 small, model rewritten`: the model pool
*small* served it, and its body was what the caller sent but for the model's name, byte for byte.
"""
FOOT = """\
`hangs`: nothing came within 3 seconds. In FULL_DUPLEX Envoy enforces no timeout on the router, so that only the caller's own ends it;
the router bounds its own answer (`limits.deadlineMs`) and the upload (`limits.uploadTimeoutMs`). Where Envoy buffers the body, its own
`request_timeout` (120 s in `envoy/envoy.yaml`) ends an upload that stalls.

Fail-closed rests on two things together: `failure_mode_allow: false`, and routes without a default for LLM paths. The second one is
needed because Envoy reads a stream that ends without an answer as consent. Fail-open in FULL_DUPLEX is open only until the body begins:
then Envoy has sent it to the router and has nothing left to send on (`400 small, BODY CHANGED` is an empty body). Where a client writes
headers and body apart it is chance which of them comes first, the failure or the body. In the other rows the body comes with the headers.
"""


def body_of(size: int) -> bytes:
    """A chat body of exactly so many bytes, with few words; what is too short for one is no JSON."""
    frame = b'{"model":"auto","messages":[{"role":"user","content":"Which tea is mildest?"}],"seed":1.0, "prompt_cache_key":""}'
    if size < len(frame):
        return b"{"[:size]
    return frame[:-2] + b"x" * (size - len(frame)) + frame[-2:]


def head_of(body: bytes) -> bytes:
    """The headers of a request."""
    lines = (f"POST {PATH} HTTP/1.1", "host: test", "content-type: application/json", f"content-length: {len(body)}", "", "")
    return "\r\n".join(lines).encode()


def stalled(port: int, *, seconds: float) -> Answered | None:
    """What comes back when half of a body is sent, and then nothing."""
    body = body_of(SIZES["64 KB"])
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        connection.sendall(head_of(body) + body[: len(body) // 2])
        return answer_on(connection)


def answer_on(connection: socket.socket) -> Answered | None:
    """The answer, or None if none came in time."""
    with contextlib.closing(http.client.HTTPResponse(connection, method="POST")) as response:
        try:
            response.begin()
        except TimeoutError:
            return None
        return Answered(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read(), 0.0)


def cell(answer: Answered | None, body: bytes) -> str:
    """One outcome in words: status, pool, and whether the body is what it should be."""
    if answer is None:
        return "hangs"
    pool = answer.headers.get("x-served-by", "")
    if not pool:
        return str(answer.status)
    edited = body.replace(b'"auto"', b'"qwen3-8b"')
    hashes = {hashlib.sha256(body).hexdigest(): "body as sent", hashlib.sha256(edited).hexdigest(): "model rewritten"}
    return f"{answer.status} {pool}, {hashes.get(answer.headers['x-body-sha256'], 'BODY CHANGED')}"


def send(port: int, body: bytes, *, timeout_s: float = 20.0, late_s: float = 0.0) -> Answered | None:
    """The answer, or None if none came in time. The body is in the same write as the headers, or so many seconds later.

    An HTTP client's two writes leave it to chance whether Envoy learns of a failure before the body, and that decides what it does.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as connection:
        # The answer may come before all of the body was sent: it is read below.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            if late_s:
                connection.sendall(head_of(body))
                time.sleep(late_s)
                connection.sendall(body)
            else:
                connection.sendall(head_of(body) + body)
        return answer_on(connection)


@pytest.fixture(scope="module")
def seen(workshop: Any) -> dict[tuple[str, str, str, str], str]:
    """Every outcome, by failure mode, body mode, fault and size."""
    found: dict[tuple[str, str, str, str], str] = {}
    hasty = workshop.directory / "hasty.yaml"
    hasty.write_text(shipped("policy.yaml").read_text() + "limits: {uploadTimeoutMs: 500}\n")
    for fail in ("closed", "open"):
        for mode in MODES:
            plan = workshop.plan(body_mode=mode, fail_open=fail == "open", timeout_s=1.0)
            with workshop.routed(plan, hasty) as stack:
                for size, count in SIZES.items():
                    found[fail, mode, "none", size] = cell(send(stack.plan.listener, body_of(count)), body_of(count))
                found[fail, mode, "stall", "64 KB"] = cell(stalled(stack.plan.listener, seconds=3.0), b"")
            for fault in FAULTS:
                plan = workshop.plan(body_mode=mode, fail_open=fail == "open", timeout_s=0.5)
                with workshop.broken(plan, fault) as ensure:
                    for size, late_s in BROKEN.items():
                        ensure()
                        body = body_of(SIZES[size.split(",")[0]])
                        answer = send(plan.listener, body, timeout_s=3.0, late_s=late_s)
                        found[fail, mode, fault, size] = cell(answer, body)
    return found


class TestMatrix:
    def test_a_healthy_router_gives_the_same_in_every_mode(self, seen: Mapping[tuple[str, str, str, str], str]) -> None:
        """Route, body hash and status depend neither on the body mode nor on the failure mode."""
        wanted = {"0": "400", "1 B": "400", "over the limit": "413"}
        wanted |= {"64 KB": "200 small, model rewritten", "1 MB": "200 small, model rewritten"}

        healthy = {key: value for key, value in seen.items() if key[2] == "none"}
        assert healthy == {key: wanted[key[3]] for key in healthy}

    def test_fail_closed_never_reaches_a_pool(self, seen: Mapping[tuple[str, str, str, str], str]) -> None:
        """Whatever breaks: an error, or no answer at all."""
        broken = {key: value for key, value in seen.items() if key[0] == "closed" and key[2] != "none"}

        assert {key: value for key, value in broken.items() if not value.startswith(("50", "408")) and value != "hangs"} == {}

    def test_fail_open_serves_where_envoy_can(self, seen: Mapping[tuple[str, str, str, str], str]) -> None:
        """A buffered request goes to the default route when the router is not there."""
        assert seen["open", "buffered", "down", "64 KB"] == "200 small, body as sent"
        assert seen["open", "buffered", "abort", "1 MB"] == "200 small, body as sent"

    def test_the_document_says_what_is_seen(self, seen: Mapping[tuple[str, str, str, str], str]) -> None:
        """`make fault-matrix` writes it anew."""
        text = document(seen)
        if os.environ.get("UPDATE_FAULT_MATRIX"):
            DOCUMENT.write_text(text)

        assert DOCUMENT.read_text() == text


def document(seen: Mapping[tuple[str, str, str, str], str]) -> str:
    """The page."""
    lines = [HEAD]
    for fail in ("closed", "open"):
        lines += [f"## Fail-{fail}", "", f"| | body | {' | '.join(MODES)} |", f"|---|---|{'---|' * len(MODES)}"]
        rows = [("the router is well", "none", size) for size in SIZES]
        rows.append((FAULT_NAMES["stall"], "stall", "64 KB"))
        rows += [(FAULT_NAMES[fault], fault, size) for fault in FAULTS for size in BROKEN]
        for name, fault, size in rows:
            cells = " | ".join(seen[fail, mode, fault, size] for mode in MODES)
            lines.append(f"| {name} | {size} | {cells} |")
        lines.append("")
    return "\n".join([*lines, FOOT])


def test_bodies_have_their_size() -> None:
    """The matrix is about sizes."""
    assert [len(body_of(size)) for size in SIZES.values()] == list(SIZES.values())
    assert json.loads(body_of(64_000))["model"] == "auto"
