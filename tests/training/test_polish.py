"""A finished network learns on."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch", reason="torch comes with the train extra")

from reference_encoder import random_weights, ranges_of

from router_extproc.encoders.bundle import GRAPH
from router_extproc.training.export import Exporter
from router_extproc.training.fit import POLISHED, training_examples
from router_extproc.training.polish import SHARES, Polishing
from router_extproc.training.recipe import Recipe
from router_extproc.training.restore import restored
from router_extproc.training.shape import HIDDEN
from router_extproc.training.windows import LENGTH

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from router_extproc.encoders.tokens import WordPieces
    from router_extproc.training.network import Network

    Start = Callable[..., Polishing]

RECIPE = Recipe(layers=(0,), inner=64, tokens=4096, gather=1, seed=3, polish_rate=1e-3, max_difficulty=50)
BATCHES = 8


@pytest.fixture(scope="module")
def start(data: Path, pieces: WordPieces, tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Sets runs up, on a bundle with weights by chance."""
    torch.set_num_threads(1)
    bundle = tmp_path_factory.mktemp("bundle")
    chance, weights = np.random.default_rng(2), random_weights(1)
    weights["encoder.words.weight"] = chance.normal(size=(pieces.size, HIDDEN)).astype(np.float32)
    weights["encoder.positions.weight"] = chance.normal(scale=0.05, size=(LENGTH, HIDDEN)).astype(np.float32)
    onnx.save(Exporter(weights, ranges_of(weights, 1)).model(1), str(bundle / GRAPH))
    known = training_examples(data, RECIPE)

    def begin(folder: Path, batches: int = BATCHES, recipe: Recipe = RECIPE) -> Polishing:
        return Polishing(bundle, known, recipe, pieces, folder, batches)

    begin.bundle = bundle  # type: ignore[attr-defined]
    return begin


def moved(one: Network, other: Network) -> set[str]:
    """Names of the weights that differ."""
    other_weights = other.state_dict()
    return {name for name, value in one.state_dict().items() if not torch.equal(value, other_weights[name])}


class TestPolishing:
    def test_learns_on_from_the_bundles_weights(self, start: Start, tmp_path: Path) -> None:
        """Encoder and heads, batch by batch; the bundle is left alone."""
        told: list[tuple[int, str, float]] = []
        polishing = start(tmp_path)
        before = restored(start.bundle)  # type: ignore[attr-defined]
        assert moved(polishing.average, before) == set()

        polishing.run(lambda *step: told.append(step))

        names = moved(polishing.average, before)
        assert {name.split(".")[0] for name in names} == {"encoder", "heads", "tags"}
        assert (polishing.length, [step for step, *_ in told]) == (BATCHES, list(range(1, BATCHES + 1)))
        assert {task for _, task, _ in told} <= set(SHARES)
        assert all(math.isfinite(loss) for *_, loss in told)
        assert moved(restored(start.bundle), before) == set()  # type: ignore[attr-defined]

    def test_only_private_data_has_labels(self, start: Start, tmp_path: Path) -> None:
        """What the data say of domains changes nothing: heads are held to what they said. Marks of private data do change it."""

        def learned(head: str, target: object) -> Network:
            polishing = start(tmp_path / head)
            polishing._examples = {
                task: [replace(each, target=target) if task == head else each for each in rows]
                for task, rows in polishing._examples.items()
            }
            polishing.run(lambda *_: None)
            return polishing.average

        plain, domains, private = learned("none", None), learned("domain", 0), learned("pii", ())
        assert moved(plain, domains) == set()
        assert "tags.weight" in moved(plain, private)

    def test_an_interrupted_run_goes_on(self, start: Start, tmp_path: Path) -> None:
        """Where it was saved last."""

        def stop(step: int, _task: str, _loss: float) -> None:
            if step == BATCHES // 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            start(tmp_path).run(stop, save_every=2)
        told: list[int] = []
        start(tmp_path).run(lambda step, *_: told.append(step))

        assert (tmp_path / POLISHED).exists()
        assert told[0] > 2
        assert told[-1] == BATCHES

    def test_a_run_of_another_recipe_is_refused(self, start: Start, tmp_path: Path) -> None:
        """Rather than mixed up with this one."""
        start(tmp_path).run(lambda *_: None)

        with pytest.raises(ValueError, match="another recipe"):
            start(tmp_path, BATCHES, Recipe(layers=(0,), inner=64, tokens=2048)).run(lambda *_: None)
