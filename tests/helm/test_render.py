"""What the chart renders to, by the real Helm, for every file of values in ci/, judged by Kubernetes' own schemas."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import kubernetes_validate
import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from router_extproc.config.loader import load
from router_extproc.pools import PoolStats
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from conftest import Helm

CHART = Path(__file__).parents[2] / "helm" / "router-extproc"
MODES = sorted((CHART / "ci").glob("*-values.yaml"))
OLDEST, NATIVE, NEWEST = "1.27", "1.29", "1.37"
CUSTOM = {
    ("monitoring.coreos.com/v1", "PodMonitor"),
    ("monitoring.coreos.com/v1", "ServiceMonitor"),
    ("monitoring.coreos.com/v1", "PrometheusRule"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    ("gateway.envoyproxy.io/v1alpha1", "EnvoyExtensionPolicy"),
    ("gateway.envoyproxy.io/v1alpha1", "Backend"),
    ("networking.istio.io/v1alpha3", "EnvoyFilter"),
}
"""Kinds that no Kubernetes schema describes; test_crds.py judges them. Any other kind without one is a failure."""


@pytest.mark.parametrize("mode", MODES, ids=lambda path: path.stem)
class TestEveryMode:
    def test_lints(self, helm: Helm, mode: Path) -> None:
        told = helm.run("lint", "--strict", CHART, "-f", mode)

        assert told.returncode == 0, told.stdout

    @pytest.mark.parametrize("kube", [OLDEST, NATIVE, NEWEST])
    def test_every_object_is_one_that_kubernetes_takes(self, helm: Helm, mode: Path, kube: str) -> None:
        for each in helm.rendered(mode, kube=kube).objects:
            try:
                kubernetes_validate.validate(each, kube, strict=True)
            except kubernetes_validate.SchemaNotFoundError:
                assert (each["apiVersion"], each["kind"]) in CUSTOM

    def test_every_object_bears_the_releases_labels(self, helm: Helm, mode: Path) -> None:
        for each in helm.rendered(mode).objects:
            assert each["metadata"]["labels"]["app.kubernetes.io/instance"] == "demo"
            assert each["metadata"]["name"].startswith("demo-router-extproc")

    def test_no_selector_holds_a_version(self, helm: Helm, mode: Path) -> None:
        """Selectors cannot be changed: no upgrade would go through."""
        labels = helm.rendered(mode).one("Deployment")["spec"]["selector"]["matchLabels"]

        assert set(labels) == {"app.kubernetes.io/name", "app.kubernetes.io/instance"}

    def test_the_policy_is_one_that_the_router_takes(self, helm: Helm, mode: Path, tmp_path: Path) -> None:
        """With its tests."""
        rendered = helm.rendered(mode)
        path = tmp_path / "policy.yaml"
        path.write_text(rendered.file("-policy", "policy.yaml"), encoding="utf-8")

        assert load(path, services=SignalServices(), stats=PoolStats()).router.policy.main
        assert rendered.file("-policy-check", "policy.yaml") == path.read_text(encoding="utf-8")

    def test_containers_have_no_privileges(self, helm: Helm, mode: Path) -> None:
        rendered = helm.rendered(mode)
        pods = [each["spec"]["template"]["spec"] for each in rendered.objects if each["kind"] in {"Deployment", "Job"}]
        pods += [each["spec"] for each in rendered.objects if each["kind"] == "Pod"]
        for pod in pods:
            assert pod["automountServiceAccountToken"] is False
            for container in (*pod.get("initContainers", ()), *pod["containers"]):
                context = container["securityContext"]
                assert context["readOnlyRootFilesystem"]
                assert context["runAsNonRoot"]
                assert context["runAsUser"] > 0
                assert not context["allowPrivilegeEscalation"]
                assert context["capabilities"] == {"drop": ["ALL"]}

    def test_the_package_renders_to_the_same(self, helm: Helm, mode: Path, tmp_path: Path) -> None:
        told = helm.run("package", CHART, "--destination", tmp_path)
        assert told.returncode == 0, told.stderr
        (package,) = tmp_path.glob("*.tgz")

        assert helm.rendered(mode, chart=package).text == helm.rendered(mode).text


class TestContainers:
    def test_the_router_is_a_native_sidecar_where_there_are_such(self, helm: Helm, values: dict[str, Any]) -> None:
        """It is ready before Envoy starts, and ends after it."""
        new, old = (helm.rendered(values, kube=kube).one("Deployment") for kube in (NATIVE, "1.28"))
        pod = new["spec"]["template"]["spec"]

        assert [(each["name"], each["restartPolicy"]) for each in pod["initContainers"]] == [("router", "Always")]
        assert [each["name"] for each in pod["containers"]] == ["envoy"]
        assert [each["name"] for each in old["spec"]["template"]["spec"]["containers"]] == ["router", "envoy"]

    def test_a_router_that_is_no_native_sidecar_outlives_envoy(self, helm: Helm, values: dict[str, Any]) -> None:
        """Both are told to end at once, and Envoy drains for half a minute."""
        old, new = (helm.rendered(values, kube=kube).containers["router"] for kube in ("1.28", NATIVE))
        pod = helm.rendered(values, kube="1.28").one("Deployment")["spec"]["template"]["spec"]

        assert old["lifecycle"]["preStop"]["exec"]["command"][-1] == "import time; time.sleep(36)"
        assert pod["terminationGracePeriodSeconds"] == 45
        assert "lifecycle" not in new

    @pytest.mark.parametrize(
        ("resources", "threads"),
        [
            pytest.param({"requests": {"cpu": "1500m"}, "limits": {"cpu": None}}, "2", id="request"),
            pytest.param({"requests": {"cpu": 4}, "limits": {"cpu": None}}, "4", id="number"),
            pytest.param({"requests": {"cpu": "250m"}, "limits": {"cpu": None}}, "1", id="part of one"),
            pytest.param({"requests": {"cpu": "2"}, "limits": {"cpu": "4"}}, "0", id="the router reads a limit itself"),
        ],
    )
    def test_threads_follow_from_the_cpu_request(
        self, helm: Helm, values: dict[str, Any], resources: dict[str, Any], threads: str
    ) -> None:
        container = helm.rendered(values | {"router": {"resources": resources}}).containers["router"]

        assert f"--encoder-threads={threads}" in container["args"]

    def test_probes_ask_grpc_health_where_the_kubelet_can(self, helm: Helm, values: dict[str, Any]) -> None:
        """It speaks neither TLS nor to sockets."""
        plain = helm.rendered(values | {"router": {"transport": "tcp"}}).containers["router"]
        secured = helm.rendered(values | {"router": {"transport": "tcp", "tlsSecretName": "t"}}).containers["router"]
        socket = helm.rendered(values).containers["router"]

        assert plain["readinessProbe"]["grpc"] == {"port": 9002, "service": "readiness"}
        assert plain["livenessProbe"]["grpc"] == {"port": 9002, "service": "liveness"}
        for other in (secured, socket):
            assert other["readinessProbe"]["httpGet"] == {"port": "router-metrics", "path": "/readyz"}
            assert other["livenessProbe"]["httpGet"] == {"port": "router-metrics", "path": "/healthz"}

    def test_an_image_may_be_named_by_its_digest(self, helm: Helm, values: dict[str, Any]) -> None:
        digest = "sha256:" + "0" * 64
        container = helm.rendered(values | {"image": {"digest": digest, "tag": "ignored"}}).containers["router"]

        assert container["image"] == f"ghcr.io/router-extproc/router-extproc@{digest}"

    def test_a_new_policy_restarts_no_pod(self, helm: Helm, values: dict[str, Any]) -> None:
        """It reloads. What Envoy reads at its start only does."""
        pod = helm.rendered(values).one("Deployment")["spec"]["template"]
        more = values | {"pools": values["pools"] | {"new": {"service": {"name": "new", "port": 80}}}, "otherPool": "new"}
        larger = helm.rendered(values | {"maxRequestBytes": 1_000_000}).one("Deployment")["spec"]["template"]

        assert helm.rendered(more).one("Deployment")["spec"]["template"] == pod
        assert larger != pod


class TestOneNumber:
    def test_the_body_limit_is_everybodys(self, helm: Helm, values: dict[str, Any]) -> None:
        """The router's own 413 comes first; nothing is written as 1e+06."""
        rendered = helm.rendered(values | {"maxRequestBytes": 20_000_000})

        assert "maxRequestBytes: 20000000" in rendered.file("-policy", "policy.yaml")
        listener, clusters = rendered.file("-dynamic", "lds.yaml"), rendered.file("-dynamic", "cds.yaml")
        bootstrap = rendered.file("-envoy", "envoy.yaml")
        assert "per_connection_buffer_limit_bytes: 21048576" in listener
        assert clusters.count("per_connection_buffer_limit_bytes: 21048576") == 2
        assert "initial_stream_window_size: 21048576" in bootstrap
        assert "e+" not in listener + clusters + bootstrap + rendered.file("-policy", "policy.yaml")


