"""Health: the gRPC health protocol, with names of its own for liveness and readiness."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2

if TYPE_CHECKING:
    from collections.abc import Callable

CHECK = "/grpc.health.v1.Health/Check"
LIVENESS = "liveness"
READINESS = "readiness"
_READY = frozenset({"", READINESS, "envoy.service.ext_proc.v3.ExternalProcessor"})
_INVALID_ARGUMENT, _NOT_FOUND = 3, 5


class HealthStatus:
    """Whether this process takes traffic. It is alive as long as it answers."""

    def __init__(self) -> None:
        self.ready = False

    def of(self, service: str) -> bool | None:
        """Whether that service is well; None if there is none of that name."""
        if service == LIVENESS:
            return True
        return self.ready if service in _READY else None


class Check:
    """One call of Check."""

    def __init__(self, status: HealthStatus, *, send: Callable[[bytes], None], finish: Callable[[int, str], None]) -> None:
        self._status = status
        self._send = send
        self._finish = finish

    def message(self, data: bytes, /) -> None:
        """Answer."""
        try:
            service = health_pb2.HealthCheckRequest.FromString(data).service
        except DecodeError:
            self._finish(_INVALID_ARGUMENT, "not a HealthCheckRequest")
            return
        well = self._status.of(service)
        if well is None:
            self._finish(_NOT_FOUND, "no such service")
            return
        kinds = health_pb2.HealthCheckResponse
        self._send(kinds(status=kinds.SERVING if well else kinds.NOT_SERVING).SerializeToString())
        self._finish(0, "")

    def ended(self) -> None:
        """Nothing: the answer came with the message."""

    def cancelled(self) -> None:
        """Nothing."""
