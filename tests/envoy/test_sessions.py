"""Sessions and pools that fail, through the real Envoy: an agent's forty turns, and model servers that die and come back."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.demo.agent import played
from router_extproc.demo.agent_script import SYSTEM, steps
from router_extproc.demo.client import Client, post
from router_extproc.demo.envoy_config import rendered
from router_extproc.demo.processes import free_ports
from router_extproc.demo.stack import start_envoy, start_model, start_router

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from router_extproc.demo.agent import Told
    from router_extproc.demo.processes import Child

pytestmark = pytest.mark.envoy

CHAT = "/v1/chat/completions"
STORY = [
    ("small", "opened", 1),
    ("small", "kept", 5),
    ("large", "switched", 1),
    ("large", "kept", 7),
    ("small", "switched", 1),
    ("small", "kept", 2),
    ("code", "escalated", 1),
    ("code", "kept", 4),
    ("code", "held", 1),
    ("code", "kept", 4),
    ("large", "moved", 1),
    ("large", "kept", 3),
    ("small", "switched", 1),
    ("small", "kept", 3),
    ("large", "switched", 1),
    ("large", "kept", 1),
    ("small", "lowered", 1),
    ("small", "kept", 1),
    (None, "refused", 1),
]
"""Pool, move, and for how many turns."""


@pytest.fixture(scope="module")
def told(workshop: Any, tmp_path_factory: pytest.TempPathFactory) -> list[Told]:
    """The demo's session."""
    return played(workshop.processes, tmp_path_factory.mktemp("agent"))


class TestForty:
    def test_the_decision_log_tells_the_story(self, told: list[Told]) -> None:
        """Where each turn went and by which move: kept in tool loops, switched where worth it, raised on a stall, moved off a dead pool."""
        expected = [(pool, move) for pool, move, times in STORY for _ in range(times)]

        assert [(each.line.get("pool"), each.session["move"]) for each in told] == expected
        assert [each.session["turn"] for each in told] == list(range(1, 41))
        assert len({each.session["key"] for each in told}) == 1

    def test_says_why(self, told: list[Told]) -> None:
        """A switch by its gain and loss, an escalation by its sign, a move by the pool that was left."""
        by_move: dict[str, list[dict[str, Any]]] = {}
        for each in told:
            by_move.setdefault(each.session["move"], []).append(each.line)

        assert all(line["session"]["gain_usd"] > line["session"]["loss_usd"] > 0 for line in by_move["switched"])
        assert by_move["escalated"][0]["session"]["why"] == "calls 3"
        (moved,) = by_move["moved"]
        assert moved["session"]["why"] == "circuit_open"
        assert moved["reroutes"] == [{"pool": "code", "why": "circuit_open", "to": "large"}]
        assert by_move["lowered"][0]["session"]["why"] == "budget"

    def test_callers_get_two_errors_and_no_more(self, told: list[Told]) -> None:
        """While the pool's circuit finds out; the last turn finds its budget spent."""
        assert [each.status for each in told if each.status != 200] == [503, 503, 402]
        assert told[-1].line["reason"] == "budget_spent"

    def test_the_budget_holds(self, told: list[Told]) -> None:
        """Nothing was served once it was spent; what was spent only rises."""
        spent = [each.session["spent_usd"] for each in told]

        assert spent == sorted(spent)
        assert [each.session["budget"] for each in told if each.status == 200][-1] == "nearly"
        assert told[-1].session["budget"] == "spent"

    def test_no_text_is_told(self, told: list[Told]) -> None:
        """Neither prompts nor the session's name."""
        lines = json.dumps([each.line for each in told])
        texts = [message.get("content") for step in steps() for message in step.messages]

        assert SYSTEM["content"][:40] not in lines
        assert not any(text in lines for text in texts if text and len(text) > 12)
        assert '"demo"' not in lines


POLICY = """\
version: 1
pools:
  small: {cluster: pool-small}
  code: {cluster: pool-code}
  large: {cluster: pool-large}
virtualModels: [auto, checked]
circuits: {failures: 2, pauseSeconds: 0.3, longestPauseSeconds: 0.6}
default: {candidates: [code, small], fallback: {}}
signals: {asked: {type: model}}
decisions:
  - {name: checked, when: {signal: asked, is: checked}, route: {candidates: [large, small], fallback: {}}}
record: {responseHeaders: true}
"""


