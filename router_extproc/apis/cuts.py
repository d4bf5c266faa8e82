"""Cuts: how an answer ends that a guard ended, in the words of each API: what its clients take for "filtered"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from router_extproc.apis.edits import changed, encode
from router_extproc.apis.leaves import Splice, leaves, spliced

if TYPE_CHECKING:
    from collections.abc import Iterable

    from router_extproc.apis.pieces import Channel, Event

_COMMON = ("id", "object", "created", "model", "system_fingerprint", "service_tier")
FILTERED = "content_filter"
REFUSED = "refusal"


def chat_events(last: dict[str, Any], indexes: Iterable[int], *, delta: bool) -> list[Event]:
    """The chunk that ends choices. `last` is a chunk of the same stream; `delta` tells chat completions from completions."""
    part: dict[str, Any] = {"delta": {}} if delta else {"text": "", "logprobs": None}
    choices = [{"index": index, **part, "finish_reason": FILTERED} for index in indexes]
    return [("", {**{key: last[key] for key in _COMMON if key in last}, "choices": choices})]


def chat_json(raw: bytes) -> bytes:
    """A completion whose choices say that they were filtered."""
    # Each is choices[n].finish_reason.
    reasons = [leaf for leaf in leaves(raw) if leaf.path[:1] == ("choices",) and leaf.path[2:] == ("finish_reason",)]
    return spliced(raw, [Splice(leaf.start, leaf.end, encode(FILTERED)) for leaf in reasons])


def message_events(blocks: Iterable[int]) -> list[Event]:
    """The events that end open content blocks and the message."""
    told: list[dict[str, Any]] = [{"type": "content_block_stop", "index": index} for index in blocks]
    ended = {"stop_reason": REFUSED, "stop_sequence": None}
    told += [{"type": "message_delta", "delta": ended, "usage": {"output_tokens": 0}}, {"type": "message_stop"}]
    return [(event["type"], event) for event in told]


def message_json(raw: bytes) -> bytes:
    """A message that was refused."""
    return changed(raw, {"stop_reason": encode(REFUSED)})


def response_events(begun: dict[str, Any]) -> list[Event]:
    """The event that ends a response. `begun` is the stream's first event."""
    response = begun.get("response")
    response = response if isinstance(response, dict) else {}
    kind = "response.incomplete"
    ended = {
        **response,
        "status": "incomplete",
        "incomplete_details": {"reason": FILTERED},
        "output": response.get("output") or [],
    }
    return [(kind, {"type": kind, "sequence_number": 0, "response": ended})]


def response_json(raw: bytes) -> bytes:
    """A response that is incomplete."""
    return changed(raw, {"status": encode("incomplete"), "incomplete_details": encode({"reason": FILTERED})})


def indexes(open_channels: Iterable[Channel]) -> list[int]:
    """The choices or blocks that channels belong to, in order; the first where there is none."""
    return sorted({int(channel[0]) for channel in open_channels if channel}) or [0]
