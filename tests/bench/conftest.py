"""What the benchmarks' tests share: the shipped model, a server that answers at once, and a console that remembers."""

from __future__ import annotations

import io
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from router_extproc.bench.setups import Setup
from router_extproc.demo.processes import Processes, answers, free_ports
from router_extproc.encoders.models import Models

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router_extproc.encoders.encoder import Encoder


class Answering(BaseHTTPRequestHandler):
    """Answers every POST; what was posted is kept by its server."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: the second of two would wait 40 ms for an acknowledgement

    def do_POST(self) -> None:
        """A 200, or a 503 to a body with `fail` in it."""
        body = self.rfile.read(int(self.headers["content-length"]))
        bodies: list[bytes] = self.server.bodies  # type: ignore[attr-defined]  # set by the fixture
        bodies.append(body)
        self.send_response(503 if b"fail" in body else 200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Nothing."""


class Quick(ThreadingHTTPServer):
    """A server on a free loopback port."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.bodies: list[bytes] = []

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])


@pytest.fixture
def quick() -> Iterator[Quick]:
    """A server that answers at once."""
    with Quick() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def encoder() -> Iterator[Encoder]:
    """The shipped model."""
    opened = Models().encoder()
    yield opened
    opened.close()


@pytest.fixture
def console() -> Console:
    """A wide console without colour, whose `file` holds what was printed."""
    return Console(file=io.StringIO(), width=200, markup=False, highlight=False)


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setup]:
    """The benchmark's model server, as a set-up of its own: neither Envoy nor router."""
    (port,) = free_ports(1)
    with Processes(tmp_path_factory.mktemp("upstream")) as processes:
        child = processes.start("upstream", [sys.executable, "-m", "router_extproc.bench.upstream", str(port)])
        processes.wait(child, lambda: answers(f"http://127.0.0.1:{port}/"))
        yield Setup("rules", port, child)
