"""Re-ask: whether the user asks again what was asked before, as people do when an answer was no good."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Annotated

from pydantic import Field
from rapidfuzz import fuzz, utils

from router_extproc.routing import Cost, Signal, SignalKind, SignalShape
from router_extproc.signals.options import Options
from router_extproc.signals.texts import user_turns

if TYPE_CHECKING:
    from router_extproc.request import Request
    from router_extproc.signals.services import SignalServices

_MAX_CHARACTERS = 1000
"""Of each turn: comparing costs their product."""
_MIN_CHARACTERS = 8
"""Below it (`yes`, `go on`) turns repeat without meaning anything."""


class ReaskOptions(Options):
    """How far back is looked."""

    lookback: Annotated[int, Field(ge=1, le=20)] = 3
    """Earlier user turns that are compared."""


class Reask:
    """How much the last user turn repeats an earlier one, in [0, 1]; 0 where there is none. From 0.8 on it is nearly the same."""

    cost = Cost.TEXT
    shape = SignalShape(SignalKind.SCORE)

    def __init__(self, name: str, options: ReaskOptions) -> None:
        self.name = name
        self._turns = 1 + options.lookback
        self._none = Signal(name, 0.0)

    def extract(self, request: Request, /) -> Signal:
        """The signal."""
        turns = [_plain(turn) for turn in islice(user_turns(request), self._turns)]
        if len(turns) < 2 or len(turns[0]) < _MIN_CHARACTERS:  # noqa: PLR2004 - one turn repeats nothing
            return self._none
        last, *earlier = turns
        score = max(fuzz.token_sort_ratio(last, turn) for turn in earlier)
        return Signal(self.name, score / 100.0)


def similarity(turn: str, earlier: str) -> float:
    """How much one user turn repeats another, in [0, 1]; 0 for one too short to mean anything by it."""
    plain = _plain(turn)
    return fuzz.token_sort_ratio(plain, _plain(earlier)) / 100.0 if len(plain) >= _MIN_CHARACTERS else 0.0


def _plain(turn: str) -> str:
    return utils.default_process(turn[:_MAX_CHARACTERS])


def build(name: str, options: ReaskOptions, _services: SignalServices) -> Reask:
    """The extractor."""
    return Reask(name, options)
