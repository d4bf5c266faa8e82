"""Patience: how long a shared store is left alone that failed again and again, so that no request waits for it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

GIVEN_UP_AFTER = 3
"""Failures one after the other."""
ALONE_S = 1.0


class Patience:
    """With one store. Used on one thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._row = 0
        self._alone_until = 0.0

    @property
    def up(self) -> bool:
        """Whether it is asked."""
        return self._row < GIVEN_UP_AFTER or self._clock() >= self._alone_until

    def answered(self) -> bool:
        """Note an answer; whether it had been given up."""
        given_up = self._row >= GIVEN_UP_AFTER
        self._row = 0
        return given_up

    def failed(self) -> bool:
        """Note a failure; whether it is the one with which the store is given up."""
        self._row += 1
        if self._row >= GIVEN_UP_AFTER:
            self._alone_until = self._clock() + ALONE_S
        return self._row == GIVEN_UP_AFTER
