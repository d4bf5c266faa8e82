"""POST /feedback: what comes back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from router_extproc.admin import Admin
from router_extproc.config.loader import load
from router_extproc.config.store import PolicyStore
from router_extproc.hooks import Hooks
from router_extproc.learning.feedback import MAX_BYTES
from router_extproc.observability.metrics import Metrics
from router_extproc.pools import PoolStats
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from router_extproc.learning.experience import Experience

    Ask = Callable[..., Any]


@pytest.fixture
def metrics() -> Metrics:
    """Of the process."""
    return Metrics()


@pytest.fixture
def ask(tmp_path: Path, policy: str, experience: Experience, metrics: Metrics) -> Ask:
    """Posts to the admin application."""
    file = tmp_path / "policy.yaml"
    file.write_text(policy)
    services, stats = SignalServices(), PoolStats()
    store = PolicyStore(file, lambda path: load(path, services=services, stats=stats), Hooks())
    metrics.watch_learning(experience)
    admin = Admin(store, metrics, lambda: True, experience=experience)

    async def post(
        body: Any, kind: str = "application/json", path: str = "/feedback", *, open_port: bool = False
    ) -> httpx.Response:
        transport = httpx.ASGITransport(app=admin.metrics_app() if open_port else admin.app())
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with httpx.AsyncClient(transport=transport, base_url="http://admin") as client:
            return await client.post(path, content=content, headers={"content-type": kind})

    return post


class TestFeedback:
    async def test_is_learned_once(self, ask: Ask, metrics: Metrics) -> None:
        """And counted by what became of it."""
        bodies = [{"id": "a-1", "score": 1.0}] * 2 + [{"id": "a-1", "label": "failure"}, {"id": "b-1", "score": 1.0}]

        answers = [await ask(body) for body in bodies]

        assert [answer.status_code for answer in answers] == [200, 200, 409, 404]
        assert [answer.json()["status"] for answer in answers] == ["applied", "duplicate", "conflict", "unknown"]
        assert "too long ago" in answers[-1].json()["error"]
        text = metrics.text().decode()
        assert 'router_extproc_learning_feedback_total{kind="score",result="applied"} 1.0' in text
        assert 'router_extproc_learning_feedback_total{kind="label",result="conflict"} 1.0' in text
        assert "router_extproc_learning_pending 2.0" in text

    async def test_a_batch_tells_each(self, ask: Ask) -> None:
        """207 where not all are the same."""
        mixed = await ask([{"id": "a-1", "score": 1.0}, {"id": "b-1", "score": 1.0}])
        pair = await ask([{"better": "a-1", "worse": "a-2"}])

        assert mixed.status_code == 207
        assert [each["status"] for each in mixed.json()["results"]] == ["applied", "unknown"]
        assert (pair.status_code, pair.json()) == (200, {"results": [{"status": "applied"}]})

    @pytest.mark.parametrize(
        ("body", "kind", "status"),
        [
            pytest.param({"id": "a-1"}, "application/json", 400, id="no verdict"),
            pytest.param([{"id": "a-1", "score": 1}, {"id": 5}], "application/json", 400, id="one of a batch"),
            pytest.param(b"{", "application/json", 400, id="no JSON"),
            pytest.param({"id": "a-1", "score": 1}, "text/plain", 415, id="what a web page can send"),
            pytest.param(b" " * (MAX_BYTES + 1), "application/json", 413, id="too large"),
        ],
    )
    async def test_what_is_none_is_refused(self, ask: Ask, experience: Experience, body: Any, kind: str, status: int) -> None:
        """As a whole, with the reason."""
        answer = await ask(body, kind)

        assert (answer.status_code, bool(answer.json()["error"])) == (status, True)
        assert not experience.ledger.sums()

    async def test_is_not_on_the_open_port(self, ask: Ask) -> None:
        """Which other pods may reach."""
        assert (await ask({"id": "a-1", "score": 1.0}, open_port=True)).status_code == 404
