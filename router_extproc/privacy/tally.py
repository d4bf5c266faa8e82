"""Tally: counts for many places at once, in a few operations on whole numbers."""

from __future__ import annotations


class Tally:
    """How often each place was named. A set of places is a whole number with a bit for each.

    The counts are kept in binary: one number has the units of all places, the next the twos, and so on. To name ten thousand places takes
    what a loop takes for ten.
    """

    def __init__(self) -> None:
        self._digits: list[int] = []

    def add(self, places: int, times: int = 1) -> None:
        """Name places so often."""
        for digit in range(times.bit_length()):
            if times >> digit & 1:
                self._carry(places, digit)

    def highest(self, among: int) -> int:
        """The highest count of these places; 0 for none."""
        count = 0
        for digit in reversed(range(len(self._digits))):
            having = among & self._digits[digit]
            if having:
                among = having
                count |= 1 << digit
        return count

    def _carry(self, places: int, digit: int) -> None:
        while places:
            while len(self._digits) <= digit:
                self._digits.append(0)
            held = self._digits[digit]
            self._digits[digit] = held ^ places
            places &= held
            digit += 1
