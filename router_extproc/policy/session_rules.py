"""Session rules: what a route says about sessions and about pools that fail, as the router runs it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Switch(StrEnum):
    """Whether a session may leave the pool of its last turn for another that can serve it as well."""

    NEVER = "never"
    WORTH = "worth"
    """If it gains more than it costs."""
    ALWAYS = "always"
    """Between tool loops."""


class WhenSpent(StrEnum):
    """What becomes of requests when a budget is spent."""

    REJECT = "reject"
    CHEAPEST = "cheapest"


class Per(StrEnum):
    """Whose budget it is."""

    SESSION = "session"
    TASK = "task"


@dataclass(frozen=True, slots=True)
class Escalation:
    """When a session that does not get on is given a stronger pool, and for how long."""

    calls: int = 3
    """Times in a row that the same tool calls are made with the same arguments; 0: does not count."""
    errors: int = 3
    """Tool results in a row that failed; 0: does not count."""
    reasks: int = 1
    """User turns in a row that ask again; 0: does not count."""
    order: tuple[str, ...] = ()
    """Candidates from the weakest to the strongest."""
    hold: int = 4
    """Turns without a sign of a stall until it may go down again."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a session or a task may spend."""

    per: Per = Per.SESSION
    usd: float | None = None
    tokens: int | None = None
    nearly: float = 0.8
    """Share from which on cheaper candidates serve it."""
    then: WhenSpent = WhenSpent.REJECT
    status: int = 429
    message: str = ""


@dataclass(frozen=True, slots=True)
class SessionRule:
    """How a route treats sessions."""

    switch: Switch = Switch.WORTH
    expected_turns: int = 5
    """Turns that are still to come, of which gains are counted."""
    score_usd: float = 0.0
    """What a whole point of the selector's score is worth for one turn, US dollars."""
    cache_ttl_s: float = 300.0
    """How long a pool keeps a prompt in its cache."""
    override: bool = False
    """Whether requests go where the selector says, also in the middle of a tool loop."""
    escalation: Escalation | None = None
    budget: Budget | None = None


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What sessions and tasks are known by."""

    header: str = ""
    """Lower case; empty: none."""
    task_header: str = ""
    ttl_s: float = 3600.0


class Order(StrEnum):
    """In which order other candidates are tried."""

    LISTED = "listed"
    CHEAPEST = "cheapest"
    """The shortest path: the least expected price of an answer, with that of leaving the session's prompt cache."""


@dataclass(frozen=True, slots=True)
class Fallback:
    """What a route does with pools that cannot be asked."""

    order: Order = Order.LISTED
    try_anyway: bool = False
    """Whether the first choice is asked where none can be; else the request is refused."""
    last_resort: str = ""
    """The pool that is asked where none of the candidates can be; empty: none."""
