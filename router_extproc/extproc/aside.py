"""Aside: long pieces of responses are looked through in threads beside the event loop, which goes on serving everybody else."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING

from router_extproc.encoders.lanes import Lanes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LONG = 8 * 1024
"""Bytes from which a piece is long: a millisecond of prose, but a tenth of a second of a table of telephone numbers. Shorter ones are
sooner looked through than handed to a thread, which the event loop then shares the interpreter with: from 2 KB on, answers of 500 tokens
over 16 connections went at half the rate."""
_LANES = (64 * 1024, 512 * 1024)
"""Bytes up to which pieces wait for none that are longer: nearly all that a model writes, and nearly all that anybody lets it write."""
_QUEUE = 1024
"""Pieces that wait; one more is looked through at once, on the event loop."""


@dataclass(frozen=True, slots=True)
class Look:
    """One piece that is to be looked through. `run` keeps what comes of it, and never raises."""

    size: int
    run: Callable[[], None] = field(repr=False)


Aside = Lanes[Look, None]


def aside() -> Aside:
    """The threads of one process. Those that are not needed are not started."""
    return Lanes(_run, _LANES, name="answers", max_queue=_QUEUE, size=attrgetter("size"), usual=LONG)


def _run(looks: Sequence[Look]) -> list[Exception | None]:
    for look in looks:
        look.run()
    return [None] * len(looks)
