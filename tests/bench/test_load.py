"""The load generator, against a server that answers at once."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import pytest
import uvloop

from router_extproc.bench.load import Measured, measure, ranked_share, request_bytes

if TYPE_CHECKING:
    from conftest import Quick


class TestRankedShare:
    @pytest.mark.parametrize(
        ("values", "share", "found"),
        [
            pytest.param([], 0.5, 0.0, id="none"),
            pytest.param([3.0], 0.99, 3.0, id="one"),
            pytest.param([3.0, 1.0, 2.0], 0.5, 2.0, id="middle"),
            pytest.param(list(map(float, range(100))), 0.99, 99.0, id="late"),
        ],
    )
    def test_ranks(self, values: list[float], share: float, found: float) -> None:
        """In any order."""
        assert ranked_share(values, share) == found


class TestMeasured:
    def test_counts_per_second(self) -> None:
        """No time, no rate."""
        assert Measured(2.0, [1.0] * 10).per_second == 5.0
        assert Measured().per_second == 0.0


class TestMeasure:
    def test_sends_each_request_once(self, quick: Quick) -> None:
        """Connections share the requests."""
        requests = (request_bytes(json.dumps({"number": number}).encode()) for number in itertools.count())

        measured = uvloop.run(measure(quick.port, requests, connections=3, seconds=30, limit=4))

        assert len(measured.latencies_ms) == 12
        assert measured.failures == 0
        assert sorted(json.loads(body)["number"] for body in quick.bodies) == list(range(12))

    def test_counts_failures_apart(self, quick: Quick) -> None:
        """What failed quickly is no low latency."""
        measured = uvloop.run(measure(quick.port, itertools.repeat(request_bytes(b"fail")), connections=1, seconds=30, limit=3))

        assert (measured.latencies_ms, measured.failures) == ([], 3)

    def test_ends_in_time(self, quick: Quick) -> None:
        """Without a limit on the requests."""
        measured = uvloop.run(measure(quick.port, itertools.repeat(request_bytes(b"{}")), connections=2, seconds=0.05))

        assert measured.latencies_ms
        assert measured.seconds >= 0.05

    def test_gives_up_on_what_is_never_answered(self, monkeypatch: pytest.MonkeyPatch, silent: int) -> None:
        """A hanging server does not hang the benchmark."""
        monkeypatch.setattr("router_extproc.bench.load._PATIENCE_S", 0.05)

        measured = uvloop.run(measure(silent, itertools.repeat(request_bytes(b"{}")), connections=2, seconds=0.01))

        assert (measured.latencies_ms, measured.failures) == ([], 2)
