"""Window: what one allowance has seen lately, as a sliding window counter in buckets. Sans-IO: it is told the time.

The window is cut into 12 buckets, and 13 count: those of the whole window, and the one that its beginning lies in. So in *no* stretch of a
window's length more is granted than the limit. The price: an amount counts for up to a twelfth of the window longer than it had to.

The scheme is Figma's ("An alternative approach to rate limiting", 2017), there with 60 buckets. GCRA, and the two buckets that Cloudflare
counts, need less memory and can grant nearly twice the limit within one window: no way to keep a budget.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from router_extproc.limits.limit import NO_BOUND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router_extproc.limits.limit import Amounts

BUCKETS = 12
_STRIDE = 4
"""A mark is a bucket's number and its three amounts."""


def bucket_at(now: float, window_s: int) -> int:
    """The number of the bucket that holds this moment, for windows of that length."""
    return int(now * BUCKETS / window_s)


class Window:
    """The counts of one allowance. What it is told must not go back in time."""

    __slots__ = ("_marks", "used")

    def __init__(self) -> None:
        self._marks = array("q")
        """The marks one after the other, oldest first: a plain list of them takes three times the memory."""
        self.used = [0, 0, 0]
        """In the window, by amount."""

    @property
    def last(self) -> int:
        """The last bucket in which anything was counted."""
        return self._marks[-_STRIDE] if self._marks else 0

    def forget(self, bucket: int) -> None:
        """Leave out what is too old to count in that bucket."""
        marks, used = self._marks, self.used
        while marks and marks[0] < bucket - BUCKETS:
            for index in range(3):
                used[index] -= marks[index + 1]
            del marks[:_STRIDE]

    def add(self, bucket: int, amounts: Sequence[int]) -> None:
        """Count."""
        marks, used = self._marks, self.used
        requests, tokens, cost = amounts
        if not marks or marks[-_STRIDE] < bucket:
            marks.extend((bucket, requests, tokens, cost))
        else:
            marks[-3] += requests
            marks[-2] += tokens
            marks[-1] += cost
        used[0] += requests
        used[1] += tokens
        used[2] += cost

    def take_back(self, bucket: int, amounts: Sequence[int]) -> None:
        """Count less in a bucket that was counted in; nothing if that is too old by now."""
        marks = self._marks
        for place in range(len(marks) - _STRIDE, -1, -_STRIDE):
            if marks[place] == bucket:
                for index in range(3):
                    back = min(amounts[index], marks[place + 1 + index])
                    marks[place + 1 + index] -= back
                    self.used[index] -= back
                return

    def frees(self, index: int, excess: int) -> int:
        """The bucket from whose beginning on this much less of an amount counts."""
        marks = self._marks
        for place in range(0, len(marks), _STRIDE):
            excess -= marks[place + 1 + index]
            if excess <= 0:
                return marks[place] + BUCKETS + 1
        return self.last + BUCKETS + 1


def affordable(used: int, wanted: int, least: int, bound: int) -> int:
    """How many tokens are taken: those that are wanted, as far as they are left, and at least the least."""
    return max(least, min(wanted, bound - used))


def excess(used: Sequence[int], amounts: Amounts, most: Amounts) -> tuple[int, int]:
    """Which amount would go over its bound, and by how much; (NO_BOUND, 0) if none. What asks for nothing still finds an empty purse."""
    for index in range(3):
        bound = most[index]
        if bound >= 0 and (over := used[index] + (amounts[index] or 1) - bound) > 0:
            return index, over
    return NO_BOUND, 0
