"""One evaluation of a classifier that gets everything right, for the tests of what is made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from labelled import FakeClassifier, write_all

from router_extproc.evaluation.run import Options, evaluate, plan

if TYPE_CHECKING:
    from pathlib import Path

    from router_extproc.evaluation.results import Evaluation


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every file. Shared: tests that change files write their own."""
    return write_all(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def evaluation(data: Path) -> Evaluation:
    """Of all heads on the eval split."""
    options = Options(perturbed=5)
    classifier = FakeClassifier()
    return evaluate(classifier, plan(data, options), options, embedder=classifier)
