"""Admin: what people and probes can ask of a running router."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from router_extproc.admin import Admin, AdminServer
from router_extproc.breaker import BreakerReport, BreakerState
from router_extproc.config.loader import load
from router_extproc.config.store import PolicyStore
from router_extproc.hooks import Hooks
from router_extproc.limits.shared import Health
from router_extproc.observability.metrics import Metrics
from router_extproc.pools import PoolStats
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Change = Callable[[str], bool]
    Chat = Callable[..., bytes]


@pytest.fixture
def file(tmp_path: Path, policy: str) -> Path:
    """The policy on disk."""
    path = tmp_path / "policy.yaml"
    path.write_text(policy)
    return path


@pytest.fixture
def store(file: Path) -> PolicyStore:
    """With the policy in force."""
    services, stats = SignalServices(), PoolStats()
    return PolicyStore(file, lambda path: load(path, services=services, stats=stats), Hooks())


@pytest.fixture
def change(store: PolicyStore, file: Path, policy: str) -> Change:
    """Puts a policy with that at its end in force; whether that worked."""

    def write(more: str) -> bool:
        file.write_text(policy + more)
        return store.reload("watch")

    return write


class Asked:
    """The admin application, and whether it is ready."""

    def __init__(self, store: PolicyStore) -> None:
        self.ready = True
        self.metrics = Metrics()
        self.admin = Admin(store, self.metrics, lambda: self.ready)
        self.app = self.admin.app()

    async def __call__(self, method: str, url: str, **more: Any) -> httpx.Response:
        """Its answer."""
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://admin") as client:
            return await client.request(method, url, **more)


@pytest.fixture
def ask(store: PolicyStore) -> Asked:
    """Asks the application."""
    return Asked(store)


class TestProbes:
    async def test_alive(self, ask: Asked) -> None:
        """Even when not ready: a restart would not help."""
        ask.ready = False

        assert (await ask("GET", "/healthz")).status_code == 200

    @pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
    async def test_ready(self, ask: Asked, *, ready: bool, status: int) -> None:
        """Whether traffic should come."""
        ask.ready = ready

        assert (await ask("GET", "/readyz")).status_code == status

    @pytest.mark.parametrize(
        ("report", "line"),
        [
            pytest.param(BreakerReport(BreakerState.CLOSED), "[+]classifier shared ok", id="closed"),
            pytest.param(
                BreakerReport(BreakerState.OPEN, "every pass hangs"),
                "[-]classifier shared: breaker open: every pass hangs",
                id="open",
            ),
            pytest.param(
                BreakerReport(BreakerState.HALF_OPEN, "x"), "[-]classifier shared: breaker half-open: x", id="half-open"
            ),
        ],
    )
    async def test_ready_in_detail(self, store: PolicyStore, report: BreakerReport, line: str) -> None:
        """Policy and classifiers; a classifier that does not work leaves the process ready."""
        app = Admin(store, Metrics(), lambda: True, breakers=lambda: {"shared": report}).metrics_app()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://admin") as client:
            answer = await client.get("/readyz?verbose")

        assert (answer.status_code, answer.text) == (200, f"[+]policy {store.router.policy.version} ok\n{line}\nready\n")

    async def test_ready_in_detail_tells_of_a_refused_policy(self, ask: Asked, store: PolicyStore, change: Change) -> None:
        """And of its own state last."""
        ask.ready = False
        change("nonsense: 1\n")
        answer = await ask("GET", "/readyz?verbose")

        version = store.router.policy.version
        assert (answer.status_code, answer.text) == (503, f"[-]policy: the last load failed, {version} stays\nnot ready\n")

    @pytest.mark.parametrize(
        ("health", "line"),
        [
            pytest.param(Health(up=True), "[+]state ok", id="up"),
            pytest.param(
                Health(why="timeout"), "[-]state: no answer (timeout): rate limits are counted in this process alone", id="down"
            ),
            pytest.param(
                Health(), "[-]state: no answer (not asked yet): rate limits are counted in this process alone", id="new"
            ),
        ],
    )
    async def test_ready_in_detail_tells_of_the_shared_store(
        self, ask: Asked, store: PolicyStore, health: Health, line: str
    ) -> None:
        """Without it the process is as ready as with it."""
        ask.app = Admin(store, ask.metrics, lambda: True, state=lambda: health).app()
        answer = await ask("GET", "/readyz?verbose")

        assert answer.status_code == 200
        assert answer.text.splitlines()[1:] == [line, "ready"]

    @pytest.mark.parametrize("path", ["/", "/nowhere", "/docs"])
    async def test_nothing_else_is_there(self, ask: Asked, path: str) -> None:
        """Other paths are not found."""
        assert (await ask("GET", path)).status_code == 404

    @pytest.mark.parametrize(("method", "path"), [("POST", "/healthz"), ("DELETE", "/config/status"), ("GET", "/explain")])
    async def test_other_methods_are_not_allowed(self, ask: Asked, method: str, path: str) -> None:
        """Nothing here changes anything."""
        assert (await ask(method, path)).status_code == 405


class TestMetrics:
    async def test_are_in_prometheus_form(self, ask: Asked) -> None:
        """With the content type that names it."""
        response = await ask("GET", "/metrics")

        assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert "# TYPE router_extproc_requests_total counter" in response.text


class TestStatus:
    async def test_of_a_good_policy(self, ask: Asked, store: PolicyStore, file: Path) -> None:
        """Version, source and times."""
        told = (await ask("GET", "/config/status")).json()

        assert told == {
            "source": str(file),
            "version": store.router.policy.version,
            "loaded_at": store.status.loaded_at,
            "reloads": 0,
            "failures": 0,
            "last_attempt_at": store.status.last_attempt_at,
            "last_ok": True,
            "last_trigger": "start",
            "errors": [],
            "warnings": [],
            "files": {},
        }

    async def test_of_a_refused_policy(self, ask: Asked, store: PolicyStore, file: Path, change: Change) -> None:
        """What is wrong with the file, and that another is in force."""
        version = store.router.policy.version
        change("nonsense: 1\n")
        told = (await ask("GET", "/config/status")).json()

        assert (told["version"], told["last_ok"], told["failures"], told["last_trigger"]) == (version, False, 1, "watch")
        assert f"{file}:20:1: error: unknown key 'nonsense'" in told["errors"][0]


class TestLimits:
    async def test_are_those_in_force(self, ask: Asked, change: Change) -> None:
        """Of the policy that routes now."""
        before = (await ask("GET", "/limits")).json()
        assert change("limits: {maxRequestBytes: 2048}\n")
        after = (await ask("GET", "/limits")).json()

        assert set(before) == {"max_request_bytes", "max_depth", "deadline_ms", "upload_timeout_ms"}
        assert after == {**before, "max_request_bytes": 2048}

    async def test_the_programs_own_bounds_are_told_too(self, store: PolicyStore) -> None:
        """Those that no policy sets."""
        app = Admin(store, Metrics(), lambda: True, {"encoder_queue": 7}).app()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://admin") as client:
            told = (await client.get("/limits")).json()

        assert told["encoder_queue"] == 7
        assert told["deadline_ms"] == 200


class TestExplain:
    async def test_tells_how_a_request_would_be_routed(self, ask: Asked, chat: Chat) -> None:
        """The decision, each rule, and the signals."""
        response = await ask("POST", "/explain?path=/v1/chat/completions", content=chat("a traceback"))

        assert response.status_code == 200
        assert all(word in response.text for word in ('"code"', "no-secrets", "code_words", "qwen-large"))

    async def test_the_path_can_be_left_out(self, ask: Asked, chat: Chat) -> None:
        """Then it is Chat Completions."""
        named = (await ask("POST", "/explain?path=/v1/chat/completions", content=chat("a traceback"))).json()
        unnamed = (await ask("POST", "/explain", content=chat("a traceback"))).json()

        assert set(named) == set(unnamed)
        assert unnamed["decision"] == named["decision"]

    async def test_reads_the_requests_headers(self, ask: Asked, change: Change, chat: Chat) -> None:
        """Identity headers and encodings count as they would behind Envoy."""
        assert change("recipes: {cheap: {default: large}}\nrequests: {recipeHeader: x-recipe}\n")
        response = await ask("POST", "/explain", content=gzip.compress(chat()), headers={"content-encoding": "gzip"})
        with_recipe = await ask("POST", "/explain", content=chat(), headers={"X-Recipe": "cheap"})

        assert '"small"' in response.text
        assert '"large"' in with_recipe.text

    @pytest.mark.parametrize(
        ("path", "body", "told"),
        [
            pytest.param(
                "/v1/chat/completions", b"{", {"verdict": "reject", "reason": "malformed_json", "status": 400}, id="bad"
            ),
            pytest.param("/elsewhere", b"{}", {"verdict": "pass", "reason": "not_llm", "pool": None}, id="no LLM API"),
            pytest.param("/v1/chat/completions", b"", {"verdict": "reject", "reason": "empty_body"}, id="empty"),
        ],
    )
    async def test_of_what_no_policy_is_asked_about(self, ask: Asked, path: str, body: bytes, told: dict[str, Any]) -> None:
        """Its outcome, and why."""
        found = (await ask("POST", "/explain", params={"path": path}, content=body)).json()

        assert {key: found[key] for key in told} == told

    async def test_of_a_malformed_body_that_the_policy_lets_through(self, ask: Asked, change: Change) -> None:
        """The default's pool."""
        assert change("requests: {malformed: route}\n")
        told = (await ask("POST", "/explain", content=b"{")).json()

        assert (told["verdict"], told["pool"]) == ("route", "small")

    async def test_a_body_over_the_limit(self, ask: Asked, change: Change) -> None:
        """Is not read to its end."""
        assert change("limits: {maxRequestBytes: 2048}\n")
        read = 0

        async def body() -> Any:
            nonlocal read
            for _ in range(100):
                read += 1
                yield b"x" * 1024

        response = await ask("POST", "/explain", content=body())

        assert response.status_code == 413
        assert read < 10
        assert "2048" in response.json()["error"]

    async def test_the_prompt_is_not_told(self, ask: Asked, chat: Chat) -> None:
        """Explanations are pasted into tickets."""
        response = await ask("POST", "/explain", content=chat("a traceback zebra17"))

        assert "zebra17" not in response.text


