"""Envoy's admin port: what is read of its answers, and what becomes of none."""

from __future__ import annotations

import json
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc import envoy_admin as module
from router_extproc.envoy_admin import AskError, EnvoyAdmin, healthy_hosts
from router_extproc.health import PoolHealth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


VALUES = st.recursive(st.none() | st.text() | st.integers(), lambda part: st.lists(part) | st.dictionaries(st.text(), part))
ANSWERS = VALUES.map(lambda value: json.dumps({"cluster_statuses": value}).encode())


def cluster(name: str, *hosts: dict[str, Any]) -> dict[str, Any]:
    """One cluster of an answer."""
    return {"name": name, "host_statuses": [{"health_status": host} for host in hosts]}


def answer(*clusters: dict[str, Any]) -> bytes:
    """An answer."""
    return json.dumps({"cluster_statuses": list(clusters)}).encode()


class TestHealthyHosts:
    @pytest.mark.parametrize(
        ("hosts", "count"),
        [
            pytest.param([], 0, id="none"),
            pytest.param([{"eds_health_status": "HEALTHY"}], 1, id="healthy"),
            pytest.param([{"eds_health_status": "DEGRADED"}, {}], 2, id="degraded is asked, too"),
            pytest.param([{"eds_health_status": "UNHEALTHY"}], 0, id="by discovery"),
            pytest.param([{"eds_health_status": "DRAINING"}], 0, id="draining"),
            pytest.param([{"eds_health_status": "HEALTHY", "failed_active_health_check": True}], 0, id="by health check"),
            pytest.param([{"eds_health_status": "HEALTHY", "failed_outlier_check": True}, {}], 1, id="ejected"),
        ],
    )
    def test_counts(self, hosts: list[dict[str, Any]], count: int) -> None:
        """Those that Envoy would send to."""
        assert healthy_hosts(answer(cluster("a", *hosts))) == {"a": count}

    def test_a_cluster_may_tell_no_hosts(self) -> None:
        """Protobuf's JSON leaves empty lists out."""
        assert healthy_hosts(answer({"name": "a"})) == {"a": 0}

    @given(st.binary() | ANSWERS)
    def test_reads_anything(self, told: bytes) -> None:
        """What is no answer is an error of ours."""
        with suppress(AskError):
            assert isinstance(healthy_hosts(told), dict)


@pytest.fixture
def serve() -> Iterator[Callable[[int, bytes], str]]:
    """Starts a server with one answer; gives its address."""
    servers: list[ThreadingHTTPServer] = []

    def start(status: int, body: bytes) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        Thread(target=server.serve_forever, args=(0.01,)).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


class TestEnvoyAdmin:
    async def test_learns_of_the_policys_clusters_alone(self, serve: Callable[[int, bytes], str]) -> None:
        """Others are none of ours."""
        health = PoolHealth()
        asking = EnvoyAdmin(serve(200, answer(cluster("a", {}), cluster("b", {}))), health, lambda: ["a"])
        await asking.look()

        assert dict(health.hosts()) == {"a": 1}
        assert asking.figures.up

    @pytest.mark.parametrize(
        ("status", "body", "reason"),
        [
            pytest.param(404, b"", "status", id="another server"),
            pytest.param(200, b"{}", "unreadable", id="another answer"),
            pytest.param(200, b"x" * 100, "too_large", id="too large"),
        ],
    )
    async def test_counts_what_is_no_answer(
        self, serve: Callable[[int, bytes], str], monkeypatch: pytest.MonkeyPatch, status: int, body: bytes, reason: str
    ) -> None:
        """And goes on without."""
        monkeypatch.setattr(module, "MAX_BYTES", 50)
        health = PoolHealth()
        asking = EnvoyAdmin(serve(status, body), health, lambda: ["a"])
        await asking.look()
        await asking.look()

        assert asking.figures.failures == {reason: 2}
        assert not asking.figures.up
        assert dict(health.hosts()) == {}

    async def test_nobody_listens(self) -> None:
        """As above."""
        asking = EnvoyAdmin("http://127.0.0.1:9", PoolHealth(), lambda: ["a"])
        await asking.look()

        assert asking.figures.failures == {"connection": 1}

    @pytest.mark.parametrize("url", ["127.0.0.1:9901", "https://127.0.0.1:9901", "http://", "http://a/b"])
    def test_refuses_what_is_no_address(self, url: str) -> None:
        """At the start."""
        with pytest.raises(ValueError, match="is not http://HOST:PORT"):
            EnvoyAdmin(url, PoolHealth(), list)
