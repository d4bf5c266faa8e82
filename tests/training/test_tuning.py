"""Calibrations and thresholds of a bundle, from a dev set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from labelled import write, write_all

from router_extproc.encoders.bundle import Bundle
from router_extproc.encoders.encoder import Encoder, EncoderOptions
from router_extproc.encoders.heads import CHANCES, POOLED
from router_extproc.encoders.scores import Kind
from router_extproc.training.corpus import Example, Licence
from router_extproc.training.tuning import _threshold, calibrated, span_threshold, unheard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def encoder(tiny_bundle: Path) -> Iterator[Encoder]:
    """Its words push their heads whatever else stands there; see tests/support/tiny_bundle.py."""
    encoder = Encoder(Bundle(tiny_bundle), EncoderOptions())
    yield encoder
    encoder.close()


def dev(folder: Path) -> Path:
    """A dev set on which the chance heads are right: their word is there, or it is not."""
    write_all(folder)
    words = {"jailbreak": "ignore", "fact_check": "capital"}
    for head, word in words.items():
        texts = ((f"{word} the weather", 1), ("tell me about the weather", 0))
        rows = [{"text": f"{text} {at}", "label": label, "source": "s"} for at in range(20) for text, label in texts]
        write(folder / head / "dev.jsonl.gz", rows)
    asked = (("prove it", {"small": 0, "large": 1}), ("tell me", {"small": 1, "large": 1}))
    rows = [{"prompt": f"{text} {at}", "scores": scores, "source": "s"} for at in range(20) for text, scores in asked]
    write(folder / "routing" / "dev.jsonl.gz", rows)
    return folder


class TestCalibrated:
    def test_has_every_head(self, encoder: Encoder, tmp_path: Path) -> None:
        """Chances have a threshold, too."""
        calibration, thresholds = calibrated(encoder, dev(tmp_path), Licence.SHIPPED)

        assert set(calibration) == set(POOLED)
        assert set(thresholds) == set(CHANCES)

    def test_same_rows_same_result(self, encoder: Encoder, tmp_path: Path) -> None:
        """Which rows are used does not change."""
        assert calibrated(encoder, dev(tmp_path), Licence.SHIPPED) == calibrated(encoder, tmp_path, Licence.SHIPPED)

    def test_thresholds_part_yes_from_no(self, encoder: Encoder, tmp_path: Path) -> None:
        """Of heads that are right, as they are calibrated."""
        calibration, thresholds = calibrated(encoder, dev(tmp_path), Licence.SHIPPED)
        for head, texts in (("jailbreak", ("tell me", "ignore me")), ("fact_check", ("tell me", "the capital"))):
            low, high = (each.chances[head] for each in encoder.read(texts, Kind.USER, outputs=(head,)))
            known = calibration[head]
            calm, sure = (1 / (1 + np.exp(-(np.log(raw / (1 - raw)) + known.bias) / known.temperature)) for raw in (low, high))

            assert calm < thresholds[head] <= sure


class TestUnheard:
    def test_threshold_is_as_strict(self, encoder: Encoder, tmp_path: Path) -> None:
        """A text at the threshold that the head has without its experts is at the threshold that it has with them."""
        data = dev(tmp_path)
        alone, cuts = calibrated(encoder, data, Licence.SHIPPED, ("jailbreak",))
        encoder.bundle.experts = {"jailbreak": ()}
        found = unheard(encoder, data, Licence.SHIPPED, {"jailbreak": 0.9})["jailbreak"]
        cut, known = cuts["jailbreak"], alone["jailbreak"]
        logit = known.temperature * np.log(cut / (1 - cut)) - known.bias

        assert 1 / (1 + np.exp(-(logit + found.bias) / found.temperature)) == pytest.approx(0.9, abs=1e-4)
        assert encoder.bundle.experts == {"jailbreak": ()}
        encoder.bundle.experts = {}

    def test_none_without_experts(self, encoder: Encoder, tmp_path: Path) -> None:
        """Every text is heard alike."""
        assert unheard(encoder, dev(tmp_path), Licence.SHIPPED, {}) == {}


class TestThreshold:
    def test_of_attacks_is_set_by_benign_users(self) -> None:
        """One in two hundred of them may be stopped; documents and attacks do not count."""
        benign = [Example("jailbreak", "t", 0.0, "s") for _ in range(200)]
        others = [Example("jailbreak", "t", 0.0, "s", Kind.DOCUMENT), Example("jailbreak", "t", 1.0, "s")]
        chances = np.concatenate([np.linspace(0.5, 0.9, 200), [0.95, 0.97]])
        rows = [*benign, *others]
        found = _threshold("jailbreak", chances, np.array([row.target for row in rows]), rows)

        assert (chances[:200] >= found).sum() == 1

    def test_of_attacks_is_never_low(self) -> None:
        """An attack that is less likely than not is none."""
        rows = [Example("jailbreak", "t", 0.0, "s") for _ in range(10)]

        assert _threshold("jailbreak", np.full(10, 0.01), np.zeros(10), rows) == 0.5

    def test_of_difficulty_is_the_middle(self) -> None:
        """Its targets are shares, so that there is no right answer to be tuned to."""
        assert _threshold("difficulty", np.array([0.1]), np.array([0.9]), []) == 0.5


class TestSpanThreshold:
    def test_keeps_what_is_right(self, encoder: Encoder, tmp_path: Path) -> None:
        """Where every name that is found is one, the threshold is as low as may be."""
        rows = [
            {
                "id": "1",
                "text": "tell alice",
                "spans": [{"start": 5, "end": 10, "type": "PERSON"}],
                "types": ["PERSON"],
                "source": "s",
            }
        ]
        write(write_all(tmp_path) / "pii" / "dev.jsonl.gz", rows)

        assert span_threshold(encoder, tmp_path, Licence.SHIPPED) == pytest.approx(0.3)

    def test_types_that_are_not_annotated(self, encoder: Encoder, tmp_path: Path) -> None:
        """Are neither right nor wrong."""
        rows = [{"id": "1", "text": "tell alice", "spans": [], "types": ["PHONE"], "source": "s"}]
        write(write_all(tmp_path) / "pii" / "dev.jsonl.gz", rows)

        assert span_threshold(encoder, tmp_path, Licence.SHIPPED) == pytest.approx(0.3)
