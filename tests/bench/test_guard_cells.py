"""Figures out of rounds."""

from __future__ import annotations

from router_extproc.bench.guard_cells import RequestKey, figures, request_round, request_rows, stream_round, stream_rows
from router_extproc.bench.load import Measured
from router_extproc.bench.streams import Cadence


class TestFigures:
    def test_a_drift_of_the_machine_is_in_no_difference(self) -> None:
        """A guard that adds 1 adds 1 in slow rounds, too."""
        own, base = [{"p": 2.0}, {"p": 11.0}, {"p": 4.0}], [{"p": 1.0}, {"p": 10.0}, {"p": 3.0}]

        assert figures(own, base, ["p"]) == {"p": 4.0, "added_p": 1.0}

    def test_of_no_round(self) -> None:
        """Nothing was measured."""
        assert figures([], [], ["p"]) == {"added_p": 0.0}


class TestRequestRows:
    def test_tell_each_cell_against_the_one_without_guards(self) -> None:
        """Of the same size and number of connections."""
        base, own = RequestKey("rules", 64, 1), RequestKey("mask", 64, 1)
        rounds = {base: [request_round(Measured(1.0, [1.0] * 4), 0.004)], own: [request_round(Measured(1.0, [3.0] * 2), 0.006)]}

        row = next(row for row in request_rows(rounds) if row["setup"] == "mask")
        assert (row["prompt_tokens"], row["connections"], row["requests_per_second"]) == (64, 1, 2.0)
        assert (row["added_p50_ms"], row["added_server_cpu_us_per_request"]) == (2.0, 2000.0)


class TestStreamRows:
    def test_tell_gaps_and_what_is_late(self) -> None:
        """The longest gap is that of the worst round."""
        slow = stream_round(Cadence(gaps=[20.0, 20.0, 20.0, 50.0], delays=[2.0], steady_events=10), 0.001, 20.0)
        even = stream_round(Cadence(gaps=[20.0] * 4, delays=[1.0]), 0.0, 20.0)

        (row,) = stream_rows({"rules": [even, slow, even]})
        assert (row["gap_p50_ms"], row["gap_max_ms"], row["late_share"]) == (20.0, 50.0, 0.0)
        assert (slow["late_share"], slow["server_cpu_us_per_event"], even["server_cpu_us_per_event"]) == (0.25, 100.0, 0.0)
