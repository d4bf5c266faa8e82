"""The standalone pod at work: real Envoy, real router, with the chart's own commands, files, probes, user and read-only root."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pod import impossible, until
from release import METRICS, POOLS, STATS, Load, Running, wanted
from ruamel.yaml import YAML

if TYPE_CHECKING:
    from conftest import Helm

ALERTS = Path(__file__).parents[2] / "helm" / "router-extproc" / "files" / "alerts.yaml"
RULES: list[dict[str, Any]] = [rule for group in YAML(typ="safe").load(ALERTS)["groups"] for rule in group["rules"]]

pytestmark = [pytest.mark.envoy, pytest.mark.skipif(bool(impossible()), reason=impossible() or "possible")]


@pytest.fixture(params=["unix", "tcp"])
def transport(request: pytest.FixtureRequest) -> str:
    """How Envoy reaches the router."""
    return str(request.param)


def with_file(values: dict[str, Any]) -> dict[str, Any]:
    """The same with a signal that reads a file, from a ConfigMap that is not the chart's."""
    lines = [
        {"text": "How do I reset my password?", "group": "account"},
        {"text": "Which colours does it come in?", "group": "shop"},
    ]
    data = {"known.jsonl": "".join(json.dumps(line) + "\n" for line in lines)}
    policy = values["policy"]
    policy["signals"]["known"] = {"type": "knowledge", "file": "known.jsonl"}
    policy["decisions"].append({"name": "known", "when": {"signal": "known", "in": ["account"]}, "route": "large"})
    files = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "known"}, "data": data}
    return {**values, "policyFiles": [{"configMap": "known"}], "extraObjects": [files]}


def test_is_ready_and_routes(helm: Helm, tmp_path: Path, transport: str) -> None:
    """By the body and by a file beside the policy; and what callers send as the router's header counts for nothing."""
    it = Running(helm, tmp_path, with_file(wanted(transport=transport)))
    try:
        it.start()

        assert it.ask("a proof") == (200, "large")
        assert it.ask("How do I reset my password?") == (200, "large")
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


def test_a_bad_edit_is_told_everywhere(running: Running) -> None:
    """The last good policy stays, the pod stays ready; the alert's metric, the log and `/config/status` say so until it is repaired."""
    (alert,) = [rule["expr"] for rule in RULES if rule["alert"] == "RouterPolicyRejected"]
    found = re.fullmatch(r"min by \(namespace, pod\) \((\w+)\) == 0", alert)
    assert found is not None
    good = running.objects().file("-policy", "policy.yaml")
    assert (running.metric(found[1]), running.status()["last_ok"]) == (1, True)
    in_force = running.status()["version"]

    bad = good.replace("when: proof", "when: prof")
    running.edit(bad)
    until(lambda: running.metric(found[1]) == 0, "the alert's metric")

    line = bad.splitlines().index("  when: prof") + 1
    place = f"/etc/router-extproc/policy.yaml:{line}:9: error: unknown signal 'prof'"
    assert running.metric("router_extproc_policy_reloads_total", result="failed") == 1
    status = running.status()
    assert (status["last_ok"], status["failures"], status["version"]) == (False, 1, in_force)
    assert [place in error for error in status["errors"]] == [True]
    (told,) = [json.loads(each) for each in running.pod.log("router").splitlines() if "the last good one stays in force" in each]
    assert (told["level"], told["problem"].startswith(place)) == ("error", True)
    assert (running.page(METRICS, "/readyz"), running.page(STATS, "/ready")) == ("ready\n", "LIVE\n")
    assert running.ask("a proof") == (200, "large")

    running.edit(good.replace("- proof\n", "- lemma\n"))
    until(lambda: running.metric(found[1]) == 1, "the repair")
    repaired = running.status()
    assert (repaired["last_ok"], repaired["errors"]) == (True, [])
    assert repaired["version"] != in_force
    assert (running.ask("a proof"), running.ask("a lemma")) == ((200, "small"), (200, "large"))


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


def test_the_notes_curl_lines_work(running: Running) -> None:
    """As they are printed, where `kubectl port-forward` has brought the ports: two answers and an explanation."""
    lines = [line.partition("  #")[0].split(maxsplit=1)[1] for line in running.notes().splitlines() if line.startswith("  curl")]

    first, second, third = (running.pod.run("bash", "-c", f"curl {line}").stdout for line in lines)

    assert json.loads(first)["object"] == "chat.completion"
    assert second.startswith("HTTP/1.1 200 OK")
    assert json.loads(third)["verdict"] == "route"
