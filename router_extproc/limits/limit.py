"""Limit: one entry of the policy's `rateLimits`, compiled."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router_extproc.policy.compiled import Condition

Amounts = tuple[int, int, int]
"""Requests, tokens, and cost in billionths of a US dollar: whole numbers, so that sums stay exact."""

NAMES = ("requests", "tokens", "cost")
"""Of the three amounts, in metrics and logs."""
REQUESTS, TOKENS, COST = range(3)
PER_DOLLAR = 1_000_000_000
NO_BOUND = -1


class By(StrEnum):
    """What tells one allowance of a limit from another."""

    USER = "user"
    GROUP = "group"
    TENANT = "tenant"
    MODEL = "model"
    HEADER = "header"


@dataclass(frozen=True, slots=True)
class Dimension:
    """One part of `per`."""

    by: By
    header: str = ""
    """Lower-case name, for By.HEADER."""

    @property
    def label(self) -> str:
        """What people read: `user`, `header x-team`."""
        return f"header {self.header}" if self.header else self.by.value


class OnMissing(StrEnum):
    """What a limit does with a request that lacks what it counts by."""

    SHARE = "share"
    REJECT = "reject"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How much is allowed in any stretch of `window_s` seconds, to each one that it is counted by."""

    name: str
    per: tuple[Dimension, ...]
    """Empty: all requests have one allowance."""
    most: Amounts
    """NO_BOUND where an amount is not limited."""
    window_s: int
    when: Condition | None = None
    """Which requests it is for; None: all. One that is unknown counts as true."""
    on_missing: OnMissing = OnMissing.SHARE
    deny_unknown: bool = False
    """Whether requests are refused while the shared store does not answer; else they are counted in this process alone."""
    space: str = field(init=False, compare=False)
    """What keeps its counts apart from another's: with another window they would mean something else."""
    settles: bool = field(init=False, compare=False)
    """Whether what a request really took is known only after its response."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "space", f"{self.name}:{self.window_s}")
        object.__setattr__(self, "settles", self.most[TOKENS] >= 0 or self.most[COST] >= 0)


@dataclass(frozen=True, slots=True)
class Limited:
    """The rate limit that ended a request."""

    limit: str
    amount: str
    """What there is no more of: `requests`, `tokens` or `cost`."""
    retry_after_s: int | None
    """When there is room again; None if there never is, because the request alone takes more than the limit."""
