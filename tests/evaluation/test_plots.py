"""Pictures."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from router_extproc.evaluation import plots

if TYPE_CHECKING:
    from pathlib import Path

    from router_extproc.evaluation.results import Evaluation

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def drawn(evaluation: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[str]]]:
    """A folder of plots, and what is in it."""
    folder = tmp_path_factory.mktemp("plots") / "new"
    return folder, plots.draw(evaluation, folder)


class TestAvailable:
    def test_without_matplotlib(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is looked for, not imported."""
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        assert not plots.available()


class TestDraw:
    def test_what_each_head_has(self, drawn: tuple[Path, dict[str, list[str]]]) -> None:
        """Private data has none; only jailbreak has a curve."""
        both = {
            head: [f"confusion_{head}.png", f"reliability_{head}.png"]
            for head in ("domain", "fact_check", "modality", "feedback")
        }
        assert drawn[1] == both | {
            "jailbreak": ["confusion_jailbreak.png", "reliability_jailbreak.png", "roc_jailbreak.png"],
            "pii": [],
            "difficulty": ["reliability_difficulty.png"],
            "intent": ["reliability_intent.png"],
        }

    def test_writes_pictures(self, drawn: tuple[Path, dict[str, list[str]]]) -> None:
        """All that it names, and no other."""
        folder, names = drawn
        assert {path.name for path in folder.iterdir()} == {name for found in names.values() for name in found}
        assert all(path.read_bytes().startswith(PNG) for path in folder.iterdir())

    def test_same_figures_same_bytes(
        self, drawn: tuple[Path, dict[str, list[str]]], evaluation: Evaluation, tmp_path: Path
    ) -> None:
        """So that a report that did not change shows no change."""
        jailbreak = replace(evaluation, heads=tuple(head for head in evaluation.heads if head.head == "jailbreak"))
        for name in plots.draw(jailbreak, tmp_path)["jailbreak"]:
            assert (tmp_path / name).read_bytes() == (drawn[0] / name).read_bytes()
