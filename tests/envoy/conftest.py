"""The real Envoy, the router and model servers for tests, started once for each way of setting them up."""

from __future__ import annotations

import socket
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from router_extproc.demo.client import Client
from router_extproc.demo.envoy_config import EnvoyPlan, shipped
from router_extproc.demo.processes import Processes, free_ports
from router_extproc.demo.stack import Stack, new_plan, start_envoy, start_models, start_router

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FAULTY = Path(__file__).parent / "faulty_server.py"
ECHO = Path(__file__).parent / "echo_server.py"


def listens(port: int) -> bool:
    """Whether somebody listens on that port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Workshop:
    """Starts what a test needs; model servers are shared by all."""

    def __init__(self, processes: Processes, directory: Path) -> None:
        self.processes = processes
        self.directory = directory
        self._models, _ = new_plan()
        start_models(processes, self._models, delay_s=0.005)

    def plan(
        self, *, body_mode: str = "buffered", fail_open: bool = False, timeout_s: float = 1.0, health: bool = False
    ) -> EnvoyPlan:
        """A plan on free ports, with the shared model servers."""
        plan, _ = new_plan(body_mode=body_mode, fail_open=fail_open)
        return replace(plan, pools=self._models.pools, message_timeout_s=timeout_s, health_check=health)

    @contextmanager
    def routed(self, plan: EnvoyPlan, policy: Path | None = None, *more: str) -> Iterator[Stack]:
        """Envoy with the real router."""
        (admin,) = free_ports(1)
        router = start_router(self.processes, plan, admin, policy or shipped("policy.yaml"), more)
        envoy = start_envoy(self.processes, plan, self.directory)
        try:
            yield Stack(plan, admin, envoy, router)
        finally:
            self.processes.end(envoy)
            self.processes.end(router)

    @contextmanager
    def echoed(self, plan: EnvoyPlan, policy: Path, *more: str) -> Iterator[Stack]:
        """The same, with model servers that answer with what they were told: echo_server.py."""
        ports = dict(zip(plan.pools, free_ports(len(plan.pools)), strict=True))
        children = [self.processes.start(f"echo-{name}", [sys.executable, str(ECHO), str(port)]) for name, port in ports.items()]
        for child, port in zip(children, ports.values(), strict=True):
            self.processes.wait(child, lambda port=port: listens(port))
        try:
            with self.routed(replace(plan, pools=ports), policy, *more) as running:
                yield running
        finally:
            for child in children:
                self.processes.end(child)

    @contextmanager
    def broken(self, plan: EnvoyPlan, fault: str) -> Iterator[Callable[[], None]]:
        """Envoy with a router that fails; gives a function that makes sure that the broken router runs (one that died is started anew)."""
        envoy = start_envoy(self.processes, plan, self.directory)
        servers = []

        def ensure() -> None:
            if fault != "down" and not listens(plan.router):
                child = self.processes.start(f"faulty-{fault}", [sys.executable, str(FAULTY), str(plan.router), fault])
                servers.append(child)
                self.processes.wait(child, lambda: listens(plan.router))
                time.sleep(0.1)

        try:
            yield ensure
        finally:
            self.processes.end(envoy)
            for server in servers:
                self.processes.end(server, kill=True)


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """Starts Envoys, routers and broken routers."""
    directory = tmp_path_factory.mktemp("envoy")
    with Processes(directory) as processes:
        yield Workshop(processes, directory)


@pytest.fixture
def connect() -> Iterator[Callable[[Stack], Client]]:
    """Makes clients of a stack, and closes them."""
    clients: list[Client] = []

    def make(stack: Stack) -> Client:
        clients.append(Client(stack.url))
        return clients[-1]

    yield make
    for client in clients:
        client.close()
