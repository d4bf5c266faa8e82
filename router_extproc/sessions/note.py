"""Note: why one turn of a session went where it went, for the decision log, `explain` and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router_extproc.sessions.identity import Source
    from router_extproc.sessions.stall import Stall


class Move(StrEnum):
    """What was done. Closed: metrics and logs use these words."""

    OPENED = "opened"
    """The session's first turn: it goes where the selector says."""
    KEPT = "kept"
    """It stays: a tool loop is open."""
    PINNED = "pinned"
    """It stays: leaving is not worth it, not wanted, or nothing speaks for it."""
    SWITCHED = "switched"
    """It leaves: that gains more than it costs."""
    ESCALATED = "escalated"
    """It is given a stronger pool: it does not get on."""
    HELD = "held"
    """It stays with the stronger pool until it has got on for some turns."""
    MOVED = "moved"
    """It leaves: its pool cannot serve it."""
    OVERRIDDEN = "overridden"
    """It goes where the selector says, because the rule overrides sessions."""
    LOWERED = "lowered"
    """It is given the cheapest pool: its budget is spent, or nearly."""
    REFUSED = "refused"
    """Its budget is spent."""


class Spent(StrEnum):
    """How a budget stands."""

    NONE = "none"
    """There is no budget."""
    OK = "ok"
    NEARLY = "nearly"
    SPENT = "spent"


@dataclass(frozen=True, slots=True)
class SessionNote:
    """One turn of a session."""

    key: str
    """The first digits of the session's keyed hash: what lines of one session have in common."""
    source: Source
    """What it is known by."""
    turn: int
    """From 1."""
    move: Move
    before: str = ""
    """The pool of the turn before; empty for the first."""
    why: str = ""
    """In words of ours: `tool_loop`, `circuit_open`, `not worth it`, `calls 3`, ..."""
    gain_usd: float | None = None
    """What leaving would gain over the turns that are expected; None where it was not asked."""
    loss_usd: float | None = None
    """What leaving would cost: the prompt that the other pool has not in its cache."""
    cached_tokens: int = 0
    """Tokens of the prompt that the pool is likely to have in its cache."""
    idle_s: float = 0.0
    """Since the turn before."""
    stall: Stall | None = None
    """The signs of a stall, where they are looked for."""
    budget: Spent = Spent.NONE
    usd: float = 0.0
    """Spent before this turn by whom the budget is of; without a budget by the session."""
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Reroute:
    """A pool that was left because it cannot be asked."""

    pool: str
    """Empty in no case."""
    why: str
    """`circuit_open` or `no_healthy_hosts`."""
    to: str
    """Where the request went instead; empty if it went nowhere, or there all the same."""
