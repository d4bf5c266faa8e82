"""Service: the parts together, from the first load to the end of the drain."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import httpx
import pytest
from envoy.service.ext_proc.v3 import external_processor_pb2 as pb

from router_extproc.extproc.messages import METHOD
from router_extproc.policy.problems import PolicyError
from router_extproc.service import Service, ServiceOptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from router_extproc.admin import AdminServer

    Chat = Callable[..., bytes]


@pytest.fixture(autouse=True)
def _collector_as_it_was() -> Iterator[None]:
    """A service tunes the garbage collector of its process."""
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)
    gc.unfreeze()


class Running:
    """A service that serves, and how to speak to it."""

    def __init__(self, service: Service, policy: Path, task: asyncio.Task[None], log: Path) -> None:
        self.service = service
        self.policy = policy
        self.task = task
        self._log = log

    def change(self, more: str) -> None:
        """Write a policy with that at its end."""
        self.policy.write_text(self.policy.read_text() + more)

    def lines(self) -> list[dict[str, Any]]:
        """What is in the decision log."""
        return [json.loads(line) for line in self._log.read_text().splitlines()]

    async def get(self, path: str) -> httpx.Response:
        """Ask the admin port."""
        return await _got(self.service.admin, path)

    async def scrape(self, path: str) -> httpx.Response:
        """Ask the metrics port."""
        return await _got(self.service.scraped, path)

    async def route(self, body: bytes) -> str:
        """Send a request as Envoy does; the pool's header, or the status of an immediate answer."""
        headers = {":method": "POST", ":path": "/v1/chat/completions", "content-type": "application/json"}
        first = pb.ProcessingRequest()
        for name, value in headers.items():
            first.request_headers.headers.headers.add(key=name, raw_value=value.encode())
        first.protocol_config.request_body_mode = 2  # buffered
        second = pb.ProcessingRequest(request_body=pb.HttpBody(body=body, end_of_stream=True))
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self.service.server.port}") as channel:
            process: Any = channel.stream_stream(METHOD)
            call = process()
            await call.write(first.SerializeToString())
            await call.read()
            await call.write(second.SerializeToString())
            reply = pb.ProcessingResponse.FromString(await call.read())
            await call.done_writing()
        if reply.HasField("immediate_response"):
            return str(reply.immediate_response.status.code)
        edits = reply.request_body.response.header_mutation.set_headers
        return next(edit.header.raw_value.decode() for edit in edits if edit.header.key == "x-router-pool")


async def _got(server: AdminServer | None, path: str) -> httpx.Response:
    assert server is not None
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(f"http://127.0.0.1:{server.port}{path}")


