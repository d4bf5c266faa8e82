"""Responses through the real Envoy: observed where the policy wants it, untouched always."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.demo.client import post

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router_extproc.demo.stack import Stack

pytestmark = pytest.mark.envoy

MODES = ("buffered", "streamed", "full_duplex", "none")
POLICY = """\
version: 1
pools:
  small: {cluster: pool-small, model: qwen3-8b, price: {input: 1, output: 1}}
  large: {cluster: pool-large, model: qwen3-235b}
default: small
decisions:
  - {name: fast, when: {signal: turns, atLeast: 2}, route: {candidates: [small, large], select: lowest-latency}}
RECORD
"""


def chat(**more: Any) -> bytes:
    """A chat body."""
    return json.dumps({"model": "auto", "messages": [{"role": "user", "content": "Which tea is mildest?"}], **more}).encode()


def metric(stack: Stack, name: str) -> float:
    """The sum of a metric's samples, once it is not zero (observations come after the answer)."""
    for _ in range(40):
        text = post(f"http://127.0.0.1:{stack.router_admin}", "/metrics", b"", method="GET").body.decode()
        found = sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE))
        if found:
            return found
        time.sleep(0.05)
    return 0.0


@pytest.fixture(scope="module", params=MODES)
def observed(workshop: Any, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Everything, with responses observed."""
    path = workshop.directory / f"observed-{request.param}.yaml"
    path.write_text(POLICY.replace("RECORD", "record: {observe: true, responseHeaders: true}"))
    with workshop.routed(workshop.plan(body_mode=request.param), path) as running:
        yield running


class TestObservation:
    def test_reads_tokens_from_json(self, observed: Stack) -> None:
        """And the answer is what the server sent."""
        answer = post(observed.url, "/v1/chat/completions", chat())

        assert json.loads(answer.body)["object"] == "chat.completion"
        assert metric(observed, "router_extproc_tokens_total") > 0
        assert metric(observed, "router_extproc_cost_usd_total") > 0

    @pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
    def test_reads_streams_and_leaves_them_whole(self, observed: Stack, path: str) -> None:
        """Every event of every API arrives."""
        body = json.loads(chat(stream=True, max_tokens=50))
        if path == "/v1/responses":
            body = {"model": "auto", "input": "Which tea?", "stream": True}

        answer = post(observed.url, path, json.dumps(body).encode())

        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.body.count(b"data: ") >= 7
        assert metric(observed, "router_extproc_time_to_first_token_seconds_count") > 0

    def test_tells_the_decision_in_response_headers(self, observed: Stack) -> None:
        """As the policy asks."""
        answer = post(observed.url, "/v1/chat/completions", chat())

        assert answer.headers["x-router-decision"] == "default"
        assert answer.headers["x-router-pool"] == "small"

    def test_an_answer_of_our_own_has_them_too(self, observed: Stack) -> None:
        """An error is where one wants to know why."""
        answer = post(observed.url, "/v1/chat/completions", b"{")

        assert answer.headers["x-router-reason"] == "malformed_json"


class TestWithoutObservation:
    def test_responses_cost_nothing(self, workshop: Any) -> None:
        """Only requests for pools that a selector learns about are looked at."""
        path = workshop.directory / "unobserved.yaml"
        path.write_text(POLICY.split("decisions:", maxsplit=1)[0])
        with workshop.routed(workshop.plan(), path) as stack:
            answer = post(stack.url, "/v1/chat/completions", chat())

            assert answer.status == 200
            assert "x-router-decision" not in answer.headers
            text = post(f"http://127.0.0.1:{stack.router_admin}", "/metrics", b"", method="GET").body
            assert b"router_extproc_responses_total{" not in text

    def test_streams_keep_their_cadence_while_observed(self, observed: Stack) -> None:
        """Events come one by one, not in one piece at the end."""
        import http.client  # noqa: PLC0415 - only here

        connection = http.client.HTTPConnection("127.0.0.1", observed.plan.listener, timeout=20)
        connection.request("POST", "/v1/chat/completions", chat(stream=True), {"content-type": "application/json"})
        response = connection.getresponse()
        pieces = 0
        while response.read1(65536):
            pieces += 1

        assert pieces >= 4
        connection.close()
