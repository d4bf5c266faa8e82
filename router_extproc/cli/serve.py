"""`serve`: the external processor, in one process or several."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import time
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, NoReturn

import uvloop

from router_extproc.cache.store import LEAST_SECRET, MOST_SECRET
from router_extproc.cli.console import fail
from router_extproc.cli.exits import Exit
from router_extproc.cli.policy_file import show
from router_extproc.encoders.cpus import available_cpus
from router_extproc.envoy_admin import EnvoyAdmin
from router_extproc.health import PoolHealth
from router_extproc.limits.address import AddressError, state_url
from router_extproc.limits.remote import RedisRemote
from router_extproc.observability.logs import set_up
from router_extproc.observability.otlp import OtlpExporter
from router_extproc.policy.problems import PolicyError
from router_extproc.service import Service, ServiceOptions

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess
    from pathlib import Path
    from types import FrameType

_log = logging.getLogger(__name__)

_RESTART_S = 1.0
_LOOK_S = 0.25
_LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class ServeOptions(ServiceOptions):
    """ServiceOptions, and what only the parent of all workers needs. `encoder_threads` are those of all workers together."""

    workers: int = 1
    log_level: str = "info"
    log_format: str = "json"
    state_file: Path | None = None
    cache_secret_file: Path | None = None

    def for_worker(self, index: int) -> ServiceOptions:
        """The options of one worker: the same ext_proc port (SO_REUSEPORT), its own admin and metrics, its part of the threads."""
        options = ServiceOptions(**{field.name: getattr(self, field.name) for field in fields(ServiceOptions)})
        threads = max(1, (self.encoder_threads or available_cpus()) // self.workers)
        options = replace(options, share_port=self.workers > 1, encoder_threads=threads)
        state = self.learning_state
        if state is not None and self.workers > 1:
            options = replace(options, learning_state=state.with_name(f"{state.name}.{index}"))
        options = replace(options, feedback=_moved(self.feedback, index))
        return replace(options, admin=_moved(self.admin, index), metrics=_moved(self.metrics, index))


def _moved(address: str, index: int) -> str:
    """The address of the worker of that index, when the first has this one; none stays none."""
    host, separator, port = address.rpartition(":")
    return f"{host}{separator}{int(port) + index}" if index and address else address


def run(options: ServeOptions) -> Exit:
    """Serve; see `router-extproc serve --help`."""
    _check(options)
    _check_http(options)
    _check_otlp(options)
    _check_envoy_admin(options)
    options = replace(options, state=_state(options), cache_secret=_cache_secret(options))
    if options.workers == 1:
        return Exit(_work(options, 0))
    set_up(level=options.log_level, form=options.log_format)
    return _Supervisor(options).run()


def _check(options: ServeOptions) -> None:
    if (options.tls_cert is None) != (options.tls_key is None):
        fail(Exit.USAGE, "--tls-cert and --tls-key go together")
    if options.tls_client_ca is not None and options.tls_cert is None:
        fail(Exit.USAGE, "--tls-client-ca needs --tls-cert and --tls-key")
    if options.log_level not in {"debug", "info", "warning", "error"}:
        fail(Exit.USAGE, "--log-level is debug, info, warning or error")
    if options.log_format not in {"json", "console"}:
        fail(Exit.USAGE, "--log-format is json or console")
    if options.workers > 1 and options.listen.startswith("unix:"):
        fail(Exit.USAGE, "--workers share a TCP port; a unix socket belongs to one process")
    if options.workers > 1 and options.listen.endswith(":0"):
        fail(Exit.USAGE, "--workers share a port, so it must be given")


def _check_http(options: ServeOptions) -> None:
    for name, address in (("--admin", options.admin), ("--metrics", options.metrics), ("--feedback", options.feedback)):
        port = address.rpartition(":")[2]
        if address and not (port.isascii() and port.isdigit()):
            fail(Exit.USAGE, f"{name} takes HOST:PORT")
        # Of a larger number uvloop takes the low 16 bits, and listens there.
        if address and (last := int(port) + options.workers - 1) > _LAST_PORT:
            fail(Exit.USAGE, f"{name}: {last} is no port; the last is {_LAST_PORT}")


def _check_otlp(options: ServeOptions) -> None:
    try:
        if options.otlp:
            OtlpExporter(options.otlp)
    except ValueError as error:
        fail(Exit.USAGE, f"--otlp: {error}")


def _check_envoy_admin(options: ServeOptions) -> None:
    try:
        if options.envoy_admin:
            EnvoyAdmin(options.envoy_admin, PoolHealth(), frozenset)
    except ValueError as error:
        fail(Exit.USAGE, f"--envoy-admin: {error}")


def _state(options: ServeOptions) -> str:
    """The shared store's address with its credentials; empty if there is none."""
    try:
        url = state_url(options.state, options.state_file, os.environ)
        if url:
            RedisRemote(url)
    except OSError as error:
        fail(Exit.INPUT, f"--state-file: {error.strerror or error}")
    except ImportError:
        fail(Exit.USAGE, "--state needs the Redis client: pip install 'router-extproc[redis]'")
    except AddressError as error:
        fail(Exit.USAGE, f"--state: {error}")
    except ValueError:
        fail(Exit.USAGE, "--state: the Redis client does not take this address")
    return url


