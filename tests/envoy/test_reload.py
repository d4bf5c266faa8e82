"""Hot reload and drain under load, through the real Envoy: no request fails."""

from __future__ import annotations

import json
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.demo.client import Client, post

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.envoy

POLICY = """\
version: 1
pools:
  small: {cluster: pool-small, model: qwen3-8b}
  large: {cluster: pool-large, model: qwen3-235b}
default: POOL
record: {responseHeaders: true}
"""
BODY = b'{"model":"auto","messages":[{"role":"user","content":"Which tea is mildest?"}]}'


def write_volume(directory: Path, number: int, text: str) -> None:
    """Swap a ConfigMap volume as the kubelet does: a new directory, and one rename of `..data`."""
    version = directory / f"..version_{number}"
    version.mkdir(parents=True)
    (version / "policy.yaml").write_text(text)
    link = directory / "..data_tmp"
    link.symlink_to(version.name)
    link.rename(directory / "..data")
    policy = directory / "policy.yaml"
    if not policy.is_symlink():
        policy.symlink_to("..data/policy.yaml")


class Load(threading.Thread):
    """Sends requests, one after the other, and notes what comes back."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self.ended = threading.Event()
        self.statuses: list[int] = []
        self.pools: list[str] = []

    def run(self) -> None:
        """Send until ended."""
        client = Client(self._url)
        while not self.ended.is_set():
            answer = client.post("/v1/chat/completions", BODY)
            self.statuses.append(answer.status)
            self.pools.append(answer.headers.get("x-served-by", ""))
        client.close()


def status(admin: int) -> dict[str, Any]:
    """The router's word on its policy."""
    found: dict[str, Any] = json.loads(post(f"http://127.0.0.1:{admin}", "/config/status", b"", method="GET").body)
    return found


def attempts(admin: int) -> int:
    """How often a policy was tried since the start."""
    told = status(admin)
    return int(told["reloads"] + told["failures"])


def wait_for(condition: Any) -> bool:
    """Whether it came true in ten seconds."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.02)
    return False


class TestReload:
    def test_under_load_no_request_fails(self, workshop: Any, tmp_path: Path) -> None:
        """Ten swaps, good and bad ones, while four callers send; a broken policy leaves the last good one in force."""
        volume = tmp_path / "volume"
        write_volume(volume, 0, POLICY.replace("POOL", "small"))
        with workshop.routed(workshop.plan(), volume, "--poll", "0") as stack:
            loads = [Load(stack.url) for _ in range(4)]
            for load in loads:
                load.start()
            for number in range(1, 11):
                pool = "large" if number % 2 else "small"
                broken = number % 5 == 0
                write_volume(volume, number, "version: 2\n" if broken else POLICY.replace("POOL", pool))
                assert wait_for(lambda number=number: attempts(stack.router_admin) == number)
                assert status(stack.router_admin)["last_ok"] != broken
            for load in loads:
                load.ended.set()
                load.join()

            assert {code for load in loads for code in load.statuses} == {200}
            assert {pool for load in loads for pool in load.pools} == {"small", "large"}
            found = status(stack.router_admin)
            assert (found["reloads"], found["failures"]) == (8, 2)

    def test_sighup_reloads(self, workshop: Any, tmp_path: Path) -> None:
        """Even the same content."""
        path = tmp_path / "policy.yaml"
        path.write_text(POLICY.replace("POOL", "small"))
        with workshop.routed(workshop.plan(), path, "--poll", "0") as stack:
            stack.router.process.send_signal(signal.SIGHUP)

            assert wait_for(lambda: status(stack.router_admin)["reloads"] == 1)
            assert status(stack.router_admin)["last_trigger"] == "sighup"

    def test_what_a_watch_does_not_see_a_poll_does(self, workshop: Any, tmp_path: Path) -> None:
        """A change through a link that the watched directory does not show."""
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "p.yaml").write_text(POLICY.replace("POOL", "small"))
        mounted = tmp_path / "mounted"
        mounted.mkdir()
        (mounted / "policy.yaml").symlink_to(elsewhere / "p.yaml")
        with workshop.routed(workshop.plan(), mounted, "--poll", "0.2") as stack:
            (elsewhere / "p.yaml").write_text(POLICY.replace("POOL", "large"))

            assert wait_for(lambda: status(stack.router_admin)["reloads"] == 1)
            assert post(stack.url, "/v1/chat/completions", BODY).headers["x-served-by"] == "large"


class TestDrain:
    def test_requests_in_flight_finish(self, workshop: Any, tmp_path: Path) -> None:
        """SIGTERM: not ready at once, and what was accepted is answered."""
        path = tmp_path / "policy.yaml"
        path.write_text(POLICY.replace("POOL", "small").replace("responseHeaders: true", "observe: true"))
        with workshop.routed(workshop.plan(), path, "--grace", "5") as stack:
            answers: list[int] = []

            def send() -> None:
                body = BODY.replace(b'"model"', b'"stream":true,"model"')
                answers.append(post(stack.url, "/v1/chat/completions", body).status)

            threads = [threading.Thread(target=send) for _ in range(8)]
            for thread in threads:
                thread.start()
            stack.router.process.terminate()
            for thread in threads:
                thread.join()

            assert set(answers) == {200}
            assert stack.router.process.wait(20) == 0
