from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from router_extproc.encoders.bundle import bundled, embedder
from router_extproc.encoders.manifest import read_manifest
from router_extproc.evaluation.routing.rows import asked
from router_extproc.quality.artifact import read
from router_extproc.quality.facts import facts_of
from router_extproc.quality.profile import ModelProfile, Query
from router_extproc.quality.shipped import shipped

if TYPE_CHECKING:
    from router_extproc.quality.predictor import Predictor

SMALL = ModelProfile("my small one", 0.2, 0.2, 8.0)
LARGE = ModelProfile("my large one", 3.0, 15.0, None, 200_000, scores={"mmlu": 0.89, "gsm8k": 0.96})


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    """What comes with the program."""
    return read(shipped(), encoder=embedder(read_manifest(bundled())))[0]


def queries(count: int) -> list[Query]:
    """Of any kind."""
    rows = np.random.default_rng(0).normal(size=(count, 384)).astype(np.float32)
    facts = facts_of(asked("Which of these two proofs is right, and where does the other one go wrong?"))
    return [Query(row / np.linalg.norm(row), 0.5, facts) for row in rows]


class TestShipped:
    def test_fits_the_shipped_encoder(self, predictor: Predictor) -> None:
        """A bundle with a new encoder needs a new quality model: `make quality`."""
        assert predictor.width == 384

    def test_is_made_of_licensed_sources(self) -> None:
        """None that carries no licence, or forbids commercial use."""
        assert read(shipped())[1].training["sources"] == [
            "llmrouter_9models", "mmlu_pro_x33models", "mmlu_x26models", "routerbench_11models", "zeroeval",
        ]  # fmt: skip

    def test_is_small(self) -> None:
        """It is in every wheel."""
        assert shipped().stat().st_size < 2 << 20

    def test_tells_models_by_their_profiles(self, predictor: Predictor) -> None:
        """Of models that it has never seen, the large one is the likelier to be right."""
        for query in queries(20):
            small, large = predictor.predict(query, (SMALL, LARGE))
            assert 0 < small < large < 1
