"""The standalone pod at work: real Envoy, real router, with the chart's own commands, files, probes, user and read-only root."""

from __future__ import annotations

import copy
import itertools
import json
import os
import sys
import threading
import time
from contextlib import suppress
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Self

import pytest
from pod import Pod, get, impossible, until

from router_extproc.demo.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from conftest import Helm, Rendered

ENVOY, STATS, METRICS = 8080, 9902, 9004
POOLS = ("small", "large", "new")
CHAT = "/v1/chat/completions"

pytestmark = [pytest.mark.envoy, pytest.mark.skipif(bool(impossible()), reason=impossible() or "possible")]


def wanted(*, transport: str = "unix", default: str = "small", pools: tuple[str, ...] = POOLS[:2], **more: Any) -> dict[str, Any]:
    """Values: pools on loopback, each on a port of its own; who writes "proof" goes to the large one."""
    services = {name: {"service": {"name": name, "port": 8100 + POOLS.index(name)}} for name in pools}
    policy = {
        "default": default,
        "signals": {"proof": {"type": "keyword", "any": ["proof"]}},
        "decisions": [{"name": "proofs", "when": "proof", "route": "large"}],
    }
    return {"pools": services, "policy": policy, "router": {"transport": transport, "encoderThreads": 1}, **more}


class Running:
    """The pod, its model servers, and whatever else a test asks of it."""

    def __init__(self, helm: Helm, folder: Path, values: Mapping[str, Any]) -> None:
        self._helm = helm
        self.values = copy.deepcopy(dict(values))
        self.pod = Pod(self.objects().objects, folder, [f"{name}.llm.svc.cluster.local" for name in POOLS])

    def objects(self) -> Rendered:
        """The release's, by the values as they are now."""
        return self._helm.rendered(self.values)

    def start(self) -> None:
        """Start model servers and the pod, and wait until a request is routed."""
        for number, name in enumerate(POOLS):
            port = 8100 + number
            self.pod.command(sys.executable, "-m", "router_extproc.demo.model_server", "--name", name, "--port", str(port))
            until(lambda port=port: self._listens(port), f"the model server {name}")  # type: ignore[misc]  # a default binds the loop's value
        self.pod.start()
        until(lambda: self.ask("hello") == (200, "small"), "a routed request", lambda: self.pod.log("envoy"))

    def _listens(self, port: int) -> bool:
        with suppress(OSError):
            return bool(self.page(port, "/healthz"))
        return False

    def upgrade(self, **changes: Any) -> None:
        """`helm upgrade`, as far as ConfigMaps go."""
        self.values |= changes
        self.pod.sync(self.objects().objects)

    def ask(self, text: str, headers: Mapping[str, str] | None = None, *, client: Client | None = None) -> tuple[int, str]:
        """Status, and the pool that answered; over a connection of its own unless one is given."""
        body = json.dumps({"model": "auto", "messages": [{"role": "user", "content": text}]}).encode()
        with self.pod.network():
            chosen = client or Client(f"http://127.0.0.1:{ENVOY}", timeout_s=10)
            try:
                told = chosen.post(CHAT, body, headers)
            except (OSError, HTTPException):
                return 0, ""
            finally:
                if client is None:
                    chosen.close()
        return told.status, told.headers.get("x-served-by", "")

    def page(self, port: int, path: str) -> str:
        """A page of the pod's."""
        with self.pod.network():
            return get(port, path)[1].decode()


class Load:
    """Requests without a break, in a thread, to each pod in turn; whatever is no 200 is kept.

    Over connections that stay open until Envoy closes them, as callers' do, and one of its own for every third request.
    """

    def __init__(self, *pods: Running) -> None:
        self.pods = list(pods)
        """The endpoints: those that callers are sent to."""
        self._kept: dict[int, Client] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.answers: list[tuple[int, str]] = []

    def _work(self) -> None:
        for count in itertools.count():
            if self._over.is_set():
                break
            pod = self.pods[count % len(self.pods)]
            self.answers.append(pod.ask("hello") if count % 3 == 0 else pod.ask("hello", client=self._client(pod)))
        for client in self._kept.values():
            client.close()

    def _client(self, pod: Running) -> Client:
        return self._kept.setdefault(id(pod), Client(f"http://127.0.0.1:{ENVOY}", timeout_s=10))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def failed(self) -> list[tuple[int, str]]:
        """Answers that were none."""
        return [answer for answer in self.answers if answer[0] != 200]


@pytest.fixture(params=["unix", "tcp"])
def transport(request: pytest.FixtureRequest) -> str:
    """How Envoy reaches the router."""
    return str(request.param)


@pytest.fixture
def running(helm: Helm, tmp_path: Path) -> Iterator[Running]:
    """The pod over a socket."""
    it = Running(helm, tmp_path, wanted())
    try:
        it.start()
        yield it
    finally:
        it.pod.stop()


