"""`router-extproc serve`, as a process: how it starts, ends, and what its exit code says."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.demo.processes import Processes, answers, fetched, free_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from router_extproc.demo.processes import Child


def free(port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as one:
        try:
            one.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
        return True


class Served:
    """Starts `serve` on free ports."""

    def __init__(self, processes: Processes, policy: Path) -> None:
        self.processes = processes
        self.policy = policy
        self.listen = free_ports(1)[0]
        self.admin = self._pair(self.listen)
        """The first worker's; the second has the next one."""
        self.metrics = self._pair(self.listen, self.admin, self.admin + 1)
        """As above, if `start` is told of it."""

    def _pair(self, *taken: int) -> int:
        """The first of two free ports."""
        ports = iter(lambda: free_ports(1)[0], 0)
        return next(port for port in ports if free(port + 1) and not {port, port + 1} & set(taken))

    def start(self, *more: str) -> Child:
        """The process, which may not be ready yet."""
        command = [sys.executable, "-m", "router_extproc.cli", "serve", "--policy", str(self.policy)]
        addresses = ["--listen", f"127.0.0.1:{self.listen}", "--admin", f"127.0.0.1:{self.admin}"]
        return self.processes.start("router", [*command, *addresses, *more])

    def ready(self, child: Child, index: int = 0) -> None:
        """Wait until that worker serves."""
        self.processes.wait(child, lambda: answers(f"http://127.0.0.1:{self.admin + index}/readyz"))


@pytest.fixture
def served(tmp_path: Path, policy_file: Path) -> Iterator[Served]:
    """Ends whatever was started."""
    with Processes(tmp_path) as processes:
        yield Served(processes, policy_file)


def until(holds: Callable[[], Any]) -> bool:
    """Whether it comes to hold within a minute."""
    for _ in range(1200):
        if holds():
            return True
        time.sleep(0.05)
    return False


class TestStart:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_serves_until_told_to_end(self, served: Served, number: signal.Signals) -> None:
        """Ready, drained, and exit code 0."""
        child = served.start("--grace", "0")
        served.ready(child)
        child.process.send_signal(number)

        assert child.process.wait(60) == 0
        events = [json.loads(line)["message"] for line in child.log.read_text().splitlines()]
        assert [event for event in events if event in {"ready", "draining"}] == ["ready", "draining"]

    def test_a_log_for_people(self, served: Served) -> None:
        """--log-format console is no JSON."""
        child = served.start("--log-format", "console", "--grace", "0")
        served.ready(child)
        served.processes.end(child)

        assert "ready" in child.log.read_text()
        assert not child.log.read_text().startswith("{")

    def test_a_policy_from_a_directory(self, served: Served) -> None:
        """As it is mounted from a ConfigMap."""
        served.policy = served.policy.parent
        child = served.start()
        served.ready(child)


AT_WORK = """
import logging, math, sys, time
from router_extproc.cli.exits import Exit
from router_extproc.cli.serve import leave
from router_extproc.signals.neural.patterns import Patterns

logging.basicConfig(stream=sys.stdout)
search = Patterns().submit("bsn 111222333 " * 400_000, math.inf)
time.sleep(0.5)
sys.stdout.write(f"done: {search.done()}")
leave(Exit.OK)
"""


class TestLeave:
    def test_a_search_under_way_does_not_abort_the_process(self) -> None:
        """It comes back from C++ to an interpreter that is gone, if that is ended in its own way: exit code 134."""
        ended = subprocess.run([sys.executable, "-c", AT_WORK], capture_output=True, text=True, timeout=60, check=False)

        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "done: False", "")


