"""Session costs: every route is measured beside the plain one."""

from __future__ import annotations

import io
import json

from rich.console import Console

from router_extproc.bench.session_costs import COUNTS, ROUTES, requests, run_session_costs


class TestSessionCosts:
    def test_measures_each_route_beside_the_plain_one(self) -> None:
        """For each request and number of candidates."""
        sheet = Console(file=io.StringIO(), width=1000)

        assert run_session_costs(rounds=1, as_json=True, console=sheet) == 0
        told = json.loads(sheet.file.getvalue())  # type: ignore[attr-defined]  # it is a StringIO
        assert len(told["decisions"]) == len(COUNTS) * len(ROUTES) * len(requests())
        assert {row["over_plain"] for row in told["decisions"] if row["route"] == "plain"} == {1.0}
        assert all(row["micros"] > 0 for row in told["decisions"])

    def test_tells_people(self) -> None:
        """In a table."""
        sheet = Console(file=io.StringIO(), width=100)
        run_session_costs(rounds=1, as_json=False, console=sheet)

        assert "over plain" in sheet.file.getvalue()  # type: ignore[attr-defined]  # as above