class TestMetricsApp:
    @pytest.fixture
    def ask(self, ask: Asked) -> Asked:
        """Asks what other pods may reach."""
        ask.app = ask.admin.metrics_app()
        return ask

    @pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz"])
    async def test_serves_metrics_and_probes(self, ask: Asked, path: str) -> None:
        """To Prometheus and to the kubelet."""
        assert (await ask("GET", path)).status_code == 200

    async def test_metrics_are_those_of_the_admin_port(self, ask: Asked) -> None:
        """In Prometheus' form, from the same registry."""
        response = await ask("GET", "/metrics")

        assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert "# TYPE router_extproc_requests_total counter" in response.text

    async def test_alive_though_not_ready(self, ask: Asked) -> None:
        """As on the admin port: a restart would not help."""
        ask.ready = False

        assert [(await ask("GET", path)).status_code for path in ("/healthz", "/readyz")] == [200, 503]

    @pytest.mark.parametrize("method", ["GET", "POST"])
    @pytest.mark.parametrize("path", ["/explain", "/config/status", "/limits", "/"])
    async def test_nothing_else_is_there(self, ask: Asked, chat: Chat, method: str, path: str) -> None:
        """Neither requests nor files are explained to other pods."""
        assert (await ask(method, path, content=chat("a traceback"))).status_code == 404

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
    @pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz"])
    async def test_it_is_read_only(self, ask: Asked, method: str, path: str) -> None:
        """Other methods are not allowed."""
        assert (await ask(method, path)).status_code == 405


