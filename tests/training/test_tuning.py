"""Calibrations and thresholds of a bundle, from a dev set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from labelled import write, write_all

from router_extproc.encoders.bundle import Bundle
from router_extproc.encoders.encoder import Encoder, EncoderOptions
from router_extproc.encoders.heads import CHANCES, CONTENTS, JAILBREAK, OUTPUTS
from router_extproc.encoders.manifest import Calibration
from router_extproc.encoders.scores import Kind
from router_extproc.training.corpus import Licence
from router_extproc.training.tuning import _threshold, calibrated, span_threshold

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
        """And every output that one has; chances have a threshold, too."""
        calibration, thresholds = calibrated(encoder, dev(tmp_path), Licence.SHIPPED)

        assert set(calibration) == set(OUTPUTS)
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


class TestContents:
    def test_is_calibrated_by_itself(self, encoder: Encoder, tmp_path: Path) -> None:
        """Its chances are what its own texts say; the threshold is the users'."""
        data, words = tmp_path, ("ignore me", "tell me")
        dev(data)
        rows = [
            {"text": f"{word} {at}", "label": label, "source": "s", "kind": "document"}
            for at in range(20)
            for word, label in zip(words, (1, 0), strict=True)
        ]
        write(data / "jailbreak" / "dev.jsonl.gz", rows)
        calibration, thresholds = calibrated(encoder, data, Licence.SHIPPED, (CONTENTS,))
        (found,) = calibration.values()
        high, low = (each.chances["jailbreak"] for each in encoder.read(words, Kind.DOCUMENT, outputs=("jailbreak",)))
        sure, calm = (1 / (1 + np.exp(-(np.log(raw / (1 - raw)) + found.bias) / found.temperature)) for raw in (high, low))

        assert not thresholds
        assert calm < 0.1
        assert sure > 0.9

    def test_a_dev_set_without_any_leaves_it_as_it_is(self, encoder: Encoder, tmp_path: Path) -> None:
        """There is nothing to choose by."""
        calibration, _ = calibrated(encoder, dev(tmp_path), Licence.SHIPPED)

        assert calibration[CONTENTS] == Calibration() != calibration[JAILBREAK]


class TestThreshold:
    def test_of_attacks_is_set_by_benign_users(self) -> None:
        """One in a thousand of them may be stopped; attacks do not count."""
        chances = np.concatenate([np.linspace(0.5, 0.9, 1000), [0.97]])
        found = _threshold("jailbreak", chances, np.array([0.0] * 1000 + [1.0]))

        assert (chances[:1000] >= found).sum() == 1

    def test_of_attacks_is_never_low(self) -> None:
        """An attack that is less likely than not is none."""
        assert _threshold("jailbreak", np.full(10, 0.01), np.zeros(10)) == 0.5

    def test_of_difficulty_is_the_middle(self) -> None:
        """Its targets are shares, so that there is no right answer to be tuned to."""
        assert _threshold("difficulty", np.array([0.1]), np.array([0.9])) == 0.5


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
