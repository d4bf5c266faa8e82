"""Replies: what we tell Envoy, without protobuf."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from router_extproc.extproc.events import OutcomeReady

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    from router_extproc.extproc.events import Event
    from router_extproc.routing import HeaderEdit


@dataclass(frozen=True, slots=True)
class Mutation:
    """What changes in a request that goes on."""

    headers: tuple[HeaderEdit, ...] = ()
    body: bytes | None = None
    """The new body; None leaves the old one."""
    reroute: bool = False
    """Whether Envoy must choose the route again."""
    record: Mapping[str, str | float] | None = None
    """The decision record: becomes dynamic metadata."""


NOTHING = Mutation()


@dataclass(frozen=True, slots=True)
class Ask:
    """Which further messages of this stream we want (Envoy's mode_override)."""

    request_body: bool = False
    """Send the request's body in one piece. For streams whose own mode is NONE."""
    no_request_body: bool = False
    """Do not send the request's body."""
    response_headers: bool = False
    response_body: bool = False
    """In pieces, as it comes."""


@dataclass(frozen=True, slots=True)
class HeadersReply:
    """Answers the request's headers."""

    mutation: Mutation = NOTHING
    ask: Ask | None = None


@dataclass(frozen=True, slots=True)
class BodyReply:
    """Answers one body message in BUFFERED and STREAMED."""

    mutation: Mutation = NOTHING


@dataclass(frozen=True, slots=True)
class BodyChunk:
    """A piece of the body on its way upstream in FULL_DUPLEX. Below 64 KiB."""

    body: bytes
    end_of_stream: bool


@dataclass(frozen=True, slots=True)
class TrailersReply:
    """Answers the request's trailers."""


@dataclass(frozen=True, slots=True)
class Immediate:
    """Ends the request with an answer of our own."""

    status: int
    content_type: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    record: Mapping[str, str | float] | None = None
    details: str = ""
    """For Envoy's access log (%RESPONSE_CODE_DETAILS%)."""


@dataclass(frozen=True, slots=True)
class ResponseHeadersReply:
    """Answers the response's headers."""

    headers: tuple[tuple[str, str], ...] = ()
    ask: Ask | None = None
    removed: tuple[str, ...] = ()
    """Headers that are taken out."""


@dataclass(frozen=True, slots=True)
class ResponseBodyReply:
    """Answers a piece of the response's body."""

    body: bytes | None = None
    """What goes on instead of it; None leaves it as it is."""


@dataclass(frozen=True, slots=True)
class ResponseTrailersReply:
    """Answers the response's trailers."""


class Thinking(Protocol):
    """Something that is found out step by step, and never blocks."""

    @property
    def work(self) -> Sequence[Future[Any]]:
        """What the next step waits for."""
        ...

    def step(self) -> Any:
        """What was found out; None if work must be done first."""
        ...

    def give_up(self) -> Any:
        """The same, without the work that is not done."""
        ...

    def remaining_s(self) -> float:
        """Seconds that the work may take."""
        ...


@dataclass(frozen=True, slots=True)
class Think:
    """Not for Envoy: wait for `routing.work`, step again, and come back with what `ready` makes of it, or Failed."""

    routing: Thinking = field(repr=False)
    ready: Callable[[Any], Event] = OutcomeReady


@dataclass(frozen=True, slots=True)
class Finish:
    """Not for Envoy: end the RPC. Nothing more is needed of this stream."""


Reply = (
    HeadersReply
    | BodyReply
    | BodyChunk
    | TrailersReply
    | Immediate
    | ResponseHeadersReply
    | ResponseBodyReply
    | ResponseTrailersReply
    | Think
    | Finish
)
