"""Set-ups: the real Envoy with no ext_proc, with a do-nothing one, and with the router, side by side in one run."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from router_extproc.demo.envoy_config import EnvoyPlan, rendered
from router_extproc.demo.processes import answers, free_ports
from router_extproc.demo.stack import start_envoy, start_router

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router_extproc.demo.processes import Child, Processes

SETUPS = ("none", "floor", "router")
POLICY = Path(__file__).parent / "policy.yaml"
_ANSWER = '{"id":"bench","object":"chat.completion","choices":[],"usage":{"prompt_tokens":200,"completion_tokens":20,"total_tokens":220}}'


@dataclass(frozen=True, slots=True)
class Setup:
    """One way through Envoy."""

    name: str
    port: int
    server: Child | None
    """The ext_proc server's process, if there is one."""

    @property
    def headers(self) -> str:
        """What the request must carry: without ext_proc the caller chooses the pool."""
        return "x-router-pool: pool-small\r\n" if self.name == "none" else ""


def start_setups(processes: Processes, directory: Path, *, policy: Path = POLICY) -> tuple[list[Setup], Child]:
    """Start an Envoy that serves as its own model pools, the floor and the router. Envoy's process comes last."""
    listener, floor_listener, direct, admin, router, floor, router_admin, upstream = free_ports(8)
    pools = {"small": upstream, "large": upstream, "code": upstream}
    plan = EnvoyPlan(listener, admin, router, pools, direct=direct)
    floor_server = processes.start("floor", [sys.executable, "-m", "router_extproc.bench.floor", str(floor)])
    server = start_router(processes, plan, router_admin, policy, ("--decision-log", "off"))
    config = json.loads(rendered(plan))
    quiet(config)
    add_listener(config, "floor", port=floor_listener, server=floor)
    add_upstream(config, upstream)
    envoy = start_envoy(processes, plan, directory, configuration=json.dumps(config))
    processes.wait(envoy, lambda: answers(f"http://127.0.0.1:{upstream}/"))
    return [Setup("none", direct, None), Setup("floor", floor_listener, floor_server), Setup("router", listener, server)], envoy


def _managers(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for listener in config["static_resources"]["listeners"]:
        yield listener["filter_chains"][0]["filters"][0]["typed_config"]


def quiet(config: dict[str, Any]) -> None:
    """No access log: it would be most of what is measured."""
    for manager in _managers(config):
        manager.pop("access_log", None)


def add_listener(config: dict[str, Any], name: str, *, port: int, server: int) -> None:
    """Another listener like the first, with another ext_proc server behind it, whose health Envoy does not ask."""
    resources = config["static_resources"]
    listener = json.loads(json.dumps(resources["listeners"][0]))
    listener["name"] = name
    listener["address"]["socket_address"]["port_value"] = port
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    manager["stat_prefix"] = name
    manager["http_filters"][0]["typed_config"]["grpc_service"]["envoy_grpc"]["cluster_name"] = name
    resources["listeners"].append(listener)
    cluster = json.loads(json.dumps(next(each for each in resources["clusters"] if each["name"] == "router_extproc")))
    cluster["name"] = cluster["load_assignment"]["cluster_name"] = name
    cluster.pop("health_checks", None)
    endpoint = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
    endpoint["address"]["socket_address"]["port_value"] = server
    resources["clusters"].append(cluster)


def add_upstream(config: dict[str, Any], port: int) -> None:
    """A listener that answers at once, for all pools: a model server in Python would be the bottleneck."""
    config["static_resources"]["listeners"].append(_upstream(port))


def _upstream(port: int) -> dict[str, Any]:
    route = {"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": _ANSWER}}}
    kind = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    router = {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}
    # A model server reads the whole request before it answers.
    buffer = {"@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer", "max_request_bytes": 33554432}
    manager = {
        "@type": kind,
        "stat_prefix": "upstream",
        "http_filters": [
            {"name": "envoy.filters.http.buffer", "typed_config": buffer},
            {"name": "envoy.filters.http.router", "typed_config": router},
        ],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {
        "name": "upstream",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "per_connection_buffer_limit_bytes": 33554432,
        "filter_chains": [{"filters": filters}],
    }
