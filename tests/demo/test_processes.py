"""Child processes: ports, readiness, logs, and that none outlives the block."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from router_extproc.demo.processes import Processes, StartError, answers, envoy_binary, fetched, free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router_extproc.demo.processes import Child

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
]


class _Status(BaseHTTPRequestHandler):
    """Answers with the status in the path."""

    def do_GET(self) -> None:
        self.send_response(int(self.path.strip("/")))
        self.send_header("content-length", "4")
        self.end_headers()
        self.wfile.write(b"body")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Nothing: the test's output is not a log."""


@pytest.fixture
def web() -> Iterator[str]:
    """A web server that answers /STATUS with that status."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Status) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def gone(pid: int) -> bool:
    """Whether no process of that id runs, waiting a while for it."""
    for _ in range(1000):
        with contextlib.suppress(FileNotFoundError):
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
                time.sleep(0.01)
                continue
        return True
    return False


class TestFreePorts:
    def test_gives_different_ports_that_can_be_bound(self) -> None:
        """All of them are free, and none comes twice."""
        ports = free_ports(20)

        assert len(set(ports)) == 20
        for port in ports:
            with socket.socket() as one:
                one.bind(("127.0.0.1", port))

    def test_gives_none_that_an_outgoing_connection_may_take(self) -> None:
        """Between its choice and the process that listens on it: Linux takes those from 32,768 on, unless told otherwise."""
        assert max(free_ports(200)) < 32_768

    def test_says_when_there_are_not_so_many(self) -> None:
        """Rather than try for good."""
        with pytest.raises(StartError, match="no 2000 free ports"):
            free_ports(2000)


class TestEnvoyBinary:
    def test_what_the_environment_names_comes_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """$ENVOY wins over what is installed."""
        monkeypatch.setenv("ENVOY", "/opt/envoy")

        assert envoy_binary() == "/opt/envoy"

    def test_the_path_is_looked_through_where_none_is_beside_python(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """A system's Envoy is found."""
        monkeypatch.delenv("ENVOY", raising=False)
        monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
        before = envoy_binary()
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "envoy").touch(0o755)

        assert (before, envoy_binary()) == (None, str(tmp_path / "bin" / "envoy"))


