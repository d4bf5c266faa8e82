"""A real Redis on a free port, for the tests that need one; and a server that takes connections and says nothing."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

import pytest

from router_extproc.demo.processes import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BINARY = shutil.which("redis-server") or shutil.which("valkey-server")
NEEDED = pytest.mark.skipif(BINARY is None, reason="no redis-server here: apt-get install redis-server")


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    return free_ports(1)[0]


class RedisServer:
    """One that keeps nothing on disk."""

    def __init__(self, directory: Path, *, password: str = "", port: int = 0) -> None:
        self._directory = directory
        self._password = password
        self.port = port or free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address, without credentials."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> Self:
        """Start it, and wait until it listens."""
        command = [str(BINARY), "--port", str(self.port), "--save", "", "--appendonly", "no", "--dir", str(self._directory)]
        command += ["--bind", "127.0.0.1", *(["--requirepass", self._password] if self._password else [])]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.02)
        raise RuntimeError("redis-server does not listen")

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None


@contextmanager
def silent_server() -> Iterator[int]:
    """The port of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        ended = threading.Event()
        kept: list[socket.socket] = []

        def accept() -> None:
            while not ended.is_set():
                try:
                    kept.append(listener.accept()[0])
                except TimeoutError:
                    continue

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            ended.set()
            thread.join()
            for connection in kept:
                connection.close()
