"""The benchmarks through the real Envoy, as short as can be: that they run and keep their contract, not their figures."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import Any

import pytest
from rich.console import Console

from router_extproc.bench.selectors import SelectorBench, run_selectors

pytestmark = pytest.mark.envoy


def bench(*arguments: str) -> dict[str, Any]:
    """The JSON of a run."""
    command = [sys.executable, "-m", "router_extproc.cli", "bench", "--json", "--duration", "0.1", "--rounds", "1", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


class TestBench:
    def test_measures_the_router_beside_a_floor(self) -> None:
        """Every request is answered."""
        told = bench("--connections", "2")

        assert [row["setup"] for row in told["runs"]] == ["none", "floor", "router"]
        assert told["failures"] == 0

    def test_measures_neural_signals(self) -> None:
        """Every request asks the model where it should, and only there."""
        told = bench("--neural", "--connections", "2")

        asked = {(row["setup"], row["prompt_tokens"]): row["asked_share"] for row in told["runs"]}
        assert told["failures"] == 0
        assert {asked[name, 64] for name in ("none", "heuristic")} == {0.0}
        assert {asked[name, 64] for name in ("neural", "unbatched", "eager")} == {1.0}
        assert 0.2 < asked["lazy", 64] < 0.8
        assert told["cold_start_s"]["starts"] == 3

    def test_measures_guards(self) -> None:
        """Every answer is what its guard must make of it, and every stream comes whole."""
        told = bench("--guards", "--connections", "2")

        assert (told["failures"], told["wrong"]) == (0, 0)
        assert [row["setup"] for row in told["streams"]["runs"]] == list(told["setups"])
        assert {row["setup"] for row in told["streams"]["runs"] if row["held_back_p50_ms"] > 0} == {"response", "all"}

    def test_measures_selectors(self) -> None:
        """Every request comes through, and every selector is told."""
        sheet = Console(file=io.StringIO())
        measured = SelectorBench(connections=(2,), duration=0.1, rounds=1, methods=("ridge", "knn"), rows=120)

        code = run_selectors(bench=measured, as_json=False, models=None, console=sheet, progress=Console(file=io.StringIO()))

        told = measured.report()
        assert (code, told["failures"]) == (0, 0)
        assert [row["setup"] for row in told["requests"]] == list(told["setups"])
        assert all(row["requests_per_second"] > 0 for row in told["requests"])
        names = {row["selector"].partition("/")[2] for row in told["selectors"]} - {""}
        assert names == {"ridge", "knn", "default"}