class TestFetched:
    @pytest.mark.parametrize(("status", "found"), [(200, b"body"), (404, None), (503, None), (204, None)])
    def test_only_a_200_has_a_body(self, web: str, status: int, found: bytes | None) -> None:
        """Every other status is no answer."""
        assert fetched(f"{web}/{status}") == found
        assert answers(f"{web}/{status}") is (found is not None)

    def test_nobody_there_is_no_answer(self) -> None:
        """A refused connection is no error."""
        assert fetched(f"http://127.0.0.1:{free_ports(1)[0]}/") is None

    def test_a_peer_that_speaks_no_http_is_no_answer(self) -> None:
        """A port that another program took does not break the wait."""
        with socket.create_server(("127.0.0.1", 0)) as server:

            def speak() -> None:
                peer, _ = server.accept()
                with peer:
                    peer.recv(1000)
                    peer.sendall(b"SSH-2.0-nothing\r\n")

            thread = threading.Thread(target=speak)
            thread.start()
            told = fetched(f"http://127.0.0.1:{server.getsockname()[1]}/")
            thread.join()

        assert told is None

    def test_goes_past_a_proxy(self, web: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A proxy for the outside has no part in loopback."""
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        monkeypatch.delenv("no_proxy", raising=False)

        assert answers(f"{web}/200")


class TestProcesses:
    def test_output_and_environment(self, tmp_path: Path) -> None:
        """What a child says on both streams is in its log; it gets the variables named, and ours."""
        code = "import os, sys; print(os.environ['ONE'], 'PATH' in os.environ); print('oops', file=sys.stderr)"
        with Processes(tmp_path) as processes:
            child = processes.start("talker", [sys.executable, "-c", code], environment={"ONE": "1"})
            status = child.process.wait()

        assert status == 0
        assert (tmp_path / "talker.log").read_text().splitlines() == ["1 True", "oops"]

    def test_a_program_that_is_not_there(self, tmp_path: Path) -> None:
        """The error names it: $ENVOY may point at nothing."""
        with Processes(tmp_path) as processes, pytest.raises(StartError, match=r"envoy cannot be started: .*/none"):
            processes.start("envoy", [str(tmp_path / "none")])

    def test_waits_until_ready(self, tmp_path: Path) -> None:
        """The wait ends when the child is ready, and not before."""
        with Processes(tmp_path) as processes:
            child = processes.start("sleeper", SLEEP)
            processes.wait(child, lambda: "up" in child.tail())

            assert child.tail() == "up"
            assert child.process.poll() is None

    def test_a_child_that_ends_while_awaited(self, tmp_path: Path) -> None:
        """The error says how it ended and what it said last."""
        with Processes(tmp_path) as processes:
            child = processes.start("failer", [sys.executable, "-c", "print('no such port'); raise SystemExit(7)"])
            with pytest.raises(StartError, match=r"(?s)failer ended with 7:.*no such port"):
                processes.wait(child, lambda: False)

    def test_a_child_that_takes_too_long(self, tmp_path: Path) -> None:
        """The error says for how long was waited."""
        with Processes(tmp_path) as processes:
            child = processes.start("sleeper", SLEEP)
            with pytest.raises(StartError, match=r"sleeper was not ready after 0\.1 seconds"):
                processes.wait(child, lambda: False, seconds=0.1)

    def test_the_tail_is_the_end(self, tmp_path: Path) -> None:
        """A long log is told by its last lines, whatever bytes are in it."""
        code = r"import sys; [print(i) for i in range(40)]; sys.stdout.flush(); sys.stdout.buffer.write(b'\xff\n')"
        with Processes(tmp_path) as processes:
            child = processes.start("talker", [sys.executable, "-c", code])
            child.process.wait()

        assert child.tail(3).splitlines() == ["38", "39", "\ufffd"]

    @pytest.mark.parametrize(
        ("kill", "status"), [pytest.param(False, -signal.SIGTERM, id="term"), pytest.param(True, -signal.SIGKILL, id="kill")]
    )
    def test_ending_one(self, tmp_path: Path, *, kill: bool, status: int) -> None:
        """It gets SIGTERM, or SIGKILL where a crash is wanted; ending it twice is no error."""
        with Processes(tmp_path) as processes:
            child = processes.start("sleeper", SLEEP)
            processes.wait(child, lambda: "up" in child.tail())

            assert processes.end(child, kill=kill) == status
            assert processes.end(child) == status

    def test_one_that_does_not_obey_is_killed(self, tmp_path: Path) -> None:
        """SIGTERM is asked, SIGKILL is not."""
        with Processes(tmp_path, stop_s=0.1) as processes:
            child = processes.start("stubborn", STUBBORN)
            processes.wait(child, lambda: "up" in child.tail())

            assert processes.end(child) == -signal.SIGKILL

    def test_an_error_in_the_block_ends_all(self, tmp_path: Path) -> None:
        """No child is left behind by a failure."""
        children: list[Child] = []

        def fail() -> None:
            with Processes(tmp_path) as processes:
                children.extend(processes.start(f"sleeper-{i}", SLEEP) for i in range(3))
                raise KeyError

        with pytest.raises(KeyError):
            fail()

        assert len(children) == 3
        assert all(child.process.poll() is not None for child in children)

    def test_sigterm_to_the_parent_ends_all(self, tmp_path: Path) -> None:
        """Whoever stops the demo with SIGTERM leaves nothing running."""
        code = (
            "import sys, time; from pathlib import Path; from router_extproc.demo.processes import Processes\n"
            "with Processes(Path(sys.argv[1])) as processes:\n"
            "    child = processes.start('sleeper', [sys.executable, '-c', 'import time; time.sleep(600)'])\n"
            "    print(child.process.pid, flush=True); time.sleep(600)"
        )
        with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as parent:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
            os.kill(parent.pid, signal.SIGTERM)
            status = parent.wait()

        assert status == 128 + signal.SIGTERM
        assert gone(pid)

    def test_the_callers_signal_handler_comes_back(self, tmp_path: Path) -> None:
        """After the block SIGTERM means what it meant before."""
        before = signal.getsignal(signal.SIGTERM)
        with Processes(tmp_path):
            within = signal.getsignal(signal.SIGTERM)

        assert within is not before
        assert signal.getsignal(signal.SIGTERM) is before

    def test_works_in_a_thread(self, tmp_path: Path) -> None:
        """Only the main thread may set signals; elsewhere the block does without."""
        statuses: list[int | None] = []

        def inside() -> None:
            with Processes(tmp_path) as processes:
                child = processes.start("sleeper", SLEEP)
            statuses.append(child.process.poll())

        thread = threading.Thread(target=inside)
        thread.start()
        thread.join()

        assert statuses
        assert statuses[0] is not None
