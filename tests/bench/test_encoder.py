"""The benchmark of one pass."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from router_extproc.bench.encoder import PASSES, Effort, Times, measured, report, run_encoder, timed
from router_extproc.encoders.bundle import EMBEDDING, TAGS
from router_extproc.encoders.heads import POOLED

if TYPE_CHECKING:
    from pathlib import Path

    from router_extproc.encoders.encoder import Encoder

ONCE = Effort(seconds=0, least=1, most=1)


class TestPasses:
    def test_separate_asks_each_signal_for_itself(self) -> None:
        """As many models as signals, each for one of them."""
        assert PASSES["separate"] == tuple((name,) for name in (*POOLED, TAGS))

    def test_all_heads_is_one_pass_for_everything(self) -> None:
        """The embedding as well, which the encoder alone gives."""
        assert PASSES["encoder"] == ((EMBEDDING,),)
        assert [set(outputs) for outputs in PASSES["all_heads"]] == [{*POOLED, TAGS, EMBEDDING}]


class TestTimes:
    def test_tells_medians_and_ratios(self) -> None:
        """Ratios are of the medians."""
        times = Times(by_name={"encoder": [1.0, 2.0, 9.0], "all_heads": [2.2] * 3, "separate": [11.0] * 3, "tokenize": [0.1] * 3})

        told = times.told()

        assert (told["encoder_ms"], told["encoder_p99_ms"]) == (2.0, 9.0)
        assert (told["all_heads_over_encoder"], told["separate_over_all_heads"]) == (1.1, 5.0)
        assert told["samples"] == 3

    def test_every_text_counts_alike(self) -> None:
        """However different they are: not the one in the middle for all."""
        dear, cheap = 10.0, 2.0
        times = Times(2, {"encoder": [cheap, dear, cheap, dear, cheap], "all_heads": [], "separate": [], "tokenize": [cheap]})

        told = times.told()

        assert (told["encoder_ms"], told["tokenize_ms"], told["all_heads_ms"]) == (6.0, cheap, 0.0)

    def test_of_nothing_are_nothing(self) -> None:
        """No division by zero."""
        assert not any(Times().told().values())


class TestEffort:
    @pytest.mark.parametrize(
        ("effort", "done", "seconds", "share"),
        [
            pytest.param(Effort(10, least=100, most=500), 0, 0, 0.0, id="nothing"),
            pytest.param(Effort(10, least=100, most=500), 50, 30, 0.5, id="slow: rounds are short"),
            pytest.param(Effort(10, least=100, most=500), 200, 5, 0.5, id="time is short"),
            pytest.param(Effort(10, least=100, most=500), 450, 5, 0.9, id="fast: the most is near"),
            pytest.param(Effort(10, least=100, most=500), 500, 1, 1.0, id="the most"),
            pytest.param(Effort(10, least=100, most=500), 100, 10, 1.0, id="the least, in time"),
            pytest.param(timed(10), 1, 10, 1.0, id="told: one round is enough"),
            pytest.param(timed(10), 5000, 5, 0.5, id="told: however many"),
            pytest.param(timed(10), 0, 20, 0.0, id="told: but one"),
        ],
    )
    def test_tells_how_much_is_done(self, effort: Effort, done: int, seconds: float, share: float) -> None:
        """The end, and so the bar, is where rounds and time are both reached."""
        assert effort.share(done, seconds) == pytest.approx(share)


class TestMeasured:
    @pytest.mark.parametrize(
        ("effort", "rounds"),
        [
            pytest.param(Effort(seconds=0, least=2, most=5), 2, id="at least"),
            pytest.param(Effort(seconds=1e6, least=1, most=3), 3, id="at most"),
        ],
    )
    def test_is_bounded(self, encoder: Encoder, effort: Effort, rounds: int) -> None:
        """In rounds, whatever the time; everything is measured in each of them."""
        ticks: list[float] = []

        times = measured(encoder, 16, effort, ticks.append)

        assert {name: len(found) for name, found in times.by_name.items()} == dict.fromkeys([*PASSES, "tokenize"], rounds)
        assert len(ticks) == rounds
        assert all(0 <= share <= 1 for share in ticks)

    def test_that_is_told_its_time_takes_no_more(self, encoder: Encoder) -> None:
        """No hundred rounds where the time is up after the first."""
        times = measured(encoder, 16, timed(1e-9))

        assert {len(found) for found in times.by_name.values()} == {1}

    def test_of_a_long_text_goes_through_windows(self, encoder: Encoder) -> None:
        """512 tokens are more than one window."""
        times = measured(encoder, 512, ONCE)

        assert encoder.bundle.manifest.window < 512
        assert all(len(found) == 1 for found in times.by_name.values())


class TestReport:
    def test_keeps_its_contract(self) -> None:
        """Sizes are keys; what the figures depend on stands beside them."""
        told = report({64: Times(), 512: Times()})

        assert list(told["tokens"]) == ["64", "512"]
        assert {"encoder_ms", "all_heads_ms", "separate_ms"} < set(told["tokens"]["64"])
        assert told["threads"] == 1
        assert {"cores", "cpu", "onnxruntime"} < set(told)


class TestRunEncoder:
    def test_prints_json_for_machines(self, console: Console) -> None:
        """One line on stdout; progress is elsewhere."""
        progress = Console(file=io.StringIO())

        code = run_encoder(as_json=True, models=None, effort=ONCE, console=console, progress=progress, sizes=(16,))

        assert code == 0
        told = json.loads(console.file.getvalue())  # type: ignore[attr-defined]  # a StringIO
        assert list(told["tokens"]) == ["16"]

    def test_prints_a_table_for_people(self, console: Console) -> None:
        """With a line for each size and what it was measured on."""
        run_encoder(
            as_json=False, models=None, effort=ONCE, console=console, progress=Console(file=io.StringIO()), sizes=(16, 32)
        )

        lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]  # a StringIO
        assert [line.split()[0] for line in lines[1:3]] == ["16", "32"]
        assert "in one thread on" in lines[3]

    def test_refuses_what_is_no_bundle(self, console: Console, tmp_path: Path) -> None:
        """Exit code 3, and why."""
        progress = Console(file=io.StringIO(), width=200)

        code = run_encoder(as_json=True, models=tmp_path, effort=ONCE, console=console, progress=progress)

        assert (code, console.file.getvalue()) == (3, "")  # type: ignore[attr-defined]  # a StringIO
        assert "no model bundle is there" in progress.file.getvalue()  # type: ignore[attr-defined]  # as above
