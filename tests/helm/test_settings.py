"""No dead settings: every value that the chart takes changes what it renders to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Helm

CHART = Path(__file__).parents[2] / "helm" / "router-extproc"
DIGEST = "sha256:" + "1" * 64
MONITORING = ("podMonitor", "serviceMonitor", "prometheusRule", "dashboard")
ENTRY = [{"name": "x", "value": "y"}]
OTHER: dict[str, Any] = {
    "mode": "router",
    "gateway.name": "other",
    "gateway.namespace": "other",
    "gateway.sectionName": "https",
    "gateway.hostnames": ["a.example"],
    "fullnameOverride": "other",
    "clusterDomain": "other.local",
    "pools": {"small": {"service": {"name": "other", "port": 1}}, "large": {"service": {"name": "b", "port": 1}}},
    "policy": {"default": "large"},
    "traffic.retryOn": ["5xx"],
    "bodyMode": "FULL_DUPLEX_STREAMED",
    "failureMode": "open",
    "failOpenPool": "large",
    "otherPool": "large",
    "image.digest": DIGEST,
    "image.pullPolicy": "Always",
    "imagePullSecrets": ["a"],
    "router.port": 9102,
    "router.transport": "tcp",
    "router.logLevel": "debug",
    "router.decisionSample": 0.5,
    "router.otlp": "http://collector:4318",
    "router.tlsSecretName": "a",
    "router.state.secretName": "a",
    "policyFiles": [{"configMap": "a"}],
    "router.resources": {"requests": {"cpu": "3"}},
    "router.extraArgs": ["--poll=1"],
    "router.extraEnv": ENTRY,
    "router.extraVolumeMounts": [{"name": "x", "mountPath": "/x"}],
    "envoy.image.digest": DIGEST,
    "envoy.image.pullPolicy": "Always",
    "envoy.logLevel": "debug",
    "envoy.resources": {"requests": {"cpu": "3"}},
    "envoy.extraArgs": ["--concurrency", "1"],
    "envoy.extraEnv": ENTRY,
    "envoy.extraVolumeMounts": [{"name": "x", "mountPath": "/x"}],
    "service.type": "NodePort",
    "service.annotations": {"a": "b"},
    "serviceAccount.annotations": {"a": "b"},
    "networkPolicy.from": [{"podSelector": {}}],
    "monitoring.podMonitor.interval": "9s",
    "monitoring.serviceMonitor.interval": "9s",
    "podAnnotations": {"a": "b"},
    "podLabels": {"a": "b"},
    "nodeSelector": {"a": "b"},
    "tolerations": [{"operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "topologySpreadConstraints": [{"maxSkew": 9}],
    "extraVolumes": [{"name": "x", "emptyDir": {}}],
    "extraObjects": [{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}}],
}
"""By key: another value than the default, where none can be made up."""
NEEDS: dict[str, dict[str, Any]] = {
    "gateway": {"mode": "istio", "gateway": {"name": "g"}},
    "failOpenPool": {"failureMode": "open", "failOpenPool": "small"},
    "failureMode": {"failOpenPool": "small"},
    "router.port": {"router": {"transport": "tcp"}},
    "router.tlsSecretName": {"router": {"transport": "tcp"}},
    "router.state": {"router": {"state": {"secretName": "b"}}},
    "autoscaling": {"autoscaling": {"enabled": True}},
    "networkPolicy.from": {"networkPolicy": {"enabled": True}},
    **{f"monitoring.{name}": {"monitoring": {name: {"enabled": True}}} for name in MONITORING},
}
"""By the beginning of a key: what must be set for it to matter."""
WHOLE = {
    "router.resources",
    "envoy.resources",
    *(f"monitoring.{name}.labels" for name in MONITORING),
}


def keys(values: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """All keys that hold a value."""
    for name, value in values.items():
        path = f"{before}{name}"
        if isinstance(value, dict) and value and path not in WHOLE:
            yield from keys(value, f"{path}.")
        else:
            yield path, value


DEFAULTS = dict(keys(YAML(typ="safe").load((CHART / "values.yaml").read_text(encoding="utf-8"))))


def another(path: str) -> Any:
    """A value that is not the default."""
    value = DEFAULTS[path]
    if path in OTHER:
        return OTHER[path]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return {"other": "label"} if isinstance(value, dict) else f"{value}x"


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """As Helm merges values."""
    made = dict(below)
    for name, value in above.items():
        made[name] = merged(made[name], value) if isinstance(value, dict) and isinstance(made.get(name), dict) else value
    return made


@pytest.mark.parametrize("path", DEFAULTS)
def test_every_value_does_something(helm: Helm, values: dict[str, Any], path: str) -> None:
    """In what is rendered, NOTES apart."""
    for beginning, needed in NEEDS.items():
        if path.startswith(beginning) and not path.endswith(".enabled"):
            values = merged(values, needed)
    change: Any = another(path)
    for name in reversed(path.split(".")):
        change = {name: change}

    assert helm.rendered(merged(values, change)).text != helm.rendered(values).text


@pytest.mark.parametrize("key", [path.removeprefix("traffic.") for path in DEFAULTS if path.startswith("traffic.")])
def test_one_pool_may_differ(helm: Helm, values: dict[str, Any], key: str) -> None:
    """In all that is set for the others."""
    path = f"traffic.{key}"
    own, others = ({"pools": {"small": {"traffic": {key: value}}}} for value in (another(path), DEFAULTS[path]))

    assert helm.rendered(merged(values, own)).text != helm.rendered(merged(values, others)).text
