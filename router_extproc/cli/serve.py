"""`serve`: the external processor, in one process or several."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import time
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import uvloop

from router_extproc.cli.console import fail
from router_extproc.cli.exits import Exit
from router_extproc.cli.policy_file import show
from router_extproc.observability.logs import set_up
from router_extproc.policy.problems import PolicyError
from router_extproc.service import Service, ServiceOptions

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess
    from types import FrameType

_log = logging.getLogger(__name__)

_RESTART_S = 1.0


@dataclass(frozen=True, slots=True)
class ServeOptions(ServiceOptions):
    """ServiceOptions, and what only the parent of all workers needs."""

    workers: int = 1
    log_level: str = "info"
    log_format: str = "json"

    def for_worker(self, index: int) -> ServiceOptions:
        """The options of one worker: the same port for ext_proc (SO_REUSEPORT), its own for the admin."""
        options = ServiceOptions(**{field.name: getattr(self, field.name) for field in fields(ServiceOptions)})
        host, separator, port = self.admin.rpartition(":")
        return replace(options, admin=f"{host}{separator}{int(port) + index}") if index and self.admin else options


def run(options: ServeOptions) -> Exit:
    """Serve; see `router-extproc serve --help`."""
    _check(options)
    if options.workers == 1:
        return Exit(_work(options, 0))
    return _supervise(options)


def _check(options: ServeOptions) -> None:
    if (options.tls_cert is None) != (options.tls_key is None):
        fail(Exit.USAGE, "--tls-cert and --tls-key go together")
    if options.tls_client_ca is not None and options.tls_cert is None:
        fail(Exit.USAGE, "--tls-client-ca needs --tls-cert and --tls-key")
    if options.log_level not in {"debug", "info", "warning", "error"}:
        fail(Exit.USAGE, "--log-level is debug, info, warning or error")
    if options.log_format not in {"json", "console"}:
        fail(Exit.USAGE, "--log-format is json or console")
    if options.admin and not options.admin.rpartition(":")[2].isdigit():
        fail(Exit.USAGE, "--admin takes HOST:PORT")
    if options.workers > 1 and options.listen.startswith("unix:"):
        fail(Exit.USAGE, "--workers share a TCP port; a unix socket belongs to one process")
    if options.workers > 1 and options.listen.endswith(":0"):
        fail(Exit.USAGE, "--workers share a port, so it must be given")


def _work(options: ServeOptions, index: int) -> int:
    """One worker, until its end."""
    set_up(level=options.log_level, form=options.log_format)
    try:
        service = Service(options.for_worker(index))
        uvloop.run(service.run())
    except PolicyError as error:
        show(error.problems)
        return Exit.FINDINGS
    except ImportError as error:
        _log.error("%s is not installed: pip install 'router-extproc[otlp]'", error.name)  # noqa: TRY400 - the traceback says nothing more
        return Exit.ENVIRONMENT
    except OSError as error:
        _log.error("%s", error)  # noqa: TRY400 - as above
        return Exit.ENVIRONMENT
    return Exit.OK


def _entry(options: ServeOptions, index: int) -> None:
    raise SystemExit(_work(options, index))


def _supervise(options: ServeOptions) -> Exit:
    """Start workers, pass signals on to them, and start another for one that dies."""
    set_up(level=options.log_level, form=options.log_format)
    context = multiprocessing.get_context("spawn")  # gRPC does not survive a fork
    workers: dict[int, SpawnProcess] = {}
    ending = False

    def start(index: int) -> None:
        workers[index] = context.Process(target=_entry, args=(options, index), name=f"worker-{index}")
        workers[index].start()

    def forward(number: int, _frame: FrameType | None) -> None:
        nonlocal ending
        ending = ending or number != signal.SIGHUP
        for worker in workers.values():
            if worker.pid and worker.is_alive():
                os.kill(worker.pid, number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, forward)
    for index in range(options.workers):
        start(index)
    failed = 0
    while any(worker.is_alive() for worker in workers.values()) or not ending:
        time.sleep(_RESTART_S / 4)
        for index, worker in list(workers.items()):
            if not worker.is_alive() and not ending:
                code = worker.exitcode or 0
                if code in {Exit.FINDINGS, Exit.ENVIRONMENT}:
                    ending, failed = True, code
                    forward(signal.SIGTERM, None)
                    break
                _log.error("worker %d ended with %d; starting another", index, code)
                time.sleep(_RESTART_S)
                start(index)
    return Exit(failed)
