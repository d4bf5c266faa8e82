"""What every finder's tests ask."""

import sys
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

import pytest

from router_extproc.encoders.scores import Span

Find = Callable[[str], Iterable[Span]]
Texts = Callable[[Find, str], list[str]]
Work = Callable[[Callable[[], object]], int]


@pytest.fixture
def quoted() -> Texts:
    """The parts of a text that a finder finds."""
    return lambda find, text: [text[span.start : span.end] for span in find(text)]


@pytest.fixture
def work() -> Work:
    """What is done to compute something: calls, characters of the texts whose methods are called, entries of lists with insertions."""

    def counted(compute: Callable[[], object]) -> int:
        done = 0

        def count(_frame: FrameType, event: str, called: Any) -> None:
            nonlocal done
            whose = called.__self__ if event == "c_call" else None
            done += 1
            if isinstance(whose, str) or (isinstance(whose, list) and called.__name__ == "insert"):
                done += len(whose)

        sys.setprofile(count)
        try:
            compute()
        finally:
            sys.setprofile(None)
        return done

    return counted