class Failing:
    """A stack of which two model servers can be ended and started."""

    def __init__(self, workshop: Any, directory: Path) -> None:
        self._processes = workshop.processes
        code, large, self.admin = free_ports(3)
        plan = workshop.plan()
        self._plan = plan = replace(plan, pools={**plan.pools, "code": code, "large": large})
        self._children: dict[str, Child] = {}
        for pool in ("code", "large"):
            self.start(pool)
        policy = directory / "failing.yaml"
        policy.write_text(POLICY)
        asking = ("--envoy-admin", f"http://127.0.0.1:{plan.admin}")
        self.router = start_router(self._processes, plan, self.admin, policy, asking)
        self.envoy = start_envoy(self._processes, plan, directory, configuration=self._configuration())
        self._client = Client(f"http://127.0.0.1:{plan.listener}")

    def _configuration(self) -> str:
        """Envoy's, with health checks of the pool `large`: of the others it does not know how they are."""
        config = json.loads(rendered(self._plan))
        checks = {"timeout": "1s", "interval": "0.2s", "unhealthy_threshold": 1, "healthy_threshold": 1}
        for cluster in config["static_resources"]["clusters"]:
            if cluster["name"] == "pool-large":
                cluster["health_checks"] = [{**checks, "no_traffic_interval": "0.2s", "http_health_check": {"path": "/healthz"}}]
        return json.dumps(config)

    def start(self, pool: str) -> None:
        """Start a model server."""
        self._children[pool] = start_model(self._processes, pool, self._plan.pools[pool])

    def end(self, pool: str) -> None:
        """End one."""
        self._processes.end(self._children[pool], kill=True)

    def asked(self, model: str = "auto") -> tuple[int, str]:
        """The status of an answer, and whose it is."""
        body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hello"}]}).encode()
        answer = self._client.post(CHAT, body)
        return answer.status, answer.headers.get("x-served-by", "")

    def until(self, wanted: Callable[[], bool]) -> None:
        """Wait until something is so; the test runner ends what never is."""
        while not wanted():
            time.sleep(0.05)

    def metrics(self) -> str:
        """The router's."""
        return post(f"http://127.0.0.1:{self.admin}", "/metrics", b"", method="GET").body.decode()

    def close(self) -> None:
        """End all."""
        self._client.close()
        for child in (self.envoy, self.router, *self._children.values()):
            self._processes.end(child)


@pytest.fixture(scope="module")
def failing(workshop: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Failing]:
    """One for all tests."""
    made = Failing(workshop, tmp_path_factory.mktemp("failing"))
    yield made
    made.close()


class TestPoolsThatFail:
    def test_a_dead_pool_is_left_and_found_again(self, failing: Failing) -> None:
        """Two callers meet the failure, a probe now and then does; when it is back, all go there again."""
        assert failing.asked() == (200, "code")
        failing.end("code")
        assert [failing.asked()[0] for _ in range(2)] == [503, 503]
        assert [failing.asked() for _ in range(5)] == [(200, "small")] * 5

        time.sleep(0.35)
        assert [failing.asked() for _ in range(3)] == [(503, ""), (200, "small"), (200, "small")]
        failing.start("code")
        failing.until(lambda: failing.asked() == (200, "code"))
        assert [failing.asked() for _ in range(3)] == [(200, "code")] * 3
        told = failing.metrics()
        assert 'router_extproc_pool_circuit_state{pool="code"} 0.0' in told
        assert 'router_extproc_reroutes_total{pool="code",reason="circuit_open",result="rerouted"}' in told

    def test_envoy_tells_that_a_pool_has_no_healthy_host(self, failing: Failing) -> None:
        """Then no caller meets the failure."""
        gauge = 'router_extproc_cluster_healthy_hosts{cluster="pool-large"}'
        failing.until(lambda: f"{gauge} 1.0" in failing.metrics())
        assert failing.asked("checked") == (200, "large")
        failing.end("large")
        failing.until(lambda: f"{gauge} 0.0" in failing.metrics())
        assert [failing.asked("checked") for _ in range(3)] == [(200, "small")] * 3

        failing.start("large")
        failing.until(lambda: f"{gauge} 1.0" in failing.metrics())
        assert failing.asked("checked") == (200, "large")
        assert 'reason="no_healthy_hosts",result="rerouted"} 3.0' in failing.metrics()
