"""Small data sets, and a small tokenizer."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from tiny_base import write_base, write_teacher
from training_data import write_training

from router_extproc.encoders.bundle import TOKENIZER
from router_extproc.encoders.tokens import WordPieces

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of data sets. Shared: tests that change files copy it."""
    return write_training(tmp_path_factory.mktemp("training") / "data")


@pytest.fixture(scope="session")
def pieces(tiny_bundle: Path) -> WordPieces:
    """A tokenizer of a hundred pieces."""
    return WordPieces(tiny_bundle / TOKENIZER)


@pytest.fixture(scope="session")
def base(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a base model; it takes 43 MB, so it does not stay."""
    folder = tmp_path_factory.mktemp("base")
    yield write_base(folder, tiny_bundle / TOKENIZER)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of a small model that teaches."""
    return write_teacher(tmp_path_factory.mktemp("teacher"))
