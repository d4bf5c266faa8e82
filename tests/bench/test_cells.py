"""Figures that follow from what was measured."""

from __future__ import annotations

from collections import Counter

import pytest

from router_extproc.bench.cells import Cell, Key, gains, latencies, rows
from router_extproc.bench.counters import Asked
from router_extproc.bench.load import Measured


def cell(*times: float, seconds: float = 1.0, cpu_s: float = 0.0, asked: int = 0, late: int = 0) -> Cell:
    """A cell of one round."""
    made = Cell()
    made.add(Measured(seconds, list(times)), cpu_s, Asked(asked, Counter(deadline=late)))
    return made


class TestCell:
    def test_keeps_all_rounds(self) -> None:
        """Percentiles are of all requests."""
        made = cell(1.0, 3.0, cpu_s=0.5, asked=2)
        made.add(Measured(1.0, [2.0], failures=1), 0.25, Asked(1, Counter(overloaded=1)))

        assert made.measured == Measured(2.0, [1.0, 3.0, 2.0], 1)
        assert (made.cpu_s, made.asked.total) == (0.75, 3)


class TestRows:
    def test_tell_what_is_added(self) -> None:
        """Against the same load without ext_proc."""
        cells = {
            Key("none", 64, 1): cell(1.0, 1.0, 2.0, 1.0),
            Key("neural", 64, 1): cell(6.0, 7.0, 9.0, 5.0, seconds=2.0, cpu_s=0.02, asked=4, late=1),
            Key("none", 500, 1): cell(50.0),
        }

        row = next(row for row in rows(cells) if row["setup"] == "neural")

        assert (row["p50_ms"], row["added_p50_ms"], row["added_p99_ms"], row["mean_ms"]) == (7.0, 6.0, 7.0, 6.75)
        assert (row["requests_per_second"], row["complete_per_second"]) == (2.0, 1.5)
        assert row["server_cpu_us_per_request"] == 5000
        assert (row["asked_share"], row["unknown_share"], row["unknown"]) == (1.0, 0.25, {"deadline": 0.25})

    def test_of_nothing_are_zero(self) -> None:
        """A server that answered nothing is told of by its failures."""
        cells = {Key("none", 64, 1): Cell(), Key("neural", 64, 1): Cell()}

        assert [row["requests_per_second"] for row in rows(cells)] == [0.0, 0.0]


class TestLatencies:
    def test_have_mean_median_and_tail(self) -> None:
        """Of two kinds of requests the median says little."""
        assert latencies(Measured(1.0, [1.0, 2.0, 6.0])) == {"mean_ms": 3.0, "p50_ms": 2.0, "p99_ms": 6.0}


class TestGains:
    @pytest.mark.parametrize(
        ("name", "on", "off"),
        [
            pytest.param("micro_batching", "neural", "unbatched", id="micro-batching"),
            pytest.param("lazy_evaluation", "lazy", "eager", id="lazy evaluation"),
        ],
    )
    def test_compare_on_with_off(self, name: str, on: str, off: str) -> None:
        """At the same prompt size and number of connections only."""
        cells = {
            Key("none", 64, 1): cell(1.0),
            Key(on, 64, 1): cell(3.0, 3.0, 3.0, cpu_s=0.3),
            Key(off, 64, 1): cell(5.0, 5.0, cpu_s=0.4),
            Key("none", 64, 16): cell(1.0),
            Key(on, 64, 16): cell(3.0),
        }

        found = gains(rows(cells))

        assert [each for each in found if found[each]] == [name]
        (gained,) = found[name]
        assert (gained["prompt_tokens"], gained["connections"]) == (64, 1)
        assert (gained["requests_per_second"], gained["server_cpu"], gained["p50_ms"]) == (1.5, 0.5, -2.0)

    def test_have_no_ratio_to_nothing(self) -> None:
        """Where the set-up without it answered nothing."""
        cells = {Key("none", 64, 1): cell(1.0), Key("neural", 64, 1): cell(2.0), Key("unbatched", 64, 1): Cell()}

        (gained,) = gains(rows(cells))["micro_batching"]

        assert gained["requests_per_second"] is None