class TestServer:
    async def test_listens_until_stopped(self, ask: Asked) -> None:
        """On a port of its own."""
        server = AdminServer(ask.app, "127.0.0.1:0")
        await server.start()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as client:
            status = (await client.get("/healthz")).status_code
            port = server.port
            await server.stop()
            with pytest.raises(httpx.ConnectError):
                await client.get("/healthz", headers={"connection": "close"})

        assert (status, port > 0) == (200, True)

    @pytest.mark.parametrize("address", ["0", ":0"])
    async def test_is_on_loopback_unless_told(self, ask: Asked, address: str) -> None:
        """A port alone opens nothing to others."""
        server = AdminServer(ask.app, address)
        await server.start()
        found = server._server.servers[0].sockets[0].getsockname()[0]
        await server.stop()

        assert found == "127.0.0.1"

    async def test_a_port_in_use_is_told(self, ask: Asked) -> None:
        """As an error of the system, not as the end of the program."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            server = AdminServer(ask.app, f"127.0.0.1:{taken.getsockname()[1]}", name="metrics")
            with pytest.raises(OSError, match="the metrics port cannot be listened on"):
                await server.start()

    async def test_a_client_that_hangs_does_not_keep_it(self, ask: Asked) -> None:
        """Half a request holds up the end for a second, not for ever."""
        server = AdminServer(ask.app, "127.0.0.1:0")
        await server.start()
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"POST /explain HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{")
        await writer.drain()
        await asyncio.sleep(0.1)
        await server.stop()
        writer.close()

    async def test_bodies_come_as_they_are_sent(self, ask: Asked, chat: Chat) -> None:
        """Through a real connection too."""
        server = AdminServer(ask.app, "127.0.0.1:0")
        await server.start()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as client:
            response = await client.post("/explain", content=chat("a traceback"))
        await server.stop()

        assert "qwen-large" in json.dumps(response.json())
