"""What tests of limits share: charges, and a clock that a test moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from router_extproc.limits.limit import NO_BOUND, RateLimit
from router_extproc.limits.store import Charge

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Clock:
    """Seconds, as the test says."""

    now: float = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands."""
    return Clock()


@pytest.fixture
def charge() -> Callable[..., Charge]:
    """Makes charges."""

    def make(
        key: str = "a",
        *,
        name: str = "it",
        takes: tuple[int, int, int] = (1, 0, 0),
        requests: int = NO_BOUND,
        tokens: int = NO_BOUND,
        cost: int = NO_BOUND,
        window_s: int = 60,
        deny: bool = False,
        least: int | None = None,
    ) -> Charge:
        limit = RateLimit(name, (), (requests, tokens, cost), window_s, deny_unknown=deny)
        return Charge(limit, key.encode().ljust(16), takes, max(0, takes[1]) if least is None else least)

    return make
