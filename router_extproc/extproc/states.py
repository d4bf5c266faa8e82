"""States: where a stream can stand, and the body modes that it can have."""

from __future__ import annotations

from enum import Enum, auto

from router_extproc.extproc.events import BodyMode

WHY_NOT = {
    BodyMode.BUFFERED_PARTIAL: "a body above Envoy's buffer limit would be routed without having been read",
    BodyMode.STREAMED_WAITING: "Envoy would send the first chunk on before the last one is read; "
    "set send_body_without_waiting_for_header_response",
    BodyMode.GRPC: "LLM APIs are not gRPC",
}
WHOLE = frozenset({BodyMode.BUFFERED, BodyMode.NONE})
"""Modes in which the body comes in one message. NONE becomes BUFFERED for the requests that are ours."""


class State(Enum):
    """Where a stream stands."""

    NEW = auto()
    READING = auto()
    """Of the request's body."""
    THINKING = auto()
    """A worker thread is asked."""
    SEARCHING = auto()
    """For an answer in the response cache."""
    ECHOING = auto()
    """A body that is none of ours goes through (FULL_DUPLEX)."""
    SENT = auto()
    """The request went on; its response's headers are wanted."""
    OBSERVING = auto()
    """The response goes by."""
    DONE = auto()
