"""Replay: a kept answer in the form that a request asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.apis import playback
from router_extproc.apis.api import Payload
from router_extproc.apis.playback import UnplayableError
from router_extproc.apis.usage import decoded

if TYPE_CHECKING:
    from router_extproc.cache.entry import Entry


def replayed(entry: Entry, *, api: str, stream: bool, usage: bool) -> Payload | None:
    """The payload; None if the entry cannot serve this form. `usage`: the caller wants a stream to tell its tokens."""
    if entry.api != api:
        return None
    if not stream:
        # A stream told no tokens unless it was asked to; a JSON answer always does.
        return None if entry.streamed and not entry.usage else Payload("application/json", entry.body)
    if usage and not entry.usage:
        return None
    try:
        return playback.stream(api, decoded(entry.body), usage=usage)
    except UnplayableError:
        return None