def _cache_secret(options: ServeOptions) -> bytes:
    """The secret that replicas with one cache share; empty if there is none."""
    if options.cache_secret_file is None:
        return b""
    try:
        secret = options.cache_secret_file.read_bytes().strip()
    except OSError as error:
        fail(Exit.INPUT, f"--cache-secret-file: {error.strerror or error}")
    if not LEAST_SECRET <= len(secret) <= MOST_SECRET:
        fail(
            Exit.INPUT,
            f"--cache-secret-file: {len(secret)} bytes; write {LEAST_SECRET} to {MOST_SECRET}, such as `openssl rand -hex 32`",
        )
    return secret


def _work(options: ServeOptions, index: int) -> int:
    """One worker, until its end."""
    set_up(level=options.log_level, form=options.log_format)
    try:
        service = Service(options.for_worker(index))
        uvloop.run(service.run())
    except PolicyError as error:
        show(error.problems)
        return Exit.FINDINGS
    except OSError as error:
        _log.error("%s", error)
        return Exit.INPUT if error.filename else Exit.ENVIRONMENT  # a file that cannot be read, or a port that is not free
    return leave(Exit.OK)


def leave(code: Exit) -> NoReturn:
    """End the process, whose service is closed, without the interpreter's own end.

    A thread that is in a search or a model's pass just then would come back from C++ to an interpreter that is gone, which aborts the
    process: exit code 134 and a core file for an orderly stop.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or none
            stream.flush()
    os._exit(code)


def _entry(options: ServeOptions, index: int) -> None:
    raise SystemExit(_work(options, index))


class _Supervisor:
    """Starts workers, passes signals on to them, and starts another for one that dies."""

    def __init__(self, options: ServeOptions) -> None:
        self._options = options
        self._context = multiprocessing.get_context("spawn")  # gRPC does not survive a fork
        self._workers: dict[int, SpawnProcess] = {}
        self._ending = False

    def run(self) -> Exit:
        """Supervise until SIGTERM, or until a worker cannot start."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._forward)
        for index in range(self._options.workers):
            self._start(index)
        code = Exit.OK
        while not self._is_ending():
            time.sleep(_LOOK_S)
            code = max(map(self._looked_after, range(self._options.workers)))
        for worker in self._workers.values():
            worker.join()
        return code

    def _is_ending(self) -> bool:
        return self._ending

    def _start(self, index: int) -> None:
        worker = self._context.Process(target=_entry, args=(self._options, index), name=f"worker-{index}")
        worker.start()
        self._workers[index] = worker

    def _looked_after(self, index: int) -> Exit:
        """Replace a worker that died. One that cannot start ends them all, because no other could either."""
        worker = self._workers[index]
        if self._is_ending() or worker.is_alive():
            return Exit.OK
        code = worker.exitcode or 0
        if code in {Exit.FINDINGS, Exit.INPUT, Exit.ENVIRONMENT}:
            self._forward(signal.SIGTERM, None)
            return Exit(code)
        _log.error("worker %d ended with %d; starting another", index, code)
        time.sleep(_RESTART_S)
        self._start(index)
        return Exit.OK

    def _forward(self, number: int, _frame: FrameType | None) -> None:
        self._ending = self._ending or number != signal.SIGHUP
        for worker in self._workers.values():
            if worker.pid and worker.is_alive():
                os.kill(worker.pid, number)
