"""What every finder's tests ask."""

from collections.abc import Callable, Iterable

import pytest

from router_extproc.encoders.scores import Span

Find = Callable[[str], Iterable[Span]]
Texts = Callable[[Find, str], list[str]]


@pytest.fixture
def quoted() -> Texts:
    """The parts of a text that a finder finds."""
    return lambda find, text: [text[span.start : span.end] for span in find(text)]
