"""Both ways in which Prometheus' operator finds the pods: every port that has metrics, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Helm, Rendered

MODES = ("standalone", "router")


def measured(rendered: Rendered) -> set[str]:
    """Ports of metrics that containers have, by name."""
    ports = {port["name"] for container in rendered.containers.values() for port in container["ports"]}
    return ports & {"router-metrics", "envoy-stats"}


@pytest.mark.parametrize("mode", MODES)
def test_a_pod_monitor_scrapes_ports_that_pods_have(helm: Helm, values: dict[str, Any], mode: str) -> None:
    """Of all containers that have metrics."""
    rendered = helm.rendered(values | {"mode": mode, "monitoring": {"podMonitor": {"enabled": True}}})
    pod = rendered.one("Deployment")["spec"]["template"]
    monitor = rendered.one("PodMonitor")["spec"]

    assert monitor["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert {each["port"] for each in monitor["podMetricsEndpoints"]} == measured(rendered)


@pytest.mark.parametrize("mode", MODES)
def test_a_service_monitor_scrapes_every_pod_once(helm: Helm, values: dict[str, Any], mode: str) -> None:
    """Through a Service of its own, which holds pods that are not ready, too."""
    rendered = helm.rendered(values | {"mode": mode, "monitoring": {"serviceMonitor": {"enabled": True}}})
    monitor, pod = rendered.one("ServiceMonitor")["spec"], rendered.one("Deployment")["spec"]["template"]
    wanted = monitor["selector"]["matchLabels"].items()
    (service,) = [
        each["spec"] for each in rendered.objects if each["kind"] == "Service" and wanted <= each["metadata"]["labels"].items()
    ]

    assert (service["clusterIP"], service["publishNotReadyAddresses"]) == ("None", True)
    assert service["selector"].items() <= pod["metadata"]["labels"].items()
    assert {each["port"] for each in monitor["endpoints"]} == {each["name"] for each in service["ports"]}
    assert {each["targetPort"] for each in service["ports"]} == measured(rendered)


def test_there_is_no_service_for_metrics_without_one(helm: Helm, values: dict[str, Any]) -> None:
    """Nobody would ask it."""
    assert "demo-router-extproc-metrics" not in helm.rendered(values).text
