"""How a benchmark starts and ends what it needs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from router_extproc.bench.staging import staged
from router_extproc.demo.processes import StartError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rich.console import Console

    from router_extproc.demo.processes import Child, Processes


def sleeper(processes: Processes, _directory: Path) -> Child:
    """A process that runs until it is ended."""
    return processes.start("sleeper", [sys.executable, "-c", "import time; time.sleep(600)"])


class TestStaged:
    def test_ends_what_it_started(self, console: Console) -> None:
        """When the work is done."""
        seen: list[Child] = []

        def work(child: Child, tick: Callable[[], None]) -> None:
            assert child.process.poll() is None
            seen.append(child)
            tick()

        assert staged(sleeper, work, steps=1, console=console) == 0
        assert seen[0].process.poll() is not None

    def test_ends_what_it_started_when_the_work_fails(self, console: Console) -> None:
        """Nothing is left behind."""
        seen: list[Child] = []

        def work(child: Child, _tick: Callable[[], None]) -> None:
            seen.append(child)
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            staged(sleeper, work, steps=1, console=console)
        assert seen[0].process.poll() is not None

    def test_tells_what_could_not_be_started(self, console: Console) -> None:
        """Exit code 4, and why; nothing is measured."""

        def start(_processes: Processes, _directory: Path) -> None:
            raise StartError("Envoy is not installed")

        def work(_stage: None, _tick: Callable[[], None]) -> None:
            raise AssertionError

        assert staged(start, work, steps=1, console=console) == 4
        assert "Envoy is not installed" in console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
