"""Framing: a body cut into the replies that each mode of Envoy's wants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.extproc import mutation
from router_extproc.extproc.events import BodyMode, BodyReceived, ResponseBodyReceived, ResponseTrailersReceived, TrailersReceived
from router_extproc.extproc.replies import (
    BodyChunk,
    BodyReply,
    HeadersReply,
    Immediate,
    Mutation,
    ResponseBodyReply,
    ResponseTrailersReply,
    TrailersReply,
)
from router_extproc.extproc.states import WHOLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router_extproc.extproc.events import Event
    from router_extproc.extproc.replies import Ask, Reply
    from router_extproc.routing import Reason

CHUNK = 62_000
"""Bytes of a body chunk in FULL_DUPLEX: Envoy's limit is 64 KiB a message."""


def chunks(body: bytes, *, last: bool) -> tuple[BodyChunk, ...]:
    """A body in chunks that Envoy takes; an empty one where the end must be told."""
    if not body:
        return (BodyChunk(b"", last),) if last else ()
    starts = range(0, len(body), CHUNK)
    return tuple(BodyChunk(body[start : start + CHUNK], last and start + CHUNK >= len(body)) for start in starts)


def pieces(body: bytes | None, count: int) -> tuple[BodyReply, ...]:
    """One reply for each chunk that came (STREAMED); a new body is shared out among them."""
    if body is None:
        return (BodyReply(),) * count
    size = -(-len(body) // count)
    return tuple(BodyReply(Mutation(body=body[index * size : (index + 1) * size])) for index in range(count))


def forwarded(
    change: Mutation, ask: Ask | None, mode: BodyMode, came: Sequence[bytes], *, bodyless: bool, trailers: bool
) -> tuple[Reply, ...]:
    """The replies that send a request on, in the way of its mode. `came` is the body as it came."""
    if bodyless:
        return (HeadersReply(change, ask),)
    if mode in WHOLE:
        return (BodyReply(change),)
    head = HeadersReply(Mutation(change.headers, None, change.reroute, change.record), ask)
    tail = (TrailersReply(),) if trailers else ()
    if mode is BodyMode.FULL_DUPLEX:
        body = change.body if change.body is not None else b"".join(came)
        return (head, *chunks(body, last=not trailers), *tail)
    return (head, *pieces(change.body, len(came)), *tail)


def late(event: Event, mode: BodyMode) -> tuple[Reply, ...]:
    """What Envoy still waits for after the request went on: an answer for each message, except in FULL_DUPLEX."""
    if isinstance(event, TrailersReceived):
        return (TrailersReply(),)
    if isinstance(event, BodyReceived) and mode is not BodyMode.FULL_DUPLEX:
        return (BodyReply(),)
    if isinstance(event, ResponseBodyReceived):
        return (ResponseBodyReply(),)
    if isinstance(event, ResponseTrailersReceived):
        return (ResponseTrailersReply(),)
    return ()


def last_resort(reason: Reason) -> Immediate:
    """An answer where not even the headers were seen."""
    payload = mutation.ERROR_API.error(500, "The request could not be routed because of an internal error.", code=reason.value)
    return Immediate(500, payload.content_type, payload.body, details=f"router_extproc_{reason.value}")
