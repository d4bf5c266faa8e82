"""The standalone pod at work: real Envoy, real router, with the chart's own commands, files, probes, user and read-only root."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import pytest
from pod import impossible, until
from release import METRICS, POOLS, STATS, Load, Running, wanted

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Helm

pytestmark = [pytest.mark.envoy, pytest.mark.skipif(bool(impossible()), reason=impossible() or "possible")]


@pytest.fixture(params=["unix", "tcp"])
def transport(request: pytest.FixtureRequest) -> str:
    """How Envoy reaches the router."""
    return str(request.param)


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


def test_nobody_is_root_and_nothing_can_be_written(running: Running) -> None:
    """But for /tmp and the socket's folder. The router's process is the one that the chart's user owns."""
    for name in ("envoy", "router"):
        status = running.pod.status(name)
        assert status["Uid"].split() == ["65532"] * 4
        root = running.pod.root(name)
        assert os.statvfs(root).f_flag & os.ST_RDONLY
        assert not os.statvfs(root / "tmp").f_flag & os.ST_RDONLY
