"""Envoy config: the files in envoy/ with other ports, another body mode or another failure mode."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

if TYPE_CHECKING:
    from collections.abc import Mapping

_PACKAGE = Path(__file__).parent.parent
POOLS = ("small", "large", "code")
_TRAILERS = {"request_trailer_mode": "SEND"}
_RESPONSES = {"response_header_mode": "SEND", "response_body_mode": "STREAMED"}
"""Where Envoy takes no mode_override, responses must be sent from the start; the router ends the stream of a request that needs none."""
_PROCESSING = {
    "buffered": {},
    "streamed": {"request_body_mode": "STREAMED", **_TRAILERS, **_RESPONSES},
    "full_duplex": {"request_body_mode": "FULL_DUPLEX_STREAMED", **_TRAILERS, **_RESPONSES},
    "none": {"request_body_mode": "NONE"},
}
"""What each body mode changes in the shipped processing mode."""
BODY_MODES = tuple(_PROCESSING)
_EXT_PROC = "envoy.filters.http.ext_proc"


def shipped(name: str) -> Path:
    """A file of envoy/: from the installed package, or from the repository."""
    installed = _PACKAGE / "data" / "envoy" / name
    return installed if installed.exists() else _PACKAGE.parent / "envoy" / name


@dataclass(frozen=True, slots=True)
class EnvoyPlan:
    """How an Envoy is to be set up. Addresses are loopback ports."""

    listener: int
    admin: int
    router: int
    pools: Mapping[str, int] = field(default_factory=dict)
    """Port by pool name."""
    body_mode: str = "buffered"
    fail_open: bool = False
    direct: int = 0
    """A second listener without ext_proc, where the caller's own x-router-pool header chooses; 0: none."""
    message_timeout_s: float = 1.0
    health_check: bool = True
    """Whether Envoy asks the router's health, and sends nothing to one that is not."""


def rendered(plan: EnvoyPlan) -> str:
    """The Envoy configuration as JSON."""
    config: dict[str, Any] = YAML(typ="safe", pure=True).load(shipped("envoy.yaml").read_text())
    config["admin"]["address"]["socket_address"]["port_value"] = plan.admin
    resources = config["static_resources"]
    listener = resources["listeners"][0]
    listener["address"]["socket_address"]["port_value"] = plan.listener
    set_modes(_manager(listener), body_mode=plan.body_mode, fail_open=plan.fail_open)
    _ext_proc(_manager(listener))["message_timeout"] = f"{plan.message_timeout_s}s"
    for cluster in resources["clusters"]:
        _set_cluster(cluster, plan)
    if plan.direct:
        resources["listeners"].append(_direct(listener, plan.direct))
    return json.dumps(config, indent=1)


def set_modes(manager: dict[str, Any], *, body_mode: str, fail_open: bool) -> None:
    """Change the ext_proc filter and the routes of a connection manager to these modes; KeyError for an unknown body mode."""
    extproc = _ext_proc(manager)
    extproc["processing_mode"].update(_PROCESSING[body_mode])
    if body_mode == "streamed":
        extproc["send_body_without_waiting_for_header_response"] = True
    extproc["failure_mode_allow"] = fail_open
    if fail_open:
        routes = manager["route_config"]["virtual_hosts"][0]["routes"]
        routes[:] = [route for route in routes if "direct_response" not in route]


def _manager(listener: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = listener["filter_chains"][0]["filters"][0]["typed_config"]
    return found


def _ext_proc(manager: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(each["typed_config"] for each in manager["http_filters"] if each["name"] == _EXT_PROC)
    return found


def _set_cluster(cluster: dict[str, Any], plan: EnvoyPlan) -> None:
    name = cluster["name"]
    port = plan.router if name == "router_extproc" else plan.pools.get(name.removeprefix("pool-"), 9)
    endpoint = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
    endpoint["address"]["socket_address"]["port_value"] = port
    if name == "router_extproc" and not plan.health_check:
        del cluster["health_checks"]


def _direct(listener: dict[str, Any], port: int) -> dict[str, Any]:
    """The same listener without ext_proc; the caller's header chooses the pool."""
    direct = copy.deepcopy(listener)
    direct["name"] = "direct"
    direct["address"]["socket_address"]["port_value"] = port
    manager = _manager(direct)
    manager["stat_prefix"] = "direct"
    manager["http_filters"] = [each for each in manager["http_filters"] if each["name"] != _EXT_PROC]
    del manager["early_header_mutation_extensions"]
    return direct
