"""Trend: whether a chat creeps up on the instructions, turn by turn, with no turn that would be an attempt by itself.

A cumulative sum (CUSUM: Page, "Continuous inspection schemes", Biometrika 41, 1954) over what each user turn says for an attempt: the
logarithm of its calibrated odds over those of an ordinary turn.
"""

from __future__ import annotations

from math import exp, log
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from router_extproc.encoders.encoder import WINDOWS
from router_extproc.encoders.scores import Kind
from router_extproc.request import Role
from router_extproc.routing import Cost, Signal, SignalKind, SignalShape
from router_extproc.signals.neural.heads import shared
from router_extproc.signals.neural.segments import Segment, begun_undisguised, coverage
from router_extproc.signals.options import Options
from router_extproc.signals.texts import spoken

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from router_extproc.encoders.reading import Reading
    from router_extproc.encoders.share import Share
    from router_extproc.request import Request
    from router_extproc.signals.neural.disguises import Disguises
    from router_extproc.signals.services import SignalServices

_ORDINARY = 0.0105
"""The chance of an ordinary turn: one with less speaks against an attempt. Chosen on chats in tests and unrelated prompts in a row."""
_FORGETS = 1.0
"""How much of the sum a harmless turn takes away at most, in log odds: a chat is not absolved by one polite turn. Chosen on one half of
the chats in tests."""
_SURE = 1e-6


class TrendOptions(Options):
    """Which turns are read, and how much of them."""

    reads: Literal["all_user", "everything"] = "all_user"
    """User turns: without what an agent harness wrote into them, or as they stand."""
    max_windows: Annotated[int, Field(ge=1, le=64)] = WINDOWS
    """Stretches of 200 tokens that are read of each turn."""
    max_turns: Annotated[int, Field(ge=2, le=64)] = 12
    """Turns that are read, the last ones; earlier ones count as not covered. What an earlier request had read costs nothing."""


class Trend:
    """The probability of an attempt, by all turns together, after the last of them."""

    cost = Cost.MODEL
    shape = SignalShape(SignalKind.SCORE, partial=True)

    def __init__(self, name: str, options: TrendOptions, share: Share, disguises: Disguises) -> None:
        self.name = name
        self._options = options
        self._share = share
        self._disguises = disguises

    def begin(self, request: Request, deadline: float, /) -> list[Future[Reading]]:
        """Start to read the turns that are not being read yet."""
        chosen = self._turns(request)[-self._options.max_turns :]
        return begun_undisguised(request, self._share, self._disguises, chosen, deadline, self._options.max_windows)

    def prepare(self, request: Request, deadline: float, /) -> None:
        """Nothing goes on beside the reading."""

    def extract(self, request: Request, /) -> Signal:
        """The signal. Without any turn there is no attempt. The evidence is over how many turns it has built up."""
        readings = [future.result() for future in self.begin(request, 0.0)]
        chance, length = accumulated([reading.chances["jailbreak"] for reading in readings])
        turns = self._turns(request)
        read = coverage(turns, turns[-len(readings) :] if readings else (), readings)
        return Signal(self.name, chance, evidence=(f"{length} turns",) if length else (), coverage=read)

    def _turns(self, request: Request) -> tuple[Segment, ...]:
        """User turns with words in them, in order."""
        key = ("turns", self._options.reads)
        found: tuple[Segment, ...] | None = request.memo.get(key)
        if found is None:
            said = [message.text for message in request.messages if message.role is Role.USER]
            texts = said if self._options.reads == "everything" else map(spoken, said)
            found = request.memo[key] = tuple(Segment(text, Kind.USER) for text in texts if text.strip())
        return found


def accumulated(chances: Sequence[float]) -> tuple[float, int]:
    """The probability after the last of several turns, and how many turns it has built up over; 0 where nothing has."""
    total, length = 0.0, 0
    for chance in chances:
        evidence = _log_odds(chance) - _log_odds(_ORDINARY)
        total = max(0.0, total + max(evidence, -_FORGETS))
        length = length + 1 if total else 0
    return (1 / (1 + exp(-total - _log_odds(_ORDINARY))) if total else 0.0), length


def _log_odds(chance: float) -> float:
    sure = min(max(chance, _SURE), 1 - _SURE)
    return log(sure / (1 - sure))


def build(name: str, options: TrendOptions, services: SignalServices) -> Trend:
    """The extractor."""
    return Trend(name, options, shared(services, "jailbreak"), services.disguises)
