"""The neural benchmark, without Envoy: every set-up is a server that answers at once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from router_extproc.bench.neural import NOTES, NeuralBench, cold_start_figures
from router_extproc.bench.neural_report import show
from router_extproc.bench.neural_setups import FLOWS, ColdStart, Flow, Stage, chat
from router_extproc.bench.setups import Setup
from router_extproc.bench.words import half_easy_prompts, prompts
from router_extproc.demo.processes import Processes

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Quick
    from rich.console import Console

    from router_extproc.demo.processes import Child

HALF = ("eager", "lazy")


def stage(port: int, server: Child) -> Stage:
    """All flows through one server."""
    flows = [
        Flow(name, Setup(name, port, server if name != "none" else None), half_easy_prompts if name in HALF else prompts)
        for name in FLOWS
    ]
    return Stage(tuple(flows), (ColdStart(1.0, 1.5), ColdStart(3.0, 3.1), ColdStart(2.0, 2.2)))


@pytest.fixture
def done(quick: Quick, tmp_path: Path) -> NeuralBench:
    """A benchmark that was run."""
    bench = NeuralBench(connections=(2,), duration=0.02, rounds=2, sizes=(16, 24))
    ticks: list[None] = []
    with Processes(tmp_path) as processes:
        server = processes.start("server", [sys.executable, "-c", "import time; time.sleep(600)"])
        bench.work(stage(quick.port, server), lambda: ticks.append(None))
    assert len(ticks) == bench.steps
    return bench


class TestNeuralBench:
    def test_measures_every_cell_in_every_round(self, done: NeuralBench) -> None:
        """Each set-up at each size of prompt and number of connections."""
        told = done.report()["runs"]

        assert [row["setup"] for row in told[: len(FLOWS)]] == list(FLOWS)
        assert {(row["prompt_tokens"], row["connections"]) for row in told} == {(16, 2), (24, 2)}
        assert all(row["requests"] >= 2 for row in told)

    @pytest.mark.usefixtures("done")
    def test_sends_no_prompt_twice(self, quick: Quick) -> None:
        """A cache would answer in place of the model."""
        assert len(set(quick.bodies)) == len(quick.bodies) > 50

    def test_report_keeps_its_contract(self, done: NeuralBench) -> None:
        """What a script reads."""
        told = done.report()

        assert set(told["gains"]) == {"micro_batching", "lazy_evaluation"}
        assert all(len(rows) == 2 for rows in told["gains"].values())
        assert [row["prompt_tokens"] for row in told["heuristic_requests"]] == [16, 24]
        assert told["cold_start_s"]["ready"] == 2.0
        assert set(told["memory_mb"]) == {"heuristic", "neural", "unbatched", "lazy"}
        assert all(0 < each["rss"] <= each["peak"] for each in told["memory_mb"].values())
        assert told["failures"] == 0

    def test_report_for_people_has_all_of_it(self, done: NeuralBench, console: Console) -> None:
        """Each set-up explained, each mechanism on against off."""
        show(done.report(), console)

        text = console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
        assert all(f"  {name}: {note}" in text for name, note in NOTES.items())
        assert "Micro batching, on against off:" in text
        assert "Cold start: ready after 2.00 s (worst 3.00), first request routed after 2.20 s (worst 3.10), of 3 starts." in text

    def test_counts_failures(self, tmp_path: Path, quick: Quick, monkeypatch: pytest.MonkeyPatch) -> None:
        """A benchmark of refusals is none."""
        monkeypatch.setattr("router_extproc.bench.neural.chat", lambda _text: b"fail")
        bench = NeuralBench(connections=(1,), duration=0.01, rounds=1, sizes=(16,))
        with Processes(tmp_path) as processes:
            server = processes.start("server", [sys.executable, "-c", "import time; time.sleep(600)"])
            bench.work(stage(quick.port, server), lambda: None)

        assert bench.report()["failures"] >= len(FLOWS) + 3


class TestColdStartFigures:
    def test_are_medians_and_worst(self) -> None:
        """One slow start shows."""
        told = cold_start_figures([ColdStart(1.0, 1.5), ColdStart(3.0, 3.5), ColdStart(2.0, 2.5)])

        assert told == {"ready": 2.0, "ready_worst": 3.0, "first_request": 2.5, "first_request_worst": 3.5, "starts": 3}

    def test_of_no_start(self) -> None:
        """Nothing to take a median of."""
        assert cold_start_figures([]) == {"starts": 0}


class TestChat:
    def test_is_a_body_with_that_text(self) -> None:
        """Nothing else is read by the signals."""
        assert chat("one two") == b'{"model":"auto","messages":[{"role":"user","content":"one two"}]}'
