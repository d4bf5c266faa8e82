"""Learning in real processes: killed and restarted, two with one Redis. Every acknowledged piece of feedback is there once."""

from __future__ import annotations

import json
import re
import signal
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest
from envoy.extensions.filters.http.ext_proc.v3 import processing_mode_pb2
from envoy.service.ext_proc.v3 import external_processor_pb2 as pb
from redis_server import NEEDED, RedisServer

from router_extproc.demo.processes import Processes, answers, free_ports
from router_extproc.extproc.messages import METHOD
from router_extproc.learning.experience import Experience
from router_extproc.learning.state_file import StateFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from router_extproc.demo.processes import Child

POLICY = """\
version: 1
pools:
  small: {cluster: pool-small, model: s}
  large: {cluster: pool-large, model: l}
default: {candidates: [small, large], select: {type: bandit, dimension: 0, halfLife: never, implicit: {error: 0, truncation: 0}}}
"""
ID = re.compile(rb"[0-9a-f]{12}-[0-9a-f]+")


class Replica:
    """One `serve`, spoken to as Envoy and as an operator's program do."""

    def __init__(self, processes: Processes, policy: Path, *options: str) -> None:
        self._processes = processes
        self.listen, self.admin = free_ports(2)
        command = [
            sys.executable,
            "-m",
            "router_extproc.cli",
            "serve",
            "--policy",
            str(policy),
            "--decision-log",
            "off",
            "--grace",
            "0",
        ]
        addresses = ["--listen", f"127.0.0.1:{self.listen}", "--admin", f"127.0.0.1:{self.admin}"]
        self._command = [*command, *addresses, *options]
        self.child: Child | None = None

    def start(self) -> None:
        """Begin it, and wait until it is ready."""
        self.child = self._processes.start("router", self._command)
        self._processes.wait(self.child, lambda: answers(f"http://127.0.0.1:{self.admin}/readyz"))

    def kill(self) -> None:
        """As the kernel does where memory runs out."""
        assert self.child is not None
        self.child.process.send_signal(signal.SIGKILL)
        self.child.process.wait(20)

    def decide(self, count: int) -> list[str]:
        """The ids of so many decisions."""
        with grpc.insecure_channel(f"127.0.0.1:{self.listen}") as channel:
            call = channel.stream_stream(
                METHOD, request_serializer=pb.ProcessingRequest.SerializeToString, response_deserializer=lambda data: data
            )
            return [_id(list(call(iter(_messages(index))))) for index in range(count)]

    def tell(self, *pieces: dict[str, Any]) -> list[str]:
        """What becomes of feedback; nothing where the process is gone."""
        body = json.dumps(pieces).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.admin}/feedback", body, {"content-type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - as above
                told = json.load(answer)
        except urllib.error.HTTPError as error:
            told = json.load(error)
        except (OSError, ValueError):
            return []
        return [each["status"] for each in told["results"]]


def _messages(index: int) -> list[pb.ProcessingRequest]:
    headers, body = pb.ProcessingRequest(), pb.ProcessingRequest()
    for key, value in ((":method", "POST"), (":path", "/v1/chat/completions")):
        headers.request_headers.headers.headers.add(key=key, raw_value=value.encode())
    headers.protocol_config.request_body_mode = processing_mode_pb2.ProcessingMode.BUFFERED
    body.request_body.body = json.dumps(
        {"model": "auto", "messages": [{"role": "user", "content": f"Question {index}"}]}
    ).encode()
    body.request_body.end_of_stream = True
    return [headers, body]


def _id(messages: list[bytes]) -> str:
    found = ID.search(b"".join(messages))
    assert found is not None
    return found[0].decode()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """Ends whatever was started."""
    (tmp_path / "policy.yaml").write_text(POLICY)
    with Processes(tmp_path) as made:
        yield made


def weight(path: Path) -> float:
    """Observations in all, as the next process would read them."""
    file = StateFile(path)
    experience = Experience(file=file)
    file.close()
    return float(sum(sums[0] for sums in experience.ledger.sums().values()))


def scores(identities: list[str]) -> list[dict[str, Any]]:
    """Feedback on these decisions."""
    return [{"id": identity, "score": 1.0} for identity in identities]


class TestKill:
    def test_loses_nothing_that_was_acknowledged(self, processes: Processes, tmp_path: Path) -> None:
        """Killed while feedback comes in, again and again; what was not acknowledged is sent again."""
        state = tmp_path / "state"
        replica = Replica(processes, tmp_path / "policy.yaml", "--learning-state", str(state))
        replica.start()
        identities = replica.decide(60)
        told: dict[str, list[str]] = {}

        def send() -> None:
            for piece in scores(identities):
                told[piece["id"]] = replica.tell(piece)

        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(send)
            while len(told) < 5 and not sending.done():
                time.sleep(0.001)
            replica.kill()
        sending.result()
        acknowledged = [name for name, found in told.items() if found == ["applied"]]

        replica.start()
        again = dict(zip(identities, replica.tell(*scores(identities)), strict=True))

        assert len(acknowledged) >= 5
        assert set(again.values()) <= {"applied", "duplicate"}
        assert all(again[name] == "duplicate" for name in acknowledged)
        replica.kill()
        assert weight(state) == 60


@NEEDED
class TestReplicas:
    def test_share_every_piece_once(self, processes: Processes, tmp_path: Path) -> None:
        """Each is told everything, about decisions of both, at the same time; one of them is killed meanwhile."""
        redis = RedisServer(tmp_path).start()
        try:
            one, other = (Replica(processes, tmp_path / "policy.yaml", "--state", redis.url) for _ in range(2))
            one.start()
            other.start()
            identities = one.decide(40) + other.decide(40)
            pieces = scores(identities)
            _await_decisions(redis, 80)

            with ThreadPoolExecutor(2) as pool:
                first = pool.submit(lambda: [one.tell(*pieces[at : at + 5]) for at in range(0, 80, 5)])
                second = pool.submit(lambda: [other.tell(*pieces[at : at + 4]) for at in range(0, 80, 4)])
                while not (first.done() or second.done()):
                    if answers(f"http://127.0.0.1:{one.admin}/readyz"):
                        other.kill()
                        break
                told = [status for found in (*first.result(), *second.result()) for status in found]

            other.start()
            again = other.tell(*pieces)
            assert set(told) <= {"applied", "duplicate"}
            # Fewer, where the answer died with the process.
            assert (told + again).count("applied") <= 80
            assert _weight(redis) == 80
            assert one.tell(*pieces) == ["duplicate"] * 80
        finally:
            redis.stop()


def _await_decisions(redis: RedisServer, count: int) -> None:
    """Until the store has so many: those of the last moments before a kill may be unknown afterwards."""
    import redis as client  # noqa: PLC0415 - an extra

    until = time.monotonic() + 60
    with client.Redis(port=redis.port) as store:
        while (found := sum(1 for _ in store.scan_iter("router-extproc:{learning}:d:*"))) < count:
            assert time.monotonic() < until, f"the store was told {found} decisions of {count}"
            time.sleep(0.01)


def _weight(redis: RedisServer) -> float:
    """Observations in all, in the store."""
    import redis as client  # noqa: PLC0415 - an extra

    with client.Redis(port=redis.port) as store:
        keys = list(store.scan_iter("router-extproc:{learning}:s:*"))
        return float(sum(np.frombuffer(store.get(key), "<f8")[0] for key in keys))
