"""Envoy's admin port: how many healthy hosts each pool's cluster has, asked again and again."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from http.client import OK, HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from router_extproc.health import PoolHealth

_log = logging.getLogger(__name__)

EVERY_S = 2.0
TIMEOUT_S = 2.0
MAX_BYTES = 16 * 1024 * 1024
"""Of an answer: about 10,000 hosts. A larger one says nothing."""
_PATH = "/clusters?format=json"
_FAILED = (
    "failed_active_health_check",
    "failed_outlier_check",
    "pending_dynamic_removal",
    "pending_active_hc",
    "excluded_via_immediate_hc_fail",
    "active_hc_timeout",
)
_GOOD = frozenset({"HEALTHY", "DEGRADED", "UNKNOWN"})


@dataclass(slots=True)
class AskFigures:
    """How asking fares, for metrics."""

    up: bool = False
    failures: dict[str, int] = field(default_factory=dict)
    """By reason: `connection`, `status`, `too_large` or `unreadable`."""


class AskError(Exception):
    """Envoy's admin port gave no answer; the text is the reason."""


class EnvoyAdmin:
    """One Envoy. `url` is its admin port's: http://HOST:PORT. Raises ValueError for another."""

    def __init__(
        self, url: str, health: PoolHealth, clusters: Callable[[], Collection[str]], *, every_s: float = EVERY_S
    ) -> None:
        """`clusters`: the only ones that are remembered."""
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname or parts.path not in {"", "/"}:
            raise ValueError(f"{url!r} is not http://HOST:PORT")
        self._address = (parts.hostname, parts.port or 80)
        self._health = health
        self._clusters = clusters
        self._every_s = every_s
        self.figures = AskFigures()

    async def watch(self) -> None:
        """Ask until cancelled. What is not answered is told once, and the last answer counts for half a minute."""
        while True:
            await self.look()
            await asyncio.sleep(self._every_s)

    async def look(self) -> None:
        """Ask once."""
        figures = self.figures
        try:
            found = healthy_hosts(await asyncio.to_thread(self._fetched))
        except AskError as error:
            reason = str(error)
            figures.failures[reason] = figures.failures.get(reason, 0) + 1
            if figures.up or sum(figures.failures.values()) == 1:
                _log.warning(
                    "Envoy's admin port does not tell healthy hosts (%s): pools are judged by their answers alone", reason
                )
            figures.up = False
            return
        if not figures.up:
            _log.info("Envoy's admin port tells healthy hosts")
        figures.up = True
        wanted = frozenset(self._clusters())
        self._health.learn({name: count for name, count in found.items() if name in wanted})

    def _fetched(self) -> bytes:
        connection = HTTPConnection(*self._address, timeout=TIMEOUT_S)
        try:
            connection.request("GET", _PATH)
            response = connection.getresponse()
            data = response.read(MAX_BYTES + 1)
        except (OSError, HTTPException):
            raise AskError("connection") from None
        finally:
            connection.close()
        if response.status != OK:
            raise AskError("status")
        if len(data) > MAX_BYTES:
            raise AskError("too_large")
        return data


def healthy_hosts(told: bytes) -> dict[str, int]:
    """Healthy hosts by cluster, of an answer to /clusters?format=json. Raises AskError."""
    try:
        clusters = msgspec.json.decode(told)["cluster_statuses"]
        return {cluster["name"]: sum(map(_is_healthy, cluster.get("host_statuses", ()))) for cluster in clusters}
    except (msgspec.DecodeError, RecursionError, KeyError, TypeError, AttributeError):
        raise AskError("unreadable") from None


def _is_healthy(host: dict[str, Any]) -> bool:
    status = host.get("health_status", {})
    return status.get("eds_health_status", "HEALTHY") in _GOOD and not any(status.get(flag) for flag in _FAILED)
