"""Events: what Envoy tells us on one stream, without protobuf. All in the order in which Envoy sends them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router_extproc.cache.search import Found
    from router_extproc.routing import Outcome


class BodyMode(Enum):
    """How Envoy sends request bodies; announced in a stream's first message."""

    NONE = "none"
    BUFFERED = "buffered"
    STREAMED = "streamed"
    """With `send_body_without_waiting_for_header_response`."""
    FULL_DUPLEX = "full_duplex"
    STREAMED_WAITING = "streamed_waiting"
    """Without it: the first chunk's arrival would depend on an answer that we can only give after the last."""
    BUFFERED_PARTIAL = "buffered_partial"
    GRPC = "grpc"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What Envoy itself says of a request, beside its headers: no caller can write it."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Dynamic metadata of filters before ext_proc, by namespace; only what the filter's `metadata_options` forward."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Of the request, by name: `connection.uri_san_peer_certificate`; only what the filter's `request_attributes` ask for."""
    vouched: bool | None = None
    """Whether identity headers are proven; None: it is to be found out. Only offline, where no proxy is, it is said."""


NO_EVIDENCE = Evidence()


@dataclass(frozen=True, slots=True)
class HeadersReceived:
    """The request's headers."""

    headers: Mapping[str, str]
    """Lower-case names, pseudo-headers included; repeated headers are joined by a comma."""
    end_of_stream: bool
    """Whether there is no body."""
    mode: BodyMode
    evidence: Evidence = NO_EVIDENCE


@dataclass(frozen=True, slots=True)
class BodyReceived:
    """A piece of the request's body, or all of it (BUFFERED)."""

    body: bytes
    end_of_stream: bool


@dataclass(frozen=True, slots=True)
class TrailersReceived:
    """The request's trailers: the body has ended."""


@dataclass(frozen=True, slots=True)
class OutcomeReady:
    """What a worker thread found out; the answer to Think."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class CacheSearched:
    """What came of a search in the response cache; the answer to Think."""

    found: Found


@dataclass(frozen=True, slots=True)
class Failed:
    """What a worker thread was asked for could not be found out: a fault of our own."""


@dataclass(frozen=True, slots=True)
class UploadTimedOut:
    """The body did not end in time."""


@dataclass(frozen=True, slots=True)
class ResponseHeadersReceived:
    """The upstream's response headers."""

    headers: Mapping[str, str]
    end_of_stream: bool
    at: float
    """Seconds on a monotonic clock."""


@dataclass(frozen=True, slots=True)
class ResponseBodyReceived:
    """A piece of the response's body."""

    body: bytes
    end_of_stream: bool
    at: float
    """Seconds on a monotonic clock."""


@dataclass(frozen=True, slots=True)
class ResponseTrailersReceived:
    """The response's trailers: it has ended."""

    at: float
    """Seconds on a monotonic clock."""


Event = (
    HeadersReceived
    | BodyReceived
    | TrailersReceived
    | OutcomeReady
    | CacheSearched
    | Failed
    | UploadTimedOut
    | ResponseHeadersReceived
    | ResponseBodyReceived
    | ResponseTrailersReceived
)
