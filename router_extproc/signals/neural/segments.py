"""Segments: which texts of a request an encoder reads, each with where it comes from; and the readings that they have in common."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from router_extproc.encoders.scores import Kind
from router_extproc.request import PartKind, Role
from router_extproc.signals.options import Reads
from router_extproc.signals.texts import defined, texts, user_turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from router_extproc.encoders.reading import Reading
    from router_extproc.encoders.share import Share
    from router_extproc.request import Request
    from router_extproc.signals.neural.disguises import Disguises

F = TypeVar("F")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Segment:
    """One text and where it comes from."""

    text: str
    kind: Kind


def one(request: Request, reads: Reads) -> tuple[Segment, ...]:
    """What is asked for, as one text; none if it is blank."""
    text = "\n\n".join(texts(request, reads))
    kind = Kind.TOOL_RESULT if reads is Reads.TOOL_RESULTS else Kind.USER
    return (Segment(text, kind),) if text.strip() else ()


def each(request: Request, reads: Reads) -> tuple[Segment, ...]:
    """What is asked for, message by message, the last first: a guard reads each on its own, lest one drown in the others."""
    return tuple(segment for segment in _each(request, reads) if segment.text.strip())


def _each(request: Request, reads: Reads) -> Iterator[Segment]:
    if reads is Reads.LAST_USER:
        said = next(user_turns(request), "")
        yield Segment(said, Kind.USER)
        return
    for message in reversed(request.messages):
        for part in message.parts:
            kind = Kind.TOOL_RESULT if part.kind in {PartKind.TOOL_RESULT, PartKind.FILE} else Kind.USER
            if part.text and _wanted(message.role, kind, reads):
                yield Segment(part.text, kind)
    if reads is Reads.EVERYTHING:
        yield from (Segment(text, Kind.TOOL_RESULT) for text in defined(request))


def _wanted(role: Role, kind: Kind, reads: Reads) -> bool:
    if reads is Reads.EVERYTHING:
        return True
    if reads is Reads.TOOL_RESULTS:
        return kind is Kind.TOOL_RESULT
    if kind is Kind.TOOL_RESULT:
        return False
    if reads is Reads.SYSTEM:
        return role in {Role.SYSTEM, Role.DEVELOPER}
    return role is Role.USER or (reads is Reads.CONVERSATION and role is Role.ASSISTANT)


def begun(request: Request, share: Share, segments: Sequence[Segment], deadline: float, windows: int) -> list[Future[Reading]]:
    """A reading of each segment: started now, or by another signal of the same request."""
    memo = request.memo
    found: list[Future[Reading]] = []
    for segment in segments:
        key = ("reading", segment, windows)
        future: Future[Reading] | None = memo.get(key)
        if future is None:
            future = memo[key] = share.submit(segment.text, segment.kind, deadline, windows=windows)
        found.append(future)
    return found


def begun_undisguised(
    request: Request, share: Share, disguises: Disguises, segments: Sequence[Segment], deadline: float, windows: int
) -> list[Future[Reading]]:
    """A reading of each segment as a person would read it. Most are the same texts, whose reading is that of those that need no more."""
    memo = request.memo
    found: list[Future[Reading]] = []
    for segment in segments:
        key = ("undisguised", segment, windows)
        future: Future[Reading] | None = memo.get(key)
        if future is None:
            text = disguises.at_once(request, segment.text)
            if text is None:
                undone = disguises.submit(segment.text, deadline)
                future = followed(undone, partial(_read, share, segment.kind, deadline, windows))
            else:
                (future,) = begun(request, share, (Segment(text, segment.kind),), deadline, windows)
            memo[key] = future
        found.append(future)
    return found


def _read(share: Share, kind: Kind, deadline: float, windows: int, text: str) -> Future[Reading]:
    return share.submit(text, kind, deadline, windows=windows)


def followed(first: Future[F], begin: Callable[[F], Future[T]]) -> Future[T]:
    """What is begun with the result of other work, once that is there. Nobody can cancel it, as with any other."""
    last: Future[T] = Future()
    last.set_running_or_notify_cancel()

    def start(done: Future[F]) -> None:
        error = done.exception()
        if error is None:
            begin(done.result()).add_done_callback(finish)
        else:
            last.set_exception(error)

    def finish(done: Future[T]) -> None:
        error = done.exception()
        if error is None:
            last.set_result(done.result())
        else:
            last.set_exception(error)

    first.add_done_callback(start)
    return last


def coverage(texts: Sequence[Segment], chosen: Sequence[Segment], readings: Sequence[Reading]) -> float:
    """The share of all these texts that the readings of those chosen cover."""
    total = sum(len(segment.text) for segment in texts)
    read = sum(len(segment.text) * reading.coverage for segment, reading in zip(chosen, readings, strict=True))
    return read / total if total else 1.0