def test_is_ready_and_routes(helm: Helm, tmp_path: Path, transport: str) -> None:
    """By the body; and what callers send as the router's header counts for nothing."""
    it = Running(helm, tmp_path, wanted(transport=transport))
    try:
        it.start()

        assert it.ask("a proof") == (200, "large")
        assert it.ask("hello", {"x-router-pool": "pool-large"}) == (200, "small")
        assert "router_extproc_" in it.page(METRICS, "/metrics")
        assert "envoy_cluster_upstream_rq" in it.page(STATS, "/stats/prometheus")
        assert it.page(STATS, "/config_dump") == ""
    finally:
        it.pod.stop()


def test_changes_without_a_restart_or_a_failed_request(running: Running) -> None:
    """A new default, soon; a policy that is none, which is refused while the last good one stays; and back."""
    envoy, router = running.pod.pid("envoy"), running.pod.pid("router")
    with Load(running) as load:
        running.upgrade(policy=wanted(default="large")["policy"])
        until(lambda: running.ask("hello") == (200, "large"), "the new default")

        running.upgrade(
            policy=wanted(default="large")["policy"] | {"decisions": [{"name": "x", "when": "nothing", "route": "small"}]}
        )
        until(lambda: 'result="failed"' in running.page(METRICS, "/metrics"), "the refusal")
        assert running.ask("hello") == (200, "large")
        assert running.ask("a proof") == (200, "large")

        running.upgrade(**wanted())
        until(lambda: running.ask("hello") == (200, "small"), "the old default")
    assert load.failed == []
    assert (envoy, router) == (running.pod.pid("envoy"), running.pod.pid("router"))


def test_new_pools_never_get_stuck(running: Running) -> None:
    """Twenty times in a row a pool and a rule for it come at once, and go, in files of their own. Others notice nothing."""
    there = wanted(pools=POOLS)
    there["policy"]["signals"]["fresh"] = {"type": "keyword", "any": ["fresh"]}
    there["policy"]["decisions"].append({"name": "fresh", "when": "fresh", "route": "new"})
    with Load(running) as load:
        for turn in range(20):
            running.upgrade(**there)
            until(lambda: running.ask("fresh") == (200, "new"), f"pool there, {turn}", lambda: running.pod.log("envoy"))
            running.upgrade(**wanted())
            until(lambda: running.ask("fresh") == (200, "small"), f"pool gone, {turn}", lambda: running.pod.log("envoy"))
    assert len(load.answers) > 20
    assert load.failed == []


def test_a_dead_router_lets_nothing_through(running: Running) -> None:
    """FailureMode closed."""
    running.pod.kill("router")

    assert running.ask("hello")[0] >= 500
    running.pod.launch("router")
    until(lambda: running.ask("hello") == (200, "small"), "the router that came back")


def test_a_dead_router_is_passed_by_where_that_is_wanted(helm: Helm, tmp_path: Path) -> None:
    """FailureMode open; a caller's own routing header still counts for nothing."""
    it = Running(helm, tmp_path, wanted(failureMode="open", failOpenPool="small"))
    try:
        it.start()
        it.pod.kill("router")

        assert it.ask("a proof", {"x-router-pool": "pool-large"}) == (200, "small")
    finally:
        it.pod.stop()


def test_a_rolling_restart_loses_no_request(running: Running, helm: Helm, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The new pod is ready before the old one ends. That one is asked for another second, because news of endpoints travels slowly."""
    fresh = Running(helm, tmp_path_factory.mktemp("fresh"), wanted())
    try:
        with Load(running) as load:
            fresh.start()
            load.pods.append(fresh)
            ending = threading.Thread(target=running.pod.pre_stop, args=("envoy",))
            ending.start()
            until(lambda: running.page(STATS, "/ready") != "LIVE\n", "the old pod is not ready any more")
            time.sleep(1)
            load.pods.remove(running)
            ending.join()
            running.pod.end("envoy")
            assert running.pod.end("router") == 0
            time.sleep(0.3)
        assert len(load.answers) > 50
        assert load.failed == []
    finally:
        fresh.pod.stop()


def test_helms_own_request_is_answered(running: Running) -> None:
    """The script of `helm test`, at the pod's port; and it says what is wrong."""
    (container,) = running.objects().one("Pod", "-test-request")["spec"]["containers"]
    program, script, url = *container["command"], *container["args"][1:]
    assert (program, url) == ("python3", f"http://demo-router-extproc.llm.svc.cluster.local:80{CHAT}")

    good = running.pod.run(sys.executable, "-c", script, f"http://127.0.0.1:{ENVOY}{CHAT}")
    assert good.returncode == 0
    assert "routed and answered" in good.stdout
    running.pod.kill("router")
    bad = running.pod.run(sys.executable, "-c", script, f"http://127.0.0.1:{ENVOY}{CHAT}")
    assert bad.returncode == 1
    assert "50" in bad.stderr


def test_nobody_is_root_and_nothing_can_be_written(running: Running) -> None:
    """But for /tmp and the socket's folder. The router's process is the one that the chart's user owns."""
    for name in ("envoy", "router"):
        status = running.pod.status(name)
        assert status["Uid"].split() == ["65532"] * 4
        root = running.pod.root(name)
        assert os.statvfs(root).f_flag & os.ST_RDONLY
        assert not os.statvfs(root / "tmp").f_flag & os.ST_RDONLY
