"""What a router's metrics say of its neural signals."""

from __future__ import annotations

from collections import Counter

import pytest

from router_extproc.bench.counters import Asked, asked, counted

PAGE = """\
# TYPE router_extproc_signals_computed_total counter
router_extproc_signals_computed_total{signal="injection"} 7.0
router_extproc_signals_computed_total{signal="hard"} 6.0
router_extproc_signals_computed_total{signal="easy"} 90.0
# TYPE router_extproc_signals_unknown_total counter
router_extproc_signals_unknown_total{reason="deadline",signal="injection"} 2.0
router_extproc_signals_unknown_total{reason="deadline",signal="hard"} 3.0
router_extproc_signals_unknown_total{reason="overloaded",signal="subject"} 1.0
router_extproc_signals_unknown_total{reason="failed",signal="easy"} 5.0
"""


class TestCounted:
    def test_counts_requests_not_signals(self) -> None:
        """Signals of one request share a reading; cheap signals do not count."""
        found = counted(PAGE)

        assert (found.total, found.unknown) == (9, {"deadline": 3, "overloaded": 1})

    def test_of_an_empty_page_is_nothing(self) -> None:
        """A router that was asked nothing yet."""
        assert counted("").total == 0


class TestAsked:
    def test_is_what_came_since(self) -> None:
        """A measurement is the difference of two pages."""
        before, after = Asked(5, Counter(deadline=1)), Asked(9, Counter(deadline=1, overloaded=2))

        assert after.since(before) == Asked(4, Counter(overloaded=2))

    def test_adds_up(self) -> None:
        """Rounds of one cell."""
        assert Asked(1, Counter(deadline=1)).plus(Asked(2, Counter(deadline=1))) == Asked(3, Counter(deadline=2))

    @pytest.mark.parametrize("port", [pytest.param(0, id="no router"), pytest.param(9, id="no answer")])
    def test_is_nothing_without_a_router(self, port: int) -> None:
        """Envoy without ext_proc has none to ask."""
        assert asked(port).total == 0
