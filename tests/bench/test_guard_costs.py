"""What one event and one kilobyte cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.bench import guard_costs
from router_extproc.bench.guard_costs import CASES, event_costs, masking_costs

if TYPE_CHECKING:
    import pytest


class TestEventCosts:
    def test_has_every_case(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """In microseconds."""
        monkeypatch.setattr(guard_costs, "EVENTS", 20)
        told = event_costs()

        assert set(told) == set(CASES)
        assert all(0 < row["p50_us"] <= row["p99_us"] <= row["max_us"] for row in told.values())


class TestMaskingCosts:
    def test_has_every_size(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Finding and masking apart."""
        monkeypatch.setattr(guard_costs, "SIZES_KB", (1, 2))
        told = masking_costs()

        assert set(told) == {"1", "2"}
        assert all(row["patterns_us_per_kb"] > 0 and row["masking_us_per_kb"] > 0 for row in told.values())
