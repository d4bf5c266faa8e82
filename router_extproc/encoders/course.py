"""Course: how a batch that is run in steps comes along, and which of its pieces are still run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar, final

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

W = TypeVar("W")
R = TypeVar("R")


class Course:
    """That of a batch whose pieces are all run to the end."""

    def going(self, places: Collection[int]) -> Collection[int]:
        """Those of these pieces, by their places in the batch, that are not given up; asked before each step, about what it would run.

        What is given up stays so, and what is then given for it is dropped.
        """
        return places

    def did(self, share: float) -> None:
        """A step is done: that much, in (0, 1], of what the whole batch takes."""


@final
@dataclass(frozen=True, slots=True)
class InSteps(Generic[W, R]):
    """How a Batcher runs pieces that it may give up: in steps, none of which takes longer than a piece of the usual size."""

    run: Callable[[Sequence[W], Course], Sequence[R | Exception]]
