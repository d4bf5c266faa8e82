from __future__ import annotations

import numpy as np
import pytest

from router_extproc.encoders.prototypes import OTHER, Example, Prototypes, Scorer, fitted
from router_extproc.encoders.wording import learned

_SIZE = 24


def around(direction: int, count: int, *, spread: float, seed: int = 0, text: str = "") -> list[Example]:
    """Embeddings of length 1, of the same text."""
    chance = np.random.default_rng([seed, direction])
    rows = np.eye(_SIZE)[direction] + chance.normal(size=(count, _SIZE)) * spread
    return [Example(text, row) for row in (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)]


def anywhere(count: int, *, seed: int = 9) -> np.ndarray:
    """Embeddings of ordinary texts."""
    rows = np.random.default_rng(seed).normal(size=(count, _SIZE))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def chances_of(prototypes: Prototypes, example: Example) -> dict[str, float]:
    """By label."""
    return prototypes.chances(example.embedding, example.text)


def likeliest(prototypes: Prototypes, example: Example) -> str:
    """The label."""
    chances = chances_of(prototypes, example)
    return max(chances, key=chances.__getitem__)


class TestScorer:
    @pytest.mark.parametrize(("direction", "label"), [(0, 0), (1, 0), (2, 1)])
    def test_the_nearest_example_speaks_for_its_label(self, direction: int, label: int) -> None:
        """However far the others are: a label may have several ways of being said."""
        nothing = np.zeros((2, _SIZE), np.float32)
        scorer = Scorer(
            nothing, nothing[:, 0], np.eye(_SIZE, dtype=np.float32)[:3], np.array([0, 2]), learned(["", "", ""], [0, 0, 1], 2)
        )

        assert int(scorer.scores(np.eye(_SIZE, dtype=np.float32)[direction], "").argmax()) == label


