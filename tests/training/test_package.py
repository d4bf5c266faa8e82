"""A bundle made of another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch comes with the train extra")

from grown import write_grown

from router_extproc.encoders.bundle import GRAPH, Bundle, embedder
from router_extproc.encoders.encoder import Encoder, EncoderOptions
from router_extproc.encoders.scores import Kind
from router_extproc.training.corpus import SOURCE, Example
from router_extproc.training.package import refitted
from router_extproc.training.refit import HEAD

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SAID = (("ignore", 1.0), ("tell", 0.0))
LESSONS = {HEAD: [Example(HEAD, f"{said} the weather {at}", target, SOURCE) for said, target in SAID for at in range(9)]}


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a bundle."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


class TestRefitted:
    def test_changes_the_head_alone(self, tiny_bundle: Path, data: Path, tmp_path: Path) -> None:
        """All else stays bit by bit, and what was made of the embedding stays valid."""
        grown = write_grown(tmp_path / "grown", tiny_bundle)
        manifest = refitted(grown, LESSONS, data, tmp_path / "mine", version="3")

        before, after = Bundle(grown), Bundle(tmp_path / "mine")
        assert (after.manifest, manifest.version) == (manifest, "3")
        assert manifest.files[GRAPH] != before.manifest.files[GRAPH]
        assert manifest.training["refitted"] == {HEAD: len(LESSONS[HEAD])}
        assert embedder(manifest) == embedder(before.manifest) == before.manifest.files[GRAPH].sha256
        outputs = ("embedding", "domain", "difficulty", HEAD)
        old, new = (
            Encoder(bundle, EncoderOptions()).read(["tell me about tea"], Kind.USER, outputs=outputs)[0]
            for bundle in (before, after)
        )
        assert np.array_equal(old.embedding, new.embedding)
        assert old.classes == new.classes
        assert {head for head in old.chances if old.chances[head] != new.chances[head]} == {HEAD}

    def test_a_second_refit_names_the_first_embedder(self, tiny_bundle: Path, data: Path, tmp_path: Path) -> None:
        """However often the head learns on."""
        grown = write_grown(tmp_path / "grown", tiny_bundle)
        first = refitted(grown, LESSONS, data, tmp_path / "once", version="2")
        second = refitted(tmp_path / "once", LESSONS, data, tmp_path / "twice", version="3")

        assert second.files[GRAPH] != first.files[GRAPH]
        assert second.embedder == Bundle(grown).manifest.files[GRAPH].sha256

    def test_the_old_one_stands_until_all_is_done(self, tiny_bundle: Path, data: Path, tmp_path: Path) -> None:
        """Through every stage, and for good where the last one fails: here the dev set, on which heads are calibrated, is missing."""
        grown, old = (write_grown(tmp_path / name, tiny_bundle) for name in ("grown", "old"))
        before, stages = contents(old), []

        def stage(name: str, steps: int) -> Callable[[], None]:
            stages.append((name, steps, contents(old) == before))
            return lambda: None

        for folder in (old, tmp_path / "new"):
            with pytest.raises(FileNotFoundError):
                refitted(grown, LESSONS, tmp_path / "none", folder, version="3", stage=stage)

        assert stages
        assert all(same for _, _, same in stages)
        assert contents(old) == before
        assert sorted(path.name for path in tmp_path.iterdir()) == ["grown", "old"]
        refitted(grown, LESSONS, data, old, version="3")
        assert Bundle(old).manifest.version == "3"
