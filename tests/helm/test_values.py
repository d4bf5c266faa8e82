"""Values that make no sense: refused, with a message that says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Helm

SERVICE: dict[str, Any] = {"name": "a", "port": 80}
EXTERNAL: dict[str, Any] = {"host": "a.example", "port": 443, "tls": True}


def pool(**fields: Any) -> dict[str, Any]:
    """One pool more."""
    return {"pools": {"small": {"service": SERVICE}, "odd": fields}}


BAD = {
    "no pools": ({"pools": {}}, "'/pools': minProperties: got 0, want 1"),
    "unknown key": ({"replica": 3}, "additional properties 'replica' not allowed"),
    "unknown key within": ({"router": {"prot": 1}}, "'/router': additional properties 'prot' not allowed"),
    "mode": ({"mode": "nope"}, "'/mode': value must be one of 'standalone', 'router', 'envoyGateway', 'istio'"),
    "port without rights": ({"envoy": {"port": 80}}, "'/envoy/port': minimum: got 80, want 1,025"),
    "number as text": ({"maxRequestBytes": "10Mi"}, "'/maxRequestBytes': got string, want integer"),
    "digest": ({"image": {"digest": "latest"}}, "'/image/digest'"),
    "secret in values": (pool(external=EXTERNAL, credentials={"token": "t"}), "'/pools/odd/credentials'"),
    "service and host": (pool(service=SERVICE, external=EXTERNAL), "pools.odd: has service and external; give one of"),
    "neither": (pool(policy={}), "pools.odd: has no place; give one of service, external, inferencePool"),
    "credentials in the clear": (
        pool(external=EXTERNAL | {"tls": False}, credentials={"secretName": "s", "key": "k"}),
        "pools.odd.credentials: would cross the network in the clear",
    ),
    "cluster": (pool(service=SERVICE, policy={"cluster": "x"}), "pools.odd.policy.cluster: it follows from the pool's name"),
    "pools in the policy": (
        {"policy": {"default": "small", "pools": {}}},
        "policy.pools: it follows from the chart's own values",
    ),
    "limit in the policy": (
        {"policy": {"default": "small", "limits": {"maxRequestBytes": 5000}}},
        "policy.limits.maxRequestBytes: give `maxRequestBytes` at the top",
    ),
    "cache key alone": (
        {"router": {"state": {"cacheSecretKey": "k"}}},
        "router.state.cacheSecretKey: it is a key of router.state.secretName",
    ),
    "no default": ({"policy": {}}, "policy.default is missing; give one of pools: large, small"),
    "default": ({"policy": {"default": "huge"}}, 'policy.default "huge" is not one of pools: large, small'),
    "other pool": ({"otherPool": "huge"}, 'otherPool "huge" is not one of pools'),
    "open without a pool": ({"failureMode": "open"}, "failureMode open needs failOpenPool"),
    "open and streamed": (
        {"failureMode": "open", "failOpenPool": "small", "bodyMode": "FULL_DUPLEX_STREAMED"},
        "'/failureMode': value must be 'closed'",
    ),
    "timeouts the wrong way round": (
        {"policy": {"default": "small", "limits": {"deadlineMs": 2000}}},
        "envoy.messageTimeoutMs 1000 must be above policy.limits.deadlineMs 2000",
    ),
    "endpoint picker without a gateway": (
        pool(inferencePool={"name": "p"}),
        "pools.odd.inferencePool: only a gateway knows endpoint pickers",
    ),
    "no gateway": ({"mode": "istio"}, "gateway.name is missing: mode istio needs the Gateway"),
    "credentials at a gateway": (
        pool(external=EXTERNAL, credentials={"secretName": "s", "key": "k"}) | {"mode": "envoyGateway", "gateway": {"name": "g"}},
        "pools.odd.credentials: in mode envoyGateway no Envoy of ours sends them",
    ),
    "retries at Envoy Gateway": (
        pool(service=SERVICE, traffic={"timeoutSeconds": 9, "retries": 1}) | {"mode": "envoyGateway", "gateway": {"name": "g"}},
        "traffic.retries: in mode envoyGateway no Envoy of ours does it; set it with a BackendTrafficPolicy on the HTTPRoute demo-",
    ),
    "retries at Istio": (
        pool(service=SERVICE, traffic={"tryTimeoutSeconds": 1}) | {"mode": "istio", "gateway": {"name": "g"}},
        "pools.odd.traffic.tryTimeoutSeconds: in mode istio no Envoy of ours does it; set it with a DestinationRule for its host",
    ),
    "a timeout of an Envoy that is yours": (
        pool(service=SERVICE, traffic={"timeoutSeconds": 1}) | {"mode": "router"},
        "pools.odd.traffic.timeoutSeconds: in mode router no Envoy of ours does it; set it on your own Envoy's routes",
    ),
    "a try longer than all tries": (
        pool(service=SERVICE, traffic={"timeoutSeconds": 5, "tryTimeoutSeconds": 6}),
        "pools.odd.traffic: tryTimeoutSeconds 6 is above timeoutSeconds 5, which all tries share",
    ),
    "unknown retry": (pool(service=SERVICE, traffic={"retryOn": ["always"]}), "'/pools/odd/traffic/retryOn/0'"),
    "unknown traffic": (pool(service=SERVICE, traffic={"retry": 1}), "additional properties 'retry' not allowed"),
    "other requests at a gateway": (
        {"mode": "istio", "gateway": {"name": "g"}, "otherPool": "small"},
        "otherPool: in mode istio our route takes requests below /v1 only",
    ),
    "too many rules": (
        {
            "mode": "istio",
            "gateway": {"name": "g"},
            "pools": {"small": {"service": SERVICE}} | {f"p{n}": {"service": SERVICE} for n in range(15)},
        },
        "pools: 16 are too many for one HTTPRoute",
    ),
    "two monitors": (
        {"monitoring": {"podMonitor": {"enabled": True}, "serviceMonitor": {"enabled": True}}},
        "monitoring.serviceMonitor and monitoring.podMonitor would have each pod scraped twice",
    ),
    "two ports of Envoy": ({"envoy": {"port": 9902}}, "envoy.statsPort 9902 is taken in the same pod: it is envoy.port"),
    "Envoy's admin port": ({"envoy": {"port": 9901}}, "envoy.port 9901 is taken in the same pod: it is Envoy's admin port"),
    "the router's admin port": (
        {"router": {"metricsPort": 9003}},
        "router.metricsPort 9003 is taken in the same pod: it is the router's admin port",
    ),
    "ports of two containers": (
        {"router": {"metricsPort": 8080}},
        "router.metricsPort 8080 is taken in the same pod: it is envoy.port",
    ),
    "two ports of the router": (
        {"mode": "router", "router": {"port": 9004}},
        "router.port 9004 is taken in the same pod: it is router.metricsPort",
    ),
    "TLS at a gateway": (
        {"mode": "istio", "gateway": {"name": "g"}, "router": {"tlsSecretName": "t"}},
        "router.tlsSecretName: in mode istio the mesh or a BackendTLSPolicy secures the way",
    ),
    "TLS on a socket": ({"router": {"tlsSecretName": "t"}}, "router.tlsSecretName: a unix socket has no TLS"),
}


@pytest.mark.parametrize("case", BAD)
def test_refused(helm: Helm, values: dict[str, Any], case: str) -> None:
    """Each alone in values that are good otherwise."""
    change, message = BAD[case]
    assert helm.template(values).returncode == 0
    told = helm.template(values | change)

    assert told.returncode == 1
    assert message in told.stderr


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"router": {"port": 8080}}, id="a socket has no port"),
        pytest.param({"mode": "router", "router": {"port": 9901, "metricsPort": 8080}}, id="no Envoy is in the pod"),
    ],
)
def test_a_port_that_nobody_listens_on_is_free(helm: Helm, values: dict[str, Any], change: dict[str, Any]) -> None:
    """Only what shares a pod must differ."""
    assert helm.template(values | change).returncode == 0
