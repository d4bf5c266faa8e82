"""Learning, shadows and canaries, through the real Envoy and the admin port."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.demo.client import post

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.envoy

CHAT = "/v1/chat/completions"
POLICY = """\
version: 1
pools:
  small: {cluster: pool-small}
  large: {cluster: pool-large}
default:
  candidates: [small, large]
  select: {type: bandit, dimension: 0, explore: {min: 0.05, max: 0.5}}
  shadow: [first]
record: {responseHeaders: true}
"""
CANARY = POLICY.replace("type: bandit, dimension: 0, explore: {min: 0.05, max: 0.5}", "type: first").partition("  shadow")[0]
JSON = {"content-type": "application/json"}


class Learning:
    """A stack whose route learns."""

    def __init__(self, stack: Any, log: Path) -> None:
        self._stack = stack
        self._log = log
        self._admin = f"http://127.0.0.1:{stack.router_admin}"

    def ask(self, text: str, **headers: str) -> tuple[str, str]:
        """The pool that answered, and the decision's id."""
        body = json.dumps({"model": "auto", "messages": [{"role": "user", "content": text}]}).encode()
        told = post(self._stack.url, CHAT, body, headers)
        assert told.status == 200
        return told.headers["x-served-by"], told.headers["x-router-decision-id"]

    def feedback(self, *pieces: dict[str, Any]) -> tuple[int, Any]:
        """Status and answer of POST /feedback."""
        told = post(self._admin, "/feedback", json.dumps(pieces).encode(), JSON)
        return told.status, json.loads(told.body)

    def decisions(self) -> list[dict[str, Any]]:
        """The log's lines about decisions."""
        lines = [json.loads(line) for line in self._log.read_text().splitlines()]
        return [line for line in lines if line["event"] == "decision"]


@pytest.fixture(scope="module")
def learning(workshop: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Learning]:
    """The router, its policy and a canary that gets half of the sessions that name themselves."""
    folder = tmp_path_factory.mktemp("learning")
    (folder / "policy.yaml").write_text(POLICY)
    (folder / "canary.yaml").write_text(CANARY + "record: {responseHeaders: true}\n")
    log = folder / "decisions.jsonl"
    canary = ("--canary", str(folder / "canary.yaml"), "--canary-share", "50%")
    with workshop.routed(workshop.plan(), folder / "policy.yaml", "--decision-log", str(log), *canary) as stack:
        yield Learning(stack, log)


class TestFeedback:
    def test_moves_requests_to_what_is_good(self, learning: Learning) -> None:
        """Large answers well and small does not: after forty pieces of feedback almost all that the bandit decides goes to large."""
        for number in range(80):
            pool, identity = learning.ask(f"question {number}")
            learning.feedback({"id": identity, "score": 1.0 if pool == "large" else 0.0})
        before = len(learning.decisions())
        for number in range(80):
            learning.ask(f"another {number}")

        later = [line for line in learning.decisions()[before:] if line["selector"] == "bandit"]
        assert Counter(line["pool"] for line in later).most_common(1)[0][0] == "large"
        assert min(line["propensity"] for line in later if line["pool"] == "large") > 0.7

    def test_counts_once(self, learning: Learning) -> None:
        """Again is a duplicate, otherwise is a conflict, and what nobody decided is unknown."""
        identity = next(line["id"] for line in reversed(learning.decisions()) if line["selector"] == "bandit")

        told = [learning.feedback({"id": identity, "score": score}) for score in (1.0, 1.0, 0.0)]
        statuses = [answer[0]["status"] if isinstance(answer, list) else answer["results"][0]["status"] for _, answer in told]

        assert statuses == ["applied", "duplicate", "conflict"]
        assert "unknown" in json.dumps(learning.feedback({"id": "nobody-1", "score": 1.0}))


class TestShadow:
    def test_is_asked_and_not_followed(self, learning: Learning) -> None:
        """It is told beside the choice."""
        shadowed = [line for line in learning.decisions() if line["selector"] == "bandit"]

        assert shadowed
        assert {json.dumps(line["shadows"]) for line in shadowed} == {json.dumps({"first": "small"})}
        assert "large" in {line["pool"] for line in shadowed}


class TestCanary:
    def test_decides_its_share_and_keeps_to_its_sessions(self, learning: Learning) -> None:
        """Two policy versions are in the log; a conversation that goes on stays with its own."""
        versions = Counter(line["policy"] for line in learning.decisions())
        assert len(versions) == 2
        assert min(versions.values()) > 30

        before = len(learning.decisions())
        for _ in range(10):
            learning.ask("the same beginning")
        assert len({line["policy"] for line in learning.decisions()[before:]}) == 1
