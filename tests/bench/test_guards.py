"""The guards' benchmark, without Envoy: every set-up is the model server itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from router_extproc.bench import guard_costs
from router_extproc.bench.guard_report import show
from router_extproc.bench.guard_setups import FLOWS, GuardStage
from router_extproc.bench.guards import NOTES, GuardBench

if TYPE_CHECKING:
    from rich.console import Console

    from router_extproc.bench.setups import Setup

ROUNDS = 2


@pytest.fixture
def done(upstream: Setup, monkeypatch: pytest.MonkeyPatch) -> GuardBench:
    """A benchmark that was run."""
    monkeypatch.setattr(guard_costs, "EVENTS", 20)
    monkeypatch.setattr(guard_costs, "SIZES_KB", (1,))
    bench = GuardBench(connections=(2,), duration=0.02, rounds=ROUNDS, sizes=(48, 64), streams=3)
    ticks: list[None] = []
    stage = GuardStage(tuple(replace(upstream, name=name, server=None if name == "none" else upstream.server) for name in FLOWS))
    bench.work(stage, lambda: ticks.append(None))
    assert len(ticks) == bench.steps
    return bench


class TestGuardBench:
    def test_measures_every_cell_in_every_round(self, done: GuardBench) -> None:
        """Requests and streams."""
        assert {key.setup for key in done.requests} == set(done.cadences) == set(FLOWS)
        assert all(len(rounds) == ROUNDS for rounds in (*done.requests.values(), *done.cadences.values()))

    def test_tells_wrong_answers(self, done: GuardBench) -> None:
        """The model server alone neither masks nor looks at answers: two set-ups are wrong, once a size and in each of three streams."""
        assert done.wrong == ROUNDS * 2 * (2 + 3)
        assert done.failures == 0

    def test_report_keeps_its_contract(self, done: GuardBench) -> None:
        """What a script reads."""
        told = done.report()

        assert {(row["prompt_tokens"], row["connections"]) for row in told["requests"]} == {(48, 2), (64, 2)}
        assert (told["streams"]["at_once"], told["streams"]["events"]) == (3, 10)
        assert [row["setup"] for row in told["streams"]["runs"]] == list(FLOWS)
        assert all(row["added_p50_ms"] == 0 for row in told["requests"] if row["setup"] == "rules")
        assert {"event_costs", "masking_costs", "rounds", "failures", "wrong", "cores", "cpu"} <= set(told)

    def test_report_for_people_has_all_of_it(self, done: GuardBench, console: Console) -> None:
        """Each set-up explained."""
        show(done.report(), console)

        text = console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
        assert all(f"  {name}: {note}" in text for name, note in NOTES.items())
        assert "3 streams at once, 10 events each, one every 20 ms" in text
        assert "0 requests or streams failed, 20 answers were wrong" in text

    def test_counts_failures(self, upstream: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is asked for as a stream and comes as JSON is none."""
        monkeypatch.setattr("router_extproc.bench.guards.chat", lambda _text, **_: b"{}")
        bench = GuardBench(connections=(1,), duration=0.01, rounds=1, sizes=(64,), streams=1)
        bench.work(GuardStage(tuple(replace(upstream, name=name, server=None) for name in FLOWS)), lambda: None)

        assert bench.failures == len(FLOWS)