class TestExitCodes:
    def test_a_policy_with_errors_is_1(self, served: Served) -> None:
        """A wrong policy is not served at all, and its problems are told."""
        served.policy.write_text("version: 1\ndefault: small\n")
        child = served.start()

        assert child.process.wait(60) == 1
        assert f"{served.policy}:1:1: error:" in child.log.read_text()

    @pytest.mark.parametrize(
        ("option", "name"),
        [
            pytest.param("--policy", "none.yaml", id="policy"),
            pytest.param("--decision-log", "none/decisions.jsonl", id="decision log"),
        ],
    )
    def test_a_file_that_is_not_there_is_3(self, served: Served, tmp_path: Path, option: str, name: str) -> None:
        """It is named in the log."""
        child = served.start(option, str(tmp_path / name))

        assert child.process.wait(60) == 3
        assert name in child.log.read_text()

    def test_a_certificate_that_is_not_there_is_3(self, served: Served, tmp_path: Path) -> None:
        """TLS never falls back to plain text."""
        child = served.start("--tls-cert", str(tmp_path / "none.pem"), "--tls-key", str(tmp_path / "none.pem"))

        assert child.process.wait(60) == 3
        assert "none.pem" in child.log.read_text()

    @pytest.mark.parametrize("which", ["listen", "admin", "metrics"])
    def test_a_port_that_is_taken_is_4(self, served: Served, which: str) -> None:
        """The address is named, and nothing hangs."""
        port = getattr(served, which)
        with socket.create_server(("127.0.0.1", port)):
            child = served.start("--metrics", f"127.0.0.1:{served.metrics}")

            assert child.process.wait(60) == 4
            assert str(port) in child.log.read_text()

    def test_workers_that_cannot_start_end_all(self, served: Served) -> None:
        """A supervisor does not start them again and again."""
        served.policy.write_text("version: 1\ndefault: small\n")
        child = served.start("--workers", "2")

        assert child.process.wait(60) == 1

    def test_workers_without_a_policy_end_all(self, served: Served) -> None:
        """Nor where the file is missing."""
        served.policy.unlink()
        child = served.start("--workers", "2")

        assert child.process.wait(60) == 3


class TestWorkers:
    def test_one_that_dies_is_replaced_and_all_end_together(self, served: Served) -> None:
        """Both serve one port; each has an admin port of its own."""
        child = served.start("--workers", "2", "--grace", "0")
        served.ready(child, 0)
        served.ready(child, 1)
        workers = set(_children(child.process.pid))
        os.kill(min(workers), signal.SIGKILL)

        assert len(workers) == 2
        assert until(lambda: len(set(_children(child.process.pid)) - workers) == 1)
        served.ready(child, 0)
        served.ready(child, 1)
        assert "ended with -9; starting another" in child.log.read_text()
        child.process.terminate()
        assert child.process.wait(60) == 0
        assert fetched(f"http://127.0.0.1:{served.admin}/readyz") is None

    def test_each_has_a_metrics_port_of_its_own(self, served: Served) -> None:
        """As with admin ports: the given one, and the next. Both end with their workers."""
        child = served.start("--workers", "2", "--grace", "0", "--metrics", f"127.0.0.1:{served.metrics}")
        served.ready(child, 0)
        served.ready(child, 1)
        ports = [served.metrics, served.metrics + 1]
        told = [fetched(f"http://127.0.0.1:{port}/metrics") for port in ports]
        status = [fetched(f"http://127.0.0.1:{port}/config/status") for port in ports]
        child.process.terminate()

        assert child.process.wait(60) == 0
        assert all(b"router_extproc_build_info" in one for one in told if one is not None)
        assert None not in told
        assert status == [None, None]
        assert all(fetched(f"http://127.0.0.1:{port}/healthz") is None for port in ports)

    def test_a_changed_policy_reaches_every_worker(self, served: Served) -> None:
        """Each watches the file for itself, and SIGHUP to the parent is SIGHUP to all."""
        child = served.start("--workers", "2", "--poll", "0", "--grace", "0")
        served.ready(child, 0)
        served.ready(child, 1)
        before = _versions(served)
        served.policy.write_text(served.policy.read_text() + "# another version\n")
        child.process.send_signal(signal.SIGHUP)

        assert len(before) == 1
        assert until(lambda: len(_versions(served)) == 1 and not before & _versions(served))


def _versions(served: Served) -> set[str]:
    """Which policies are in force now."""
    told = (fetched(f"http://127.0.0.1:{served.admin + index}/config/status") for index in range(2))
    return {json.loads(one)["version"] for one in told if one}


def _children(pid: int) -> list[int]:
    """Worker processes: children that run our code, not multiprocessing's resource tracker."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found if _is_a_worker(child)]


def _is_a_worker(child: str) -> bool:
    """One that ends between the list and the look is none."""
    try:
        return b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


class TestCanary:
    def test_two_policies_are_served(self, served: Served, tmp_path: Path) -> None:
        """And told of."""
        other = tmp_path / "canary.yaml"
        other.write_text(served.policy.read_text() + "# another version\n")
        child = served.start("--canary", str(other), "--canary-share", "5%")
        served.ready(child)

        status = json.loads(fetched(f"http://127.0.0.1:{served.admin}/config/status"))
        assert status["canary"]["version"] != status["version"]
