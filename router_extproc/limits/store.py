"""Store: where limits are counted, seen from what asks them.

What is made for every request is a named tuple here: a frozen dataclass takes three times as long to make.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from router_extproc.limits.limit import Amounts, RateLimit


class Charge(NamedTuple):
    """What one request takes of one allowance."""

    limit: RateLimit
    key: bytes
    """The allowance among the limit's: 16 bytes of a hash, so that no caller makes it long, and no store learns who calls."""
    amounts: Amounts
    """Of tokens, what it would like: fewer are taken where fewer are left, but no fewer than `least`."""
    least: int = 0
    """Tokens that there must be room for: the prompt's."""

    @property
    def needs(self) -> Amounts:
        """What there must be room for."""
        return self.amounts[0], self.least, self.amounts[2]


@dataclass(frozen=True, slots=True)
class Over:
    """An allowance that has no room for a request."""

    charge: Charge
    amount: int
    """The index of the amount that is at its bound."""
    wait_s: float | None
    """Seconds until there is room, if nothing else comes; None if there never is: the request alone takes more than the limit."""


class Receipt(NamedTuple):
    """When something was counted, on the stores' own clocks; None where it was not."""

    local: float | None = None
    shared: float | None = None


class Answer(NamedTuple):
    """Whether a request may go on. If it may, all of its charges were counted; else none."""

    over: Over | None = None
    denied: RateLimit | None = None
    """The limit that grants nothing while the shared store does not answer."""
    receipt: Receipt = Receipt()
    tokens: tuple[int, ...] = ()
    """That were taken, by charge, if it may."""

    @property
    def granted(self) -> bool:
        """Whether it may."""
        return self.over is None and self.denied is None


class Store(Protocol):
    """Counts. No method blocks or raises; a store that cannot be reached is answered for by what each limit says of that."""

    def reserve(self, charges: Sequence[Charge], /) -> Answer | Future[Answer]:
        """Count all of a request's charges, or none; the answer at once, or a future that never fails."""
        ...

    def alone(self, charges: Sequence[Charge], /) -> Answer:
        """The same without the shared store, because its answer did not come in time."""
        ...

    def adjust(self, charges: Sequence[Charge], receipt: Receipt, /) -> None:
        """Correct what was counted by these differences. More counts now, when it is known; less, from when it was counted."""
        ...

    def used(self, charge: Charge, /) -> Amounts:
        """What counts against an allowance now, as far as this process knows."""
        ...
