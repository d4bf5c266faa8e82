"""Memory: counts limits in this process. Bounded, and no allowance that is in use is ever forgotten."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from router_extproc.limits.limit import NO_BOUND, TOKENS
from router_extproc.limits.store import Answer, Over, Receipt
from router_extproc.limits.window import BUCKETS, Window, affordable, bucket_at, excess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from router_extproc.limits.limit import Amounts, RateLimit
    from router_extproc.limits.store import Charge

MAX_KEYS = 100_000
_TRIMMED = 2
"""Allowances that one request may find out of use and drop: more than it can add to a limit, so that the store shrinks by itself."""


class _Space:
    """The allowances of one limit, the one longest unused first: with one window for all of them, that one is out of use first."""

    __slots__ = ("overflow", "window_s", "windows")

    def __init__(self, window_s: int) -> None:
        self.window_s = window_s
        self.windows: OrderedDict[bytes, Window] = OrderedDict()
        self.overflow = Window()
        """What newcomers share when the store is full."""

    def trim(self, now: float, most: int) -> int:
        """Drop allowances in which nothing counts any more; how many. It changes no answer: a new one would be the same."""
        oldest = bucket_at(now, self.window_s) - BUCKETS
        dropped = 0
        while dropped < most and self.windows:
            key, window = next(iter(self.windows.items()))
            if window.last >= oldest:
                break
            del self.windows[key]
            dropped += 1
        return dropped


class MemoryStore:
    """Counts in this process. Safe from several threads; `clock` in seconds, never going back."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, max_keys: int = MAX_KEYS) -> None:
        self._clock = clock
        self._max_keys = max_keys
        self._lock = threading.Lock()
        self._spaces: dict[str, _Space] = {}
        self.keys = 0
        """Allowances that are kept."""
        self.overflowed = 0
        """Charges to a shared allowance, because there was no place for one of their own."""

    def reserve(self, charges: Sequence[Charge]) -> Answer:
        """Count all charges, or none."""
        now = self._clock()
        with self._lock:
            found = [self._find(charge, now) for charge in charges]
            over = self._over(charges, found, now)
            if over is not None:
                return Answer(over)
            tokens = [_tokens(charge, window) for charge, window in zip(charges, found, strict=True)]
            for charge, window, taken in zip(charges, found, tokens, strict=True):
                self._add(charge, window, now, (charge.amounts[0], taken, charge.amounts[2]))
        return Answer(None, None, Receipt(now), tuple(tokens))

    alone = reserve

    def count(self, charges: Sequence[Charge], tokens: Sequence[int]) -> float:
        """Count what another store granted, with the tokens that it gave; when that was."""
        now = self._clock()
        with self._lock:
            for charge, taken in zip(charges, tokens, strict=True):
                self._add(charge, self._find(charge, now), now, (charge.amounts[0], taken, charge.amounts[2]))
        return now

    def adjust(self, charges: Sequence[Charge], receipt: Receipt) -> None:
        """Correct what was counted."""
        at, now = receipt.local, self._clock()
        if at is None:
            return
        with self._lock:
            for charge in charges:
                window = self._find(charge, now)
                more = tuple(max(0, amount) for amount in charge.amounts)
                less = tuple(max(0, -amount) for amount in charge.amounts)
                if any(less) and window is not None:
                    window.take_back(bucket_at(at, charge.limit.window_s), less)
                if any(more):
                    self._add(charge, window, now, more)

    def used(self, charge: Charge) -> Amounts:
        """What counts now."""
        with self._lock:
            window = self._find(charge, self._clock())
            requests, tokens, cost = window.used if window is not None else (0, 0, 0)
        return requests, tokens, cost

    def keep(self, limits: Iterable[RateLimit]) -> None:
        """Forget the counts of limits that a new policy no longer has."""
        kept = {limit.space for limit in limits}
        with self._lock:
            self._spaces = {name: space for name, space in self._spaces.items() if name in kept}
            self.keys = sum(len(space.windows) for space in self._spaces.values())

    def _find(self, charge: Charge, now: float) -> Window | None:
        """The allowance as it stands now; None for one that is new and has a place."""
        space = self._spaces.get(charge.limit.space)
        if space is None:
            return None if self._has_place(now) else self._space(charge.limit).overflow
        window = space.windows.get(charge.key)
        if window is None:
            self.keys -= space.trim(now, _TRIMMED)
            if self._has_place(now):
                return None
            window = space.overflow
        window.forget(bucket_at(now, space.window_s))
        return window

    def _has_place(self, now: float) -> bool:
        if self.keys >= self._max_keys:
            for space in self._spaces.values():
                self.keys -= space.trim(now, _TRIMMED)
        return self.keys < self._max_keys

    def _space(self, limit: RateLimit) -> _Space:
        space = self._spaces.get(limit.space)
        if space is None:
            space = self._spaces[limit.space] = _Space(limit.window_s)
        return space

    @staticmethod
    def _over(charges: Sequence[Charge], found: Sequence[Window | None], now: float) -> Over | None:
        """Of the allowances that have no room, the one that has none for longest."""
        worst: Over | None = None
        for charge, window in zip(charges, found, strict=True):
            index, over = excess(window.used if window is not None else (0, 0, 0), charge.needs, charge.limit.most)
            if index == NO_BOUND:
                continue
            if charge.needs[index] > charge.limit.most[index] or window is None:
                return Over(charge, index, None)
            wait = window.frees(index, over) * charge.limit.window_s / BUCKETS - now
            if worst is None or wait > (worst.wait_s or 0.0):
                worst = Over(charge, index, max(wait, math.ulp(0.0)))
        return worst

    def _add(self, charge: Charge, window: Window | None, now: float, amounts: Sequence[int]) -> None:
        space = self._space(charge.limit)
        if window is None:
            window = space.windows[charge.key] = Window()
            self.keys += 1
        elif window is space.overflow:
            self.overflowed += 1
        else:
            space.windows.move_to_end(charge.key)
        window.add(bucket_at(now, space.window_s), amounts)


def _tokens(charge: Charge, window: Window | None) -> int:
    bound = charge.limit.most[TOKENS]
    if bound < 0:
        return charge.amounts[TOKENS]
    return affordable(window.used[TOKENS] if window is not None else 0, charge.amounts[TOKENS], charge.least, bound)
