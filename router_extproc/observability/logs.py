"""Logs: the program's own log, as JSON lines for machines or in colour for people."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from router_extproc.hooks import AnswerDetails, ReloadDetails, RouteDetails
    from router_extproc.routing import Observation


def set_up(*, level: str, form: str) -> None:
    """Send everything that this process logs, whoever logs it, to stderr in one form: `json` or `console`."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        _uncoloured,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    render: Any = structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer()
    formatter = structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.EventRenamer("message"),
            render,
        ]
        if form == "json"
        else [structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        foreign_pre_chain=shared,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for noisy in ("watchfiles", "uvicorn.access", "grpc._cython"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _uncoloured(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Without uvicorn's second form of its messages, for terminals."""
    event.pop("color_message", None)
    return event


class ReloadLog:
    """Tells of every policy that is loaded or refused; a hook."""

    def __init__(self) -> None:
        self._log = logging.getLogger("router_extproc.policy")

    def routed(self, details: RouteDetails) -> None:
        """Nothing: decisions have their own log."""

    def observed(self, observation: Observation) -> None:
        """Nothing."""

    def answered(self, details: AnswerDetails) -> None:
        """Nothing: the decision log has it."""

    def reloaded(self, details: ReloadDetails) -> None:
        """Log the attempt, with every problem of a policy that was refused."""
        facts = {"version": details.version, "source": details.source, "trigger": details.trigger}
        for warning in details.warnings:
            self._log.warning("policy warning", extra={**facts, "problem": warning})
        if details.ok:
            told = {**facts, "seconds": round(details.duration_s, 3), "changed": list(details.changed)}
            self._log.info("policy loaded", extra=told)
            return
        for error in details.errors:
            self._log.error("policy refused, the last good one stays in force", extra={**facts, "problem": error})
