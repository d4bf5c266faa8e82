"""Timeouts, retries and outlier detection of single pools, through the real pod, against servers that are slow or refuse on purpose."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import balky_server
import pytest
from pod import impossible, until
from release import STATS, Running, wanted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from conftest import Helm

SLOW, STUBBORN, ONCE, PAIR, WORDY = 8200, 8201, 8202, 8203, 8204
BOTH = ("127.0.0.2", "127.0.0.3")
"""Not the others' 127.0.0.1: Envoy's resolver takes names that share an address in /etc/hosts for one host with all their addresses."""
ODD: dict[str, tuple[int, dict[str, Any]]] = {
    "hasty": (SLOW, {"timeoutSeconds": 1, "idleTimeoutSeconds": 60}),
    "patient": (SLOW, {"idleTimeoutSeconds": 60}),
    "plain": (SLOW, {}),
    "tried": (SLOW, {"tryTimeoutSeconds": 1, "retries": 1, "retryOn": ["gateway-error"], "idleTimeoutSeconds": 60}),
    "wordy": (WORDY, {"tryTimeoutSeconds": 1}),
    "stubborn": (STUBBORN, {"retries": 2, "retryOn": ["gateway-error"]}),
    "elsewhere": (PAIR, {"retries": 1, "retryOn": ["gateway-error"], "ejectPercent": 0}),
    "meek": (ONCE, {}),
    "pair": (PAIR, {"retries": 0, "ejectAfterGatewayFailures": 2, "ejectSeconds": 60}),
    "kept": (PAIR, {"retries": 0, "ejectAfterGatewayFailures": 2, "ejectPercent": 0}),
}
"""By pool: the server's port and the pool's traffic. A request's text names its pool."""

pytestmark = [pytest.mark.envoy, pytest.mark.skipif(bool(impossible()), reason=impossible() or "possible")]


def values() -> dict[str, Any]:
    """Two pools as usual, and the odd ones. Nobody may be silent for longer than a second unless the pool says so."""
    made = wanted(traffic={"idleTimeoutSeconds": 1})
    for name, (port, traffic) in ODD.items():
        made["pools"][name] = {"service": {"name": name, "port": port}, **({"traffic": traffic} if traffic else {})}
        made["policy"]["signals"][name] = {"type": "keyword", "any": [name]}
        made["policy"]["decisions"].append({"name": name, "when": name, "route": name})
    return made


@pytest.fixture(scope="module")
def running(module_helm: Helm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One pod for all tests here: each has servers of its own."""
    it = Running(module_helm, tmp_path_factory.mktemp("traffic"), values(), pair=BOTH, kept=BOTH, elsewhere=BOTH)
    balky: Mapping[tuple[str, int], tuple[str, ...]] = {
        ("127.0.0.1", SLOW): ("--delay", "2"),
        ("127.0.0.1", STUBBORN): ("--refuse", "2"),
        ("127.0.0.1", ONCE): ("--refuse", "1"),
        ("127.0.0.2", PAIR): (),
        ("127.0.0.3", PAIR): ("--refuse", "1000000"),
    }
    try:
        for (address, port), words in balky.items():
            it.serve(port, balky_server.__file__, address, str(port), *words, address=address)
        it.serve(WORDY, "-m", "router_extproc.demo.model_server", "--name", "wordy", f"--port={WORDY}", "--delay=0.3")
        it.start()
        yield it
    finally:
        it.pod.stop()


class TestTimeouts:
    def test_one_pools_answers_are_cut(self, running: Running) -> None:
        """And the same server's answers through another pool are not."""
        began = time.monotonic()
        assert running.ask("hasty")[0] == 504
        assert time.monotonic() - began < 1.9

        assert running.ask("patient")[0] == 200

    def test_a_pool_that_says_nothing_has_what_all_have(self, running: Running) -> None:
        """A second of silence."""
        began = time.monotonic()
        assert running.ask("plain")[0] == 504
        assert time.monotonic() - began < 1.9

    def test_each_try_has_its_time(self, running: Running) -> None:
        """Two of a second each, for the answer to begin."""
        began = time.monotonic()
        assert running.ask("tried")[0] == 504
        assert time.monotonic() - began > 2

    def test_a_stream_that_began_in_time_goes_on(self, running: Running) -> None:
        """For longer than a try may take to begin, and than anybody may be silent."""
        began = time.monotonic()
        assert running.ask("wordy", stream=True) == (200, "wordy")
        assert time.monotonic() - began > 1.5


class TestRetries:
    def test_a_request_is_tried_again(self, running: Running) -> None:
        """Until the third answer, which is good."""
        assert running.ask("stubborn") == (200, "127.0.0.1 after 3")

    def test_another_endpoint_is_tried(self, running: Running) -> None:
        """One of two refuses everything, and nobody notices."""
        assert {running.ask("elsewhere")[0] for _ in range(10)} == {200}

    def test_a_refusal_is_the_callers_unless_the_pool_says_otherwise(self, running: Running) -> None:
        """What a model has begun on may have cost tokens."""
        assert running.ask("meek") == (503, "127.0.0.1 after 1")
        assert running.ask("meek") == (200, "127.0.0.1 after 2")


class TestOutliers:
    def test_an_endpoint_that_fails_gets_no_more_requests(self, running: Running) -> None:
        """The other one gets them all."""
        until(lambda: self._ejected(running, "pair") == 1 or not running.ask("pair"), "the ejection")

        assert {running.ask("pair")[0] for _ in range(10)} == {200}

    def test_a_pool_may_keep_all(self, running: Running) -> None:
        """As one whose failures are the requests' fault."""
        answers = [running.ask("kept")[0] for _ in range(10)]

        assert set(answers) == {200, 503}
        assert self._ejected(running, "kept") == 0

    @staticmethod
    def _ejected(running: Running, pool: str) -> int:
        name = f'envoy_cluster_outlier_detection_ejections_active{{envoy_cluster_name="pool-{pool}"}} '
        (line,) = [each for each in running.page(STATS, "/stats/prometheus").splitlines() if each.startswith(name)]
        return int(line.removeprefix(name))