async def until(holds: Callable[[], bool]) -> None:
    """Wait until it comes to hold; some minute later the test fails."""
    for _ in range(6000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to hold")


@asynccontextmanager
async def served(tmp_path: Path, policy: str, **more: Any) -> AsyncIterator[Running]:
    """A service on free ports, ended afterwards if the test did not."""
    file, log = tmp_path / "policy.yaml", tmp_path / "decisions.log"
    file.write_text(policy)
    options = {"listen": "127.0.0.1:0", "admin": "127.0.0.1:0", "grace": 0.0, "decision_log": str(log), **more}
    service = Service(ServiceOptions(file, **options))
    task = asyncio.create_task(service.run())
    await until(lambda: service._ready or task.done())
    try:
        yield Running(service, file, task, log)
    finally:
        if not task.done():
            os.kill(os.getpid(), signal.SIGTERM)
        await task


ROUTE_OF_A_SESSION = """
sessions: {ttlSeconds: 60}
circuits: {failures: 9}
recipes:
  kept:
    virtualModels: [kept]
    default: {candidates: [small, large], session: {switch: never}, fallback: {}}
"""


class TestServing:
    async def test_routes_as_the_policy_says(self, tmp_path: Path, policy: str, chat: Chat) -> None:
        """From Envoy's stream to the reply, and to every hook."""
        async with served(tmp_path, policy) as running:
            pools = [await running.route(chat(text)) for text in ("hi", "a traceback", "hunter2")]
            await until(lambda: running.service.server.streams == 0)
            metrics = (await running.get("/metrics")).text
        lines = running.lines()

        assert pools == ["pool-small", "pool-large", "403"]
        assert [line["decision"] for line in lines] == ["default", "code", "no-secrets"]
        assert 'router_extproc_decisions_total{decision="code",recipe=""} 1.0' in metrics
        assert "router_extproc_streams 0.0" in metrics
        assert "router_extproc_hook_failures_total 0.0" in metrics

    async def test_is_ready(self, tmp_path: Path, policy: str) -> None:
        """Once both ports are open."""
        async with served(tmp_path, policy) as running:
            assert (await running.get("/readyz")).status_code == 200
            assert (await running.get("/healthz")).status_code == 200

    async def test_tells_the_policy_in_force(self, tmp_path: Path, policy: str) -> None:
        """From the start, with its limits."""
        async with served(tmp_path, policy + "limits: {maxRequestBytes: 4096}\n") as running:
            version = running.service.store.router.policy.version  # type: ignore[union-attr]  # it is loaded
            metrics = (await running.get("/metrics")).text

        assert f'router_extproc_policy_info{{version="{version}"}} 1.0' in metrics
        assert 'router_extproc_limit{limit="max_request_bytes"} 4096.0' in metrics
        assert 'router_extproc_policy_reloads_total{result="ok",trigger="start"} 1.0' in metrics

    async def test_the_admin_port_can_be_left_out(self, tmp_path: Path, policy: str, chat: Chat) -> None:
        """It is served without one then."""
        async with served(tmp_path, policy, admin="") as running:
            assert running.service.admin is None
            assert await running.route(chat()) == "pool-small"

    async def test_metrics_have_no_port_of_their_own_unless_told(self, tmp_path: Path, policy: str) -> None:
        """Nothing more is open by default."""
        async with served(tmp_path, policy) as running:
            assert running.service.scraped is None

    @pytest.mark.parametrize("admin", ["127.0.0.1:0", ""])
    async def test_metrics_can_have_a_port_of_their_own(self, tmp_path: Path, policy: str, chat: Chat, admin: str) -> None:
        """With and without an admin port: metrics and probes are there, explanations and files are not."""
        async with served(tmp_path, policy, admin=admin, metrics="127.0.0.1:0") as running:
            await running.route(chat())
            metrics = (await running.scrape("/metrics")).text
            paths = ("/healthz", "/readyz", "/explain", "/config/status", "/limits")
            found = [(await running.scrape(path)).status_code for path in paths]

        assert 'router_extproc_decisions_total{decision="default",recipe=""} 1.0' in metrics
        assert found == [200, 200, 404, 404, 404]

    async def test_the_decision_log_can_be_sampled_or_off(self, tmp_path: Path, policy: str, chat: Chat) -> None:
        """As the options say."""
        async with served(tmp_path, policy, decision_sample=0.0) as running:
            await running.route(chat())
            await running.route(chat("hunter2"))
        sampled = [line["decision"] for line in running.lines()]
        async with served(tmp_path, policy, decision_log="off") as running:
            await running.route(chat("hunter2"))

        assert sampled == ["no-secrets"]
        assert len(running.lines()) == 1

    async def test_a_collector_that_is_away_hurts_nobody(self, tmp_path: Path, policy: str, chat: Chat) -> None:
        """Requests are routed, and the end is not held up."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            async with served(tmp_path, policy, otlp=f"http://127.0.0.1:{free.getsockname()[1]}") as running:
                assert await running.route(chat()) == "pool-small"

        assert running.service.hooks.failures == 0


class TestReload:
    async def test_requests_follow_the_file(self, tmp_path: Path, policy: str, chat: Chat) -> None:
        """A changed policy is in force for the next request, and in the metrics."""
        async with served(tmp_path, policy, poll=0.05) as running:
            store = running.service.store
            assert store is not None
            before = await running.route(chat())
            running.policy.write_text(policy.replace("default: small", "default: large"))
            await until(lambda: store.status.reloads == 1)
            after = await running.route(chat())
            metrics = (await running.get("/metrics")).text

        assert (before, after) == ("pool-small", "pool-large")
        assert f'router_extproc_policy_info{{version="{store.router.policy.version}"}} 1.0' in metrics
        assert "router_extproc_policy_last_load_ok 1.0" in metrics

    async def test_a_broken_file_changes_nothing(self, tmp_path: Path, policy: str, chat: Chat) -> None:
        """But what the admin port tells."""
        async with served(tmp_path, policy, poll=0.05) as running:
            store = running.service.store
            assert store is not None
            running.change("nonsense: 1\n")
            await until(lambda: store.status.failures == 1)
            pool = await running.route(chat("a traceback"))
            status = (await running.get("/config/status")).json()
            metrics = (await running.get("/metrics")).text
            ready = (await running.get("/readyz")).status_code

        assert (pool, ready) == ("pool-large", 200)
        assert "unknown key 'nonsense'" in status["errors"][0]
        assert "router_extproc_policy_last_load_ok 0.0" in metrics

    async def test_sighup(self, tmp_path: Path, policy: str) -> None:
        """Loads anew, without a change."""
        async with served(tmp_path, policy) as running:
            store = running.service.store
            assert store is not None
            os.kill(os.getpid(), signal.SIGHUP)
            await until(lambda: store.status.reloads == 1)

        assert store.status.last_trigger == "sighup"

    async def test_pools_that_are_gone_are_forgotten(self, tmp_path: Path, policy: str) -> None:
        """Statistics do not grow from policy to policy."""
        async with served(tmp_path, policy, poll=0.05) as running:
            store = running.service.store
            assert store is not None
            before = set(running.service._stats.snapshot())
            running.policy.write_text("version: 1\npools: {other: {cluster: c}}\ndefault: other\n")
            await until(lambda: store.status.reloads == 1)

        assert "small" not in set(running.service._stats.snapshot()) - before


class TestEnd:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    async def test_a_signal_ends_it(self, tmp_path: Path, policy: str, number: signal.Signals) -> None:
        """All ports are closed then."""
        async with served(tmp_path, policy, metrics="127.0.0.1:0") as running:
            service = running.service
            assert service.admin is not None
            assert service.scraped is not None
            ports = [service.server.port, service.admin.port, service.scraped.port]
            os.kill(os.getpid(), number)
            await running.task

        for port in ports:
            with socket.socket() as one:
                assert one.connect_ex(("127.0.0.1", port)) != 0

    async def test_not_ready_while_draining(self, tmp_path: Path, policy: str) -> None:
        """The HTTP ports go last, so that probes learn of it."""
        async with served(tmp_path, policy, grace=2.0, metrics="127.0.0.1:0") as running:
            os.kill(os.getpid(), signal.SIGTERM)
            await until(lambda: not running.service._ready)
            ready = [(await ask("/readyz")).status_code for ask in (running.get, running.scrape)]
            alive = [(await ask("/healthz")).status_code for ask in (running.get, running.scrape)]

        assert (ready, alive) == ([503, 503], [200, 200])

    async def test_the_last_decision_is_written(self, tmp_path: Path, policy: str, chat: Chat) -> None:
        """The log is closed after the last stream."""
        async with served(tmp_path, policy) as running:
            for _ in range(20):
                await running.route(chat())

        assert len(running.lines()) == 20


class TestStart:
    def test_a_broken_policy_is_told(self, tmp_path: Path) -> None:
        """Nothing is served without a good one."""
        file = tmp_path / "policy.yaml"
        file.write_text("version: 1\n")

        with pytest.raises(PolicyError):
            Service(ServiceOptions(file, decision_log="off"))

    @pytest.mark.parametrize(
        ("state", "secret", "shared"),
        [
            pytest.param("redis://127.0.0.1:9/0", b"s" * 32, True, id="a store and a secret"),
            pytest.param("redis://127.0.0.1:9/0", b"", False, id="without a secret others know sessions by other keys"),
            pytest.param("", b"s" * 32, False, id="no store"),
        ],
    )
    def test_sessions_are_shared_where_they_can_be(
        self, tmp_path: Path, policy: str, state: str, secret: bytes, *, shared: bool
    ) -> None:
        """By a store, and by a secret that all processes have."""
        path = tmp_path / "policy.yaml"
        path.write_text(policy)
        service = Service(ServiceOptions(path, state=state, cache_secret=secret, decision_log="off"))
        store = service.store

        assert store is not None
        assert (store.router.sessions.shared is not None) == shared

    def test_a_missing_policy_is_told(self, tmp_path: Path) -> None:
        """With its name."""
        with pytest.raises(FileNotFoundError) as caught:
            Service(ServiceOptions(tmp_path / "absent.yaml", decision_log="off"))
        assert caught.value.filename == str(tmp_path / "absent.yaml")

    @pytest.mark.parametrize("which", ["listen", "admin", "metrics"])
    async def test_a_port_in_use_is_told(self, tmp_path: Path, policy: str, which: str) -> None:
        """Any of them."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            file = tmp_path / "policy.yaml"
            file.write_text(policy)
            free = {"listen": "127.0.0.1:0", "admin": "127.0.0.1:0", "metrics": "127.0.0.1:0"}
            addresses = {**free, which: f"127.0.0.1:{taken.getsockname()[1]}"}
            service = Service(ServiceOptions(file, decision_log="off", **addresses))  # type: ignore[arg-type]  # texts only

            with pytest.raises(OSError, match="listen"):
                await service.run()
            for port in service._http():
                await port.stop()


class TestTls:
    @pytest.mark.parametrize(
        ("given", "there"),
        [
            pytest.param({}, False, id="none"),
            pytest.param({"tls_cert": "a"}, False, id="no key"),
            pytest.param({"tls_cert": "a", "tls_key": "b"}, True, id="both"),
        ],
    )
    def test_needs_certificate_and_key(self, tmp_path: Path, given: dict[str, str], *, there: bool) -> None:
        """One alone is no TLS."""
        options = ServiceOptions(tmp_path, **{name: tmp_path / value for name, value in given.items()})

        assert (options.tls() is not None) == there


class TestTwoPolicies:
    async def test_reloads_at_the_same_time_leave_what_is_in_force(self, tmp_path: Path, policy: str) -> None:
        """SIGHUP loads both in threads: what the first policy says of circuits and sessions holds, whichever thread ends last."""
        other = tmp_path / "other.yaml"
        other.write_text(policy)
        async with served(tmp_path, policy, canary=other, canary_share=0.5) as running:
            service = running.service
            running.change(ROUTE_OF_A_SESSION)
            store, canary = service.store, service.canary
            assert store is not None
            assert canary is not None
            loaded = service._load(running.policy)
            assert canary.reload("sighup", force=True)
            assert service._sessions.memory.ttl_s == 3600
            store._swap(loaded, "sighup", 0.0)

            assert service._sessions.memory.ttl_s == 60
            assert service._health._options.failures == 9

    async def test_explains_by_the_policy_that_would_decide(self, tmp_path: Path, policy: str, chat: Chat) -> None:
        """Also where that is the canary's."""
        other = tmp_path / "other.yaml"
        other.write_text(policy + "# another version\n")
        async with served(tmp_path, policy, canary=other, canary_share=1.0) as running:
            admin, canary = running.service.admin, running.service.canary
            assert admin is not None
            assert canary is not None
            async with httpx.AsyncClient(trust_env=False) as client:
                told = (await client.post(f"http://127.0.0.1:{admin.port}/explain", content=chat("hi"))).json()

        assert told["policy"] == canary.router.policy.version
