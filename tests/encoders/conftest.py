"""What the tests of encoders share: a loaded bundle, its tokenizer and encoders that end with the test."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from router_extproc.encoders.batching import BatchOptions
from router_extproc.encoders.bundle import Bundle
from router_extproc.encoders.encoder import Encoder, EncoderOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from router_extproc.encoders.figures import Figures
    from router_extproc.encoders.tokens import WordPieces

HOSTILE = [
    pytest.param("", id="empty"),
    pytest.param(" \n\t", id="blank"),
    pytest.param("tea " * 25_000, id="many words"),
    pytest.param("x" * 100_000, id="one long word"),
    pytest.param("".join(map(chr, range(256))) * 400, id="binary rubbish"),
    pytest.param("e" + "\u0301" * 10_000, id="combining characters"),
    pytest.param("\u200b" * 100_000, id="zero width"),
    pytest.param("\U0001f600" * 20_000, id="emoji"),
    pytest.param("\u65e5\u672c " * 10_000, id="unknown words"),
    pytest.param("a\ud800b", id="lone surrogate"),
    pytest.param("\ufdfa" * 10_000, id="letters that become eighteen"),
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `hostile` runs once for each text."""
    if "hostile" in metafunc.fixturenames:
        metafunc.parametrize("hostile", HOSTILE)


@pytest.fixture(scope="session")
def bundle(tiny_bundle: Path) -> Bundle:
    """The tiny bundle, loaded."""
    return Bundle(tiny_bundle)


@pytest.fixture(scope="session")
def pieces(bundle: Bundle) -> WordPieces:
    """The tiny bundle's tokenizer."""
    return bundle.pieces


@pytest.fixture
def later() -> float:
    """A deadline that no test reaches."""
    return time.perf_counter() + 600


@pytest.fixture
def opened(bundle: Bundle) -> Iterator[Callable[..., Encoder]]:
    """Makes encoders, of the tiny bundle unless told otherwise; options are those of the batches, and `cache`."""
    made: list[Encoder] = []

    def open_(of: Bundle = bundle, *, cache: int = 2048, figures: Figures | None = None, **batch: float) -> Encoder:
        made.append(Encoder(of, EncoderOptions(BatchOptions(**batch), cache), figures))  # type: ignore[arg-type]  # counts stay counts
        return made[-1]

    yield open_
    for each in made:
        each.close()