class TestNotes:
    def test_say_what_is_bypassed(self, helm: Helm, values: dict[str, Any]) -> None:
        """Before it happens."""
        closed = helm.notes(values)
        opened = helm.notes(values | {"failureMode": "open", "failOpenPool": "large"})

        assert "503" in closed
        assert "every guard of the policy is bypassed" in opened
        assert "large" in opened
        assert closed.count("curl") == 3


class TestExtraObjects:
    def test_are_rendered(self, helm: Helm, values: dict[str, Any]) -> None:
        """Strings as templates."""
        text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}-more'}\n"
        plain = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "own"}}
        rendered = helm.rendered(values | {"extraObjects": [text, plain]})

        assert rendered.one("ConfigMap", "demo-more")
        assert rendered.one("Secret")["metadata"]["name"] == "own"


class TestFiles:
    def test_the_schema_knows_every_default(self) -> None:
        """And is one itself."""
        schema = YAML(typ="safe").load((CHART / "values.schema.json").read_text(encoding="utf-8"))
        Draft202012Validator.check_schema(schema)
        defaults = YAML(typ="safe").load((CHART / "values.yaml").read_text(encoding="utf-8"))

        assert set(defaults) == set(schema["properties"]) - {"global"}
        assert _closed(schema)

    def test_values_are_short(self) -> None:
        assert len((CHART / "values.yaml").read_text(encoding="utf-8").splitlines()) <= 300

    def test_chart_and_program_have_one_version(self) -> None:
        chart = YAML(typ="safe").load((CHART / "Chart.yaml").read_text(encoding="utf-8"))

        assert f'version = "{chart["appVersion"]}"' in (CHART.parents[1] / "pyproject.toml").read_text(encoding="utf-8")


def _closed(schema: Any) -> bool:
    """Whether every object with named properties refuses others."""
    if isinstance(schema, list):
        return all(map(_closed, schema))
    if not isinstance(schema, dict):
        return True
    named = schema.get("type") == "object" and "properties" in schema
    return (not named or schema.get("additionalProperties") is False) and all(map(_closed, schema.values()))