class TestFitted:
    def test_tells_apart_what_it_has_examples_of(self) -> None:
        """A few of each are enough."""
        prototypes = fitted({"a": around(0, 6, spread=0.1), "b": around(1, 6, spread=0.1)}, anywhere(200))

        assert {likeliest(prototypes, row) for row in around(0, 40, spread=0.1, seed=1)} == {"a"}
        assert {likeliest(prototypes, row) for row in around(1, 40, spread=0.1, seed=1)} == {"b"}

    def test_calls_other_what_is_like_no_example(self) -> None:
        """Where there is a background."""
        prototypes = fitted({"a": around(0, 6, spread=0.1), "b": around(1, 6, spread=0.1)}, anywhere(200))
        others = [likeliest(prototypes, Example("", row)) == OTHER for row in anywhere(200, seed=1)]

        assert prototypes.labels == ("a", "b", OTHER)
        assert np.mean(others) > 0.8

    def test_has_no_other_without_a_background(self) -> None:
        """Then one of the labels holds."""
        prototypes = fitted({"a": around(0, 3, spread=0.1), "b": around(1, 3, spread=0.1)}, None)

        assert prototypes.labels == ("a", "b")
        assert sum(prototypes.chances(anywhere(1)[0], "").values()) == pytest.approx(1.0)

    def test_gives_probabilities_that_mean_what_they_say(self) -> None:
        """Of texts that were not given: where labels overlap, nobody is sure, and where they do not, one may be."""
        sure, unsure = (
            self.mean_error(fitted({"a": around(0, 30, spread=spread), "b": around(1, 30, spread=spread)}, None), spread)
            for spread in (0.05, 0.5)
        )

        assert sure < 0.1
        assert unsure < 0.15

    def mean_error(self, prototypes: Prototypes, spread: float) -> float:
        """How far the mean of the top probability is from the share that is right, on unseen rows."""
        rows = [(label, row) for at, label in enumerate("ab") for row in around(at, 200, spread=spread, seed=5)]
        chances = [chances_of(prototypes, row) for _, row in rows]
        right = [max(found, key=found.__getitem__) == label for found, (label, _) in zip(chances, rows, strict=True)]
        return abs(float(np.mean([max(found.values()) for found in chances])) - float(np.mean(right)))

    @pytest.mark.parametrize("background", [pytest.param(None, id="alone"), pytest.param(anywhere(50), id="with a background")])
    @pytest.mark.parametrize("labels", ["a", "ab"])
    def test_takes_one_example_a_label(self, labels: str, background: np.ndarray | None) -> None:
        """Or the same one twice."""
        for count in (1, 2):
            prototypes = fitted({label: around(at, 1, spread=0.1) * count for at, label in enumerate(labels)}, background)
            chances = chances_of(prototypes, around(0, 1, spread=0.1)[0])

            assert np.isfinite(prototypes.scorer.weights).all()
            assert sum(chances.values()) == pytest.approx(1.0, abs=1e-5)
            assert max(chances, key=chances.__getitem__) == "a"

    def test_does_not_count_how_many_examples_there_are(self) -> None:
        """A label with ten times as many is not likelier for it."""
        prototypes = fitted({"a": around(0, 50, spread=0.2), "b": around(1, 5, spread=0.2)}, None)

        assert {likeliest(prototypes, row) for row in around(1, 40, spread=0.1, seed=2)} == {"b"}

    def test_moves_borders_to_where_the_examples_ask_for_them(self) -> None:
        """A label whose examples lie in two places is told in both, though their mean is as near to another label."""
        two = [*around(1, 10, spread=0.05), *around(2, 2, spread=0.05)]
        between = np.eye(_SIZE, dtype=np.float32)[2] * 0.6 + np.eye(_SIZE, dtype=np.float32)[0] * 0.8
        prototypes = fitted({"a": around(0, 12, spread=0.05), "b": [*two, Example("", between)]}, None)

        assert {likeliest(prototypes, row) for row in around(2, 40, spread=0.05, seed=3)} == {"b"}
        assert {likeliest(prototypes, row) for row in around(0, 40, spread=0.05, seed=3)} == {"a"}

    def test_words_tell_apart_what_embeddings_cannot(self) -> None:
        """Two labels in one place, whose examples have words of their own."""
        examples = {label: around(0, 8, spread=0.05, text=text) for label, text in (("a", "visa card"), ("b", "train card"))}
        prototypes = fitted(examples, None)

        assert {likeliest(prototypes, row) for row in around(0, 20, spread=0.05, seed=4, text="my train")} == {"b"}
        assert {likeliest(prototypes, row) for row in around(0, 20, spread=0.05, seed=4, text="a visa")} == {"a"}

    @pytest.mark.parametrize(("count", "scored"), [pytest.param(300, 60 * 7, id="few"), pytest.param(5000, 400, id="many")])
    def test_scores_no_more_examples_than_a_temperature_needs(
        self, monkeypatch: pytest.MonkeyPatch, count: int, scored: int
    ) -> None:
        """Each is compared with all others: of twenty thousand a tenth would take longer than all else."""
        seen: list[str] = []
        scores = Scorer.scores

        def counting(scorer: Scorer, embedding: np.ndarray, text: str) -> np.ndarray:
            seen.append(text)
            return scores(scorer, embedding, text)

        monkeypatch.setattr(Scorer, "scores", counting)
        fitted({label: around(at, count, spread=0.1, text=label) for at, label in enumerate("ab")}, None)

        assert len(seen) == scored
        assert seen.count("a") == seen.count("b")

    def test_is_the_same_each_time(self) -> None:
        """Replicas answer alike."""
        first, second = (fitted({"a": around(0, 3, spread=0.3), "b": around(1, 3, spread=0.3)}, anywhere(40)) for _ in range(2))

        assert np.array_equal(first.scorer.weights, second.scorer.weights)
        assert first.temperature == second.temperature

    @pytest.mark.parametrize("count", [pytest.param(3, id="three examples a label"), pytest.param(10, id="ten")])
    def test_is_not_surer_than_right_of_few_examples_in_many_directions(self, count: int) -> None:
        """What was left out had no part in how distances are taken, either."""
        labels = "abcdefghijklmnop"
        prototypes = fitted({label: around(at, count, spread=0.3) for at, label in enumerate(labels)}, None)
        rows = [(label, row) for at, label in enumerate(labels) for row in around(at, 40, spread=0.3, seed=60)]
        chances = [chances_of(prototypes, row) for _, row in rows]
        right = [max(found, key=found.__getitem__) == label for found, (label, _) in zip(chances, rows, strict=True)]

        assert np.mean([max(found.values()) for found in chances]) < np.mean(right) + 0.05
