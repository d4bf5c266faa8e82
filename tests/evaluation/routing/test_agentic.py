from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np
import pytest
from routing_data import folder, graded, steps, written

from router_extproc.evaluation.errors import DataError
from router_extproc.evaluation.routing import agentic
from router_extproc.evaluation.routing.profiles import ESTIMATES, read_profiles
from router_extproc.evaluation.routing.rows import said_last
from router_extproc.evaluation.routing.sets import Data, sources_of
from router_extproc.evaluation.routing.transfer import transfer
from router_extproc.quality.facts import facts_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from router_extproc.quality.outcomes import Singles


def reads(texts: Sequence[str]) -> Singles:
    """Readings that tell the two subjects apart."""
    rows = np.zeros((len(texts), 9), np.float32)
    for row, text in zip(rows, texts, strict=True):
        row[0 if "cells" in text else 1] = 1.0
        row[2 + len(text) % 6] += 0.1
        row[:8] /= np.linalg.norm(row[:8])
    return rows


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    """Two sources."""
    return Data(folder(tmp_path_factory.mktemp("data")), read_profiles(ESTIMATES), reads)


class TestTwin:
    def test_rules_and_methods_are_measured_alike(self, tmp_path: Path) -> None:
        """Where the subject says all, a method is right on instances that it has not seen."""
        written(tmp_path / "agentic/train_twin.jsonl.gz", steps(60))
        written(tmp_path / "agentic/dev_twin.jsonl.gz", steps(20))
        told = {each.name: each for each in agentic.twin(agentic.read_steps(tmp_path), reads, ("clusters",), lambda: None)}

        assert (told["always high"].rowpass, told["always high"].rowexact, told["always high"].costsave) == (100, 50, 0)
        assert told["always low"].trajpass == 0
        assert told["rule: SWE-bench high, else low"].rowexact == 100
        assert told["oracle"].combined == pytest.approx((300 + told["oracle"].costsave) / 4)
        assert told["clusters"].rowexact == 100

    def test_a_step_is_read_as_in_service(self, tmp_path: Path) -> None:
        """The last user turn, and facts of all messages."""
        written(tmp_path / "agentic/train_twin.jsonl.gz", steps(2))
        written(tmp_path / "agentic/dev_twin.jsonl.gz", steps(1))
        first, second, _ = agentic.read_steps(tmp_path)

        assert said_last(first.request) == "please tell me about cells 0"
        assert said_last(second.request) == "please tell me about algebra 1"
        assert (facts_of(first.request)[-1], facts_of(second.request)[-1]) == (0, 1)
        assert (second.coding, second.tools, second.tier) == (True, True, 3)

    def test_rows_of_another_kind_are_refused(self, tmp_path: Path) -> None:
        """And files that are no gzipped JSON lines."""
        written(tmp_path / "agentic/train_twin.jsonl.gz", graded(1))
        with pytest.raises(DataError, match="a row of twin is not as it should be: KeyError"):
            agentic.read_steps(tmp_path)
        (tmp_path / "agentic/train_twin.jsonl.gz").write_bytes(gzip.compress(b"{"))
        with pytest.raises(DataError, match="not gzipped JSON lines"):
            agentic.read_steps(tmp_path)


class TestSets:
    def test_hold_a_source_of_all_splits(self, data: Data) -> None:
        """Candidates were tried on nearly all training rows."""
        found = data.set("zeroeval")

        assert (len(found.train), len(found.dev), len(found.eval_rows), found.dropped) == (120, 60, 60, 0)
        assert [model.name for model in found.models] == [found.train.models[place].name for place in found.candidates]

    def test_a_source_without_rows_is_told(self, data: Data) -> None:
        """Nothing is skipped."""
        with pytest.raises(DataError, match="No such file"):
            data.set("mars")

    def test_transfer_never_learns_from_the_unlicensed(self, data: Data) -> None:
        """Which leaves one source to measure here."""
        (told,) = transfer(data, ("routerdc_split2", "zeroeval"))

        assert told.name == "routerdc_split2"
        assert told.accuracy > told.random_accuracy

    def test_sources_are_those_with_eval_rows(self, tmp_path: Path) -> None:
        """A folder without any is told."""
        with pytest.raises(DataError, match="has no eval_"):
            sources_of(tmp_path)
