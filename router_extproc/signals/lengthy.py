"""Lengthy: long texts are searched in threads beside the event loop: 10 MB of ligatures take a second to fold, and longer to search."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from operator import attrgetter
from typing import TYPE_CHECKING, Protocol

from router_extproc.encoders.lanes import Lanes
from router_extproc.routing import Extractor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from concurrent.futures import Future

    from router_extproc.request import Request
    from router_extproc.routing import SignalResult

NAME = "words"
"""What it is called among threads."""
_LONG = 16_000
"""Characters from which texts are long: a millisecond of ordinary ones. Shorter ones are sooner searched than handed to a thread."""
_HARMLESS = 32
"""How many times less ASCII takes, which needs no folding: half a megabyte of code, as agents send it, some milliseconds."""
_LANES = (128_000, 1_024_000)
"""Sizes up to which texts wait for none that are longer."""
_QUEUE = 1024


@dataclass(frozen=True, slots=True)
class _Search:
    size: int
    run: Callable[[], SignalResult] = field(repr=False)


class Lengthy(Extractor, Protocol):
    """What an extractor below Cost.MODEL may be whose search takes long in long texts."""

    def ahead(self, request: Request, /) -> Future[SignalResult] | None:
        """Have `extract` done in a thread if the texts are long; None if they are not. Never blocks. It is waited for past deadlines."""
        ...


class Searches:
    """Searches long texts. Safe from several threads."""

    def __init__(self) -> None:
        self.lanes: Lanes[_Search, SignalResult] = Lanes(
            _run, _LANES, name=NAME, max_queue=_QUEUE, size=attrgetter("size"), usual=_LONG
        )

    def begin(self, texts: Iterable[str], run: Callable[[], SignalResult]) -> Future[SignalResult] | None:
        """Start a search of these texts; None if they are not long, all of them together."""
        size = sum(len(text) // _HARMLESS if text.isascii() else len(text) for text in texts)
        return self.lanes.submit(_Search(size, run), inf) if size >= _LONG else None


def _run(searches: Sequence[_Search]) -> list[SignalResult | Exception]:
    return [search.run() for search in searches]
