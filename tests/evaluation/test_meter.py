"""What a run asks a classifier."""

from __future__ import annotations

import pytest
from labelled import HIGH, FakeClassifier, row

from router_extproc.evaluation.errors import ClassifierError
from router_extproc.evaluation.meter import Meter

ROWS = [row(str(number), "high" if number == 40 else "low") for number in range(70)]


class TestMeter:
    def test_asks_in_batches_and_ticks(self) -> None:
        """The answers are in the order of the rows."""
        classifier, ticks = FakeClassifier(), list[tuple[str, int]]()
        meter = Meter(classifier, None, lambda head, texts: ticks.append((head, texts)))
        scores = meter.scores("jailbreak", ROWS)

        assert [place for place, score in enumerate(scores) if score.chances["jailbreak"] == HIGH] == [40]
        assert sum(classifier.batches) == 70
        assert len(classifier.batches) > 1
        assert ticks == [("jailbreak", size) for size in classifier.batches]

    def test_keeps_what_it_took(self) -> None:
        """Over all calls; embedding a text counts, but its time is not a classification's."""
        classifier = FakeClassifier()
        meter = Meter(classifier, classifier, lambda _, __: None)
        meter.scores("domain", ROWS[:3])
        meter.scores("jailbreak", ROWS[:2])
        assert meter.vectors("intent", ROWS).shape[0] == 70

        assert meter.texts == 75
        assert meter.ms == [2.0] * 5
        assert meter.coverage == [0.5] * 5

    def test_of_no_rows_asks_nothing(self) -> None:
        """A head may have no sample."""
        assert Meter(FakeClassifier(), None, lambda _, __: None).scores("domain", []) == []

    def test_without_an_embedder(self) -> None:
        """There are no vectors."""
        with pytest.raises(ClassifierError, match="no embeddings"):
            Meter(FakeClassifier(), None, lambda _, __: None).vectors("intent", ROWS)
