"""The demo's figures and its exit code where it cannot start."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING

from rich.console import Console

from router_extproc.demo.prompts import Prompt
from router_extproc.demo.run import Shown, run_demo, summary

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def shown(pool: str = "small", *, decision: str = "default", status: int = 200, added: float | None = 1.0) -> Shown:
    """What became of a prompt that was to go to the pool small."""
    prompt = Prompt("talk", b"{}", "small")
    return Shown(prompt=prompt, pool=pool, decision=decision, reason="", status=status, added_ms=added)


class TestShown:
    def test_as_expected(self) -> None:
        """Pool, decision and status, all three."""
        assert shown().as_expected
        assert not shown("large").as_expected
        assert not shown(decision="code").as_expected
        assert not shown(status=500).as_expected


class TestSummary:
    def test_counts(self) -> None:
        """How many went as expected, where they went, and what was added."""
        told = summary([*[shown(added=float(i)) for i in range(1, 101)], shown("large"), shown("", status=400, added=None)])

        assert (told["requests"], told["as_expected"]) == (102, 100)
        assert told["pools"] == {"large": 1, "small": 100}
        assert told["added_p50_ms"] == 50.0
        assert told["added_p99_ms"] == 99.0

    def test_nothing_forwarded(self) -> None:
        """No figure is no error; what is told is JSON."""
        assert json.loads(json.dumps(summary([shown("", added=None)])))["added_p50_ms"] == 0.0


class TestRunDemo:
    def test_an_envoy_that_cannot_be_started(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Exit code 4, the reason, and nothing left running."""
        broken = tmp_path / "envoy [main]"
        broken.write_text(f"#!{sys.executable}\nraise SystemExit('[/critical] no such port')\n")
        broken.chmod(0o755)
        monkeypatch.setenv("ENVOY", str(broken))
        console = Console(file=io.StringIO(), markup=False, width=200)
        code = run_demo(as_json=True, keep=False, console=console)

        assert code == 4
        assert isinstance(console.file, io.StringIO)
        assert "envoy ended with 1:\n[/critical] no such port" in console.file.getvalue()
