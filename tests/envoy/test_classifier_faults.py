"""What callers get through the real Envoy when a classifier hangs, crashes or gives NaN. docs/guards.md has the table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from fault_policy import ASK, BAD_TEXT, DEADLINE_MS, FAULTS, GOOD_TEXT, STATUS, cells, rule, write_policy

from router_extproc.demo.client import post

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from router_extproc.demo.client import Answered
    from router_extproc.demo.stack import Stack

pytestmark = pytest.mark.envoy

SLACK_MS = 1000
"""A busy machine's."""
FAILURES = 5
"""In a row, that open the breaker of `serve`."""
RULES = [(form, on_unknown) for form, on_unknown in cells()]


@pytest.fixture(params=list(FAULTS))
def fault(request: pytest.FixtureRequest) -> str:
    """What the classifier does."""
    return str(request.param)


@pytest.fixture
def stack(workshop: Any, tmp_path: Path) -> Iterator[Stack]:
    """Envoy, and a router whose classifier has one thread. A hang outlasts the test."""
    with workshop.routed(
        workshop.plan(timeout_s=5.0), write_policy(tmp_path, turns=100_000_000), "--encoder-threads", "1"
    ) as stack:
        yield stack


def send(stack: Stack, text: str, form: str = "plain", on_unknown: str = "skip") -> Answered:
    """What a caller gets from one rule."""
    body = json.dumps({"model": "auto", "messages": [{"role": "user", "content": text}]}).encode()
    return post(stack.url, "/v1/chat/completions", body, {ASK: rule(form, on_unknown)})


def told(stack: Stack, path: str) -> Answered:
    """What the admin port says."""
    return post(f"http://127.0.0.1:{stack.router_admin}", path, b"", method="GET")


class TestClassifier:
    def test_that_breaks_leaks_nothing_and_hangs_nobody(self, stack: Stack, fault: str) -> None:
        """Every rule does what its onUnknown says, first after the failure itself, then at once; the process stays alive and ready."""
        assert [send(stack, text).status for text in (GOOD_TEXT, BAD_TEXT)] == [200, 403]
        assert b"[+]classifier onnx-faulty ok\n" in told(stack, "/readyz?verbose").body

        broken = [send(stack, f"the tea {FAULTS[fault]}", *cell) for cell in RULES]
        for _ in range(FAILURES):
            send(stack, f"the tea {FAULTS[fault]}")
        # A hang is one once it has lasted half a second.
        while b"breaker open" not in told(stack, "/readyz?verbose").body:
            pass
        refused = [send(stack, GOOD_TEXT, *cell) for cell in RULES]

        wanted = [STATUS[on_unknown] for _, on_unknown in RULES]
        assert [answer.status for answer in broken] == wanted
        assert [answer.status for answer in refused] == wanted
        assert max(answer.milliseconds for answer in broken) < DEADLINE_MS + SLACK_MS
        assert sorted(answer.milliseconds for answer in refused)[len(refused) // 2] < DEADLINE_MS / 2
        detail = told(stack, "/readyz?verbose")
        assert (detail.status, told(stack, "/readyz").status, told(stack, "/healthz").status) == (200, 200, 200)
        assert b"[-]classifier onnx-faulty: breaker open: " in detail.body
        metrics = told(stack, "/metrics").body.decode()
        assert 'router_extproc_breaker_state{classifier="onnx-faulty"} 2.0' in metrics
        assert 'router_extproc_breaker_transitions_total{classifier="onnx-faulty",to="open"} 1.0' in metrics
        assert 'router_extproc_signals_unknown_total{reason="unavailable",signal="toxic"}' in metrics
