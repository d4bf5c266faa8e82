"""The chart's custom resources against their definitions, which are not part of this project: skipped loudly where they are not at hand."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from crds import definitions, faults

if TYPE_CHECKING:
    from conftest import Helm

ROOT = Path(__file__).parents[2]
MODES = sorted((ROOT / "helm" / "router-extproc" / "ci").glob("*-values.yaml"))
FOLDER = Path(os.environ.get("CRDS", ROOT.parent / "shared" / "crds"))
_MISSING = (
    f"NOT CHECKED: no custom resource definitions at {FOLDER}; CRDS=folder says where those of the gateways and Prometheus are"
)
STREAMED = {"processingMode": {"request": {"body": "FullDuplexStreamed"}}}
BUILT_IN = {"networking.k8s.io", "rbac.authorization.k8s.io"}

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=_MISSING)


@pytest.fixture(scope="module")
def known() -> dict[tuple[str, str], dict[str, Any]]:
    """Schemas by apiVersion and kind."""
    return definitions(FOLDER)


@pytest.mark.parametrize("mode", MODES, ids=lambda path: path.stem)
def test_an_api_server_would_take_them(helm: Helm, mode: Path, known: dict[tuple[str, str], dict[str, Any]]) -> None:
    """All that have a group of their own, unknown kinds among them."""
    for each in helm.rendered(mode).objects:
        group = each["apiVersion"].partition("/")[0]
        if "." in group and group not in BUILT_IN:
            assert faults(known[each["apiVersion"], each["kind"]], each) == []


def test_an_api_server_would_take_the_streamed_mode(helm: Helm, known: dict[tuple[str, str], dict[str, Any]]) -> None:
    """It has the response from the start, because there no override asks for it."""
    policy = helm.rendered(
        MODES[0].with_name("envoy-gateway-values.yaml"), "--set", "bodyMode=FULL_DUPLEX_STREAMED,failureMode=closed"
    ).one("EnvoyExtensionPolicy")

    assert policy["spec"]["extProc"][0]["processingMode"]["response"] == {"body": "Streamed"}
    assert faults(known[policy["apiVersion"], policy["kind"]], policy) == []


def test_an_api_server_would_take_what_an_identity_is_proven_by(helm: Helm, known: dict[tuple[str, str], dict[str, Any]]) -> None:
    """Envoy Gateway's words for it."""
    proof = "policy.identity.proof"
    policy = helm.rendered(
        MODES[0].with_name("envoy-gateway-values.yaml"),
        "--set",
        f"{proof}.metadata.namespace=envoy.filters.http.jwt_authn,{proof}.peers={{spiffe://prod/edge}}",
    ).one("EnvoyExtensionPolicy")
    (ext_proc,) = policy["spec"]["extProc"]

    assert ext_proc["metadata"]["accessibleNamespaces"] == ["envoy.filters.http.jwt_authn"]
    assert len(ext_proc["processingMode"]["request"]["attributes"]) == 2
    assert faults(known[policy["apiVersion"], policy["kind"]], policy) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"mesageTimeout": "1s"}, "'mesageTimeout' was unexpected", id="unknown field"),
        pytest.param({"processingMode": {"request": {"body": "buffered"}}}, "'buffered' is not one of", id="enum"),
        pytest.param(STREAMED | {"failOpen": True}, "FailOpen must be false", id="rule"),
    ],
)
def test_the_judge_finds_faults(
    helm: Helm, known: dict[tuple[str, str], dict[str, Any]], change: dict[str, Any], message: str
) -> None:
    """Or the test above says nothing."""
    policy = helm.rendered(MODES[0].with_name("envoy-gateway-values.yaml")).one("EnvoyExtensionPolicy")
    policy["spec"]["extProc"][0] |= change

    assert message in "\n".join(faults(known[policy["apiVersion"], policy["kind"]], policy))
