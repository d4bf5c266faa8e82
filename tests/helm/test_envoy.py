"""Envoy's files out of the chart, judged by the real Envoy. Its validation reads no file that another one names: they are put into one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

if TYPE_CHECKING:
    from conftest import Helm, Rendered

MODES = sorted((Path(__file__).parents[2] / "helm" / "router-extproc" / "ci").glob("*-values.yaml"))
ENVOY = Path(sys.executable).with_name("envoy")

pytestmark = pytest.mark.envoy


def resources(text: str) -> list[dict[str, Any]]:
    """Those of a file, as a bootstrap has them."""
    found = YAML(typ="safe").load(text)["resources"]
    return [{name: value for name, value in each.items() if name != "@type"} for each in found]


def one_file(rendered: Rendered, secrets: Path) -> dict[str, Any]:
    """The whole configuration; the files of secrets lie in that folder."""
    bootstrap: dict[str, Any] = YAML(typ="safe").load(rendered.file("-envoy", "envoy.yaml"))
    files = rendered.one("ConfigMap", "-dynamic")["data"]
    for name, text in files.items():
        (secrets / name).write_text(text, encoding="utf-8")
    del bootstrap["dynamic_resources"]
    routes = {each["name"]: each for each in resources(files["rds.yaml"])}
    listeners = resources(files["lds.yaml"])
    for listener in listeners:
        manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
        manager["route_config"] = routes[manager.pop("rds")["route_config_name"]]
    static = bootstrap["static_resources"]
    static["listeners"] += listeners
    static["clusters"] += resources(files["cds.yaml"])
    text = (
        json.dumps(bootstrap)
        .replace("/etc/envoy-config/dynamic", str(secrets))
        .replace("/etc/envoy-credentials/cloud", str(secrets))
    )
    found: dict[str, Any] = json.loads(text)
    return found


def judged(config: dict[str, Any], folder: Path) -> str:
    """What Envoy says of it; empty if it is good."""
    path = folder / "envoy.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    told = subprocess.run(
        [ENVOY, "--mode", "validate", "-c", path, "--log-level", "error"], capture_output=True, text=True, check=False
    )
    return "" if told.returncode == 0 else told.stdout + told.stderr


class TestConfiguration:
    @pytest.mark.parametrize(
        "mode", [mode for mode in MODES if mode.stem.startswith(("standalone", "fail-open"))], ids=lambda path: path.stem
    )
    def test_envoy_takes_it(self, helm: Helm, mode: Path, tmp_path: Path) -> None:
        """All of it, credentials among it."""
        config = one_file(helm.rendered(mode), tmp_path)

        assert judged(config, tmp_path) == ""

    def test_envoy_tells_what_an_identity_is_proven_by(self, helm: Helm, values: dict[str, Any], tmp_path: Path) -> None:
        """A filter's metadata, the peer's names; and past a dead router the secret's header goes no further."""
        proof = {
            "metadata": {
                "namespace": "envoy.filters.http.jwt_authn",
                "path": ["payload", "iss"],
                "in": ["https://id.example.com"],
            },
            "peers": ["spiffe://prod/edge"],
            "header": "x-edge-proof",
        }
        values["policy"]["identity"] = {"userHeader": "x-user", "proof": proof}
        values |= {"failureMode": "open", "failOpenPool": "small"}
        config = one_file(helm.rendered(values), tmp_path)
        manager = config["static_resources"]["listeners"][1]["filter_chains"][0]["filters"][0]["typed_config"]
        ext_proc = manager["http_filters"][0]["typed_config"]
        (passed,) = [
            route
            for route in manager["route_config"]["virtual_hosts"][0]["routes"]
            if route.get("route", {}).get("cluster") == "pool-small" and route["match"]["prefix"] == "/v1/"
        ]

        assert judged(config, tmp_path) == ""
        assert ext_proc["metadata_options"]["forwarding_namespaces"] == {"untyped": ["envoy.filters.http.jwt_authn"]}
        assert ext_proc["request_attributes"] == ["connection.uri_san_peer_certificate", "connection.dns_san_peer_certificate"]
        assert passed["request_headers_to_remove"] == ["x-edge-proof"]

    def test_envoy_takes_streamed_bodies(self, helm: Helm, values: dict[str, Any], tmp_path: Path) -> None:
        """Their trailers must be sent, too."""
        config = one_file(helm.rendered(values | {"bodyMode": "FULL_DUPLEX_STREAMED"}), tmp_path)

        assert judged(config, tmp_path) == ""

    def test_the_judge_finds_faults(self, helm: Helm, values: dict[str, Any], tmp_path: Path) -> None:
        """Or the tests above say nothing."""
        config = one_file(helm.rendered(values), tmp_path)
        routes = config["static_resources"]["listeners"][-1]["filter_chains"][0]["filters"][0]["typed_config"]["route_config"]
        routes["virtual_hosts"][0]["routes"][-1] = {"match": {"prefix": "/"}, "route": {"cluster": "pool-nope"}}

        assert "unknown cluster 'pool-nope'" in judged(config, tmp_path)


class TestIstio:
    def test_its_patches_make_a_configuration_that_envoy_takes(self, helm: Helm, tmp_path: Path) -> None:
        """Put where Istio puts them: into a listener that has nothing but the last filter."""
        rendered = helm.rendered(MODES[0].with_name("istio-values.yaml"))
        merged, inserted, added = (each["patch"]["value"] for each in rendered.one("EnvoyFilter")["spec"]["configPatches"])

        assert judged(spliced(merged, inserted, added), tmp_path) == ""
        inserted["typed_config"]["processing_mode"]["request_body_mode"] = "BUFFER"
        assert "unknown enum value: 'BUFFER'" in judged(spliced(merged, inserted, added), tmp_path)


def spliced(merged: dict[str, Any], inserted: dict[str, Any], added: dict[str, Any]) -> dict[str, Any]:
    """A minimal gateway with the three patches."""
    kind = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
    own = {
        "stat_prefix": "gateway",
        "http_filters": [inserted, {"name": "envoy.filters.http.router", "typed_config": {"@type": kind}}],
        "route_config": {
            "virtual_hosts": [
                {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 404}}]}
            ]
        },
    }
    manager = {"name": "envoy.filters.network.http_connection_manager", "typed_config": merged["typed_config"] | own}
    address = {"socket_address": {"address": "127.0.0.1", "port_value": 8080}}
    listener = {"name": "gateway", "address": address, "filter_chains": [{"filters": [manager]}]}
    return {"static_resources": {"listeners": [listener], "clusters": [added]}}
