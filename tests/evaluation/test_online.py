"""Online evaluation: bandits in a small world, by the code that serves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from router_extproc.evaluation import regret
from router_extproc.evaluation.online import collapsed, draw, evaluate, page
from router_extproc.evaluation.regret import CONTENDERS, STATIC, simulate
from router_extproc.evaluation.world import DRIFTING, traffic

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two bandits are enough."""
    monkeypatch.setattr(regret, "CONTENDERS", (CONTENDERS[1], CONTENDERS[3]))


class TestWorld:
    def test_changes_when_it_should(self) -> None:
        """One model gets worse, another one arrives."""
        world = traffic(DRIFTING, 1000, np.random.default_rng(1))

        assert world.chances[:400, 2].mean() - world.chances[400:, 2].mean() > 0.2
        assert not world.there[:700, 4].any()
        assert world.there[700:, 4].all()
        assert np.linalg.norm(world.embeddings, axis=1) == pytest.approx(1.0)


class TestSimulation:
    def test_is_the_same_again(self) -> None:
        """All chance is seeded."""
        first, second = (simulate(120, [5]) for _ in range(2))

        assert all(np.array_equal(first[name][0].regrets, second[name][0].regrets) for name in first)

    def test_no_bandit_is_better_than_the_best_choice(self) -> None:
        """Regret is never negative."""
        assert all((run.regrets >= 0).all() for runs in simulate(120, [5]).values() for run in runs)


class TestReport:
    def test_tells_every_policy(self, tmp_path: Path) -> None:
        """With its regret, its price and its verdict, and a plot."""
        found, runs = evaluate(240, [1, 2], 0)
        text = page(found)

        assert all(f"| {name} |" in text for name in (*STATIC, CONTENDERS[1].name))
        assert "collapse" in text or "Worse than chance" in text
        assert found.to_dict()["seeds"] == [1, 2]
        draw(runs, tmp_path / "regret.png")
        assert (tmp_path / "regret.png").read_bytes().startswith(b"\x89PNG")

    def test_a_bandit_worse_than_chance_is_named(self) -> None:
        """And ends the command with 1."""
        found, _ = evaluate(120, [1], 0)
        worse = replace(found, fared=[replace(each, late=9.0 if each.learns else 1.0) for each in found.fared])

        assert collapsed(worse) == [each.policy for each in worse.fared if each.learns]
        assert "Worse than chance" in page(worse)
