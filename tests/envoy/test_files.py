"""The shipped Envoy file, as the real Envoy reads it."""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from router_extproc.demo.client import Client
from router_extproc.demo.envoy_config import BODY_MODES, EnvoyPlan, rendered, shipped
from router_extproc.demo.processes import Processes, envoy_binary
from router_extproc.demo.stack import Stack, start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.envoy

CODE = json.dumps({"model": "auto", "messages": [{"role": "user", "content": "Why this traceback?"}]}).encode()


def validated(path: Path) -> subprocess.CompletedProcess[str]:
    """What Envoy says of a file that it does not run."""
    binary = envoy_binary()
    assert binary is not None
    return subprocess.run(
        [binary, "--mode", "validate", "-c", str(path), "--log-level", "warning"], capture_output=True, text=True, check=False
    )


class TestValidation:
    def test_the_shipped_file(self) -> None:
        """It is good as it is, without a word of warning about deprecated fields."""
        done = validated(shipped("envoy.yaml"))

        assert done.returncode == 0, done.stderr
        assert "deprecated" not in done.stderr.lower()

    @pytest.mark.parametrize("fail_open", [pytest.param(False, id="closed"), pytest.param(True, id="open")])
    @pytest.mark.parametrize("mode", BODY_MODES)
    def test_every_variant(self, tmp_path: Path, mode: str, *, fail_open: bool) -> None:
        """Body modes and failure modes go together in any way, with a second listener or without."""
        path = tmp_path / "envoy.json"
        path.write_text(
            rendered(
                EnvoyPlan(
                    listener=21001,
                    admin=21002,
                    router=21003,
                    body_mode=mode,
                    fail_open=fail_open,
                    direct=21004 if fail_open else 0,
                    health_check=not fail_open,
                )
            )
        )
        done = validated(path)

        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Everything, on free ports."""
    directory = tmp_path_factory.mktemp("stack")
    with Processes(directory) as processes:
        yield start(processes, directory)


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    """A connection to Envoy."""
    client = Client(stack.url)
    yield client
    client.close()


class TestRoutes:
    @pytest.mark.parametrize(
        "path",
        [
            "/v1/chat/completions",
            "/V1/Chat/Completions",
            "//v1/chat/completions",
            "/v1/./chat/completions/",
            "/v1;a=b/chat/completions",
        ],
    )
    def test_however_the_path_is_written_the_routers_word_counts(self, client: Client, path: str) -> None:
        """No spelling of a path gets around the decision."""
        answer = client.post(path, CODE)

        assert (answer.headers.get("x-router-decision"), answer.headers.get("x-served-by")) == ("code", "code")

    def test_escaped_slashes_are_sent_back_to_be_written_plainly(self, client: Client) -> None:
        """Envoy and a model server could read them differently."""
        answer = client.post("/v1%2Fchat/completions", CODE)

        assert (answer.status, answer.headers["location"]) == (307, "/v1/chat/completions")

    @pytest.mark.parametrize("path", ["/v1/models", "/healthz"])
    def test_other_requests_go_to_one_pool(self, client: Client, path: str) -> None:
        """A GET is for no LLM API."""
        answer = client.post(path, b"", method="GET")

        assert (answer.status, answer.headers["x-served-by"]) == (200, "small")

    @pytest.mark.parametrize("path", ["/v1/audio/speech", "/V1/Audio/Speech"])
    def test_a_post_that_the_router_does_not_know_goes_nowhere(self, client: Client, path: str) -> None:
        """Below /v1/ there is no default to fall open to."""
        answer = client.post(path, CODE)

        assert (answer.status, json.loads(answer.body)["error"]["code"]) == (503, "not_routed")

    def test_a_caller_cannot_choose_the_pool(self, client: Client) -> None:
        """What a caller says in the router's headers is gone before anything reads it."""
        forged = {"x-router-pool": "pool-large", "x-router-model": "mine", "x-router-decision": "mine", "x-router-reason": "mine"}
        answer = client.post("/v1/chat/completions", CODE, forged)
        passed = client.post("/v1/models", b"", forged, method="GET")

        assert answer.headers["x-served-by"] == "code"
        assert "mine" not in answer.headers["x-received-router-headers"]
        assert passed.headers["x-served-by"] == "small"

    def test_the_direct_listener_lets_the_caller_choose(self, stack: Stack) -> None:
        """It is there to be measured against."""
        client = Client(stack.direct_url)
        answer = client.post("/v1/chat/completions", CODE, {"x-router-pool": "pool-large"})
        client.close()

        assert answer.headers["x-served-by"] == "large"


class TestAccessLog:
    def test_tells_the_decision(self, stack: Stack, client: Client) -> None:
        """Each request has a line with what the router decided, and without what the caller wrote."""
        answer = client.post("/v1/chat/completions?key=hunter2", CODE)
        identifier = answer.headers["x-router-decision-id"]
        lines = [json.loads(line) for line in _flushed(stack, identifier) if line.startswith("{")]
        (told,) = [line for line in lines if line["decision_id"] == identifier]

        assert told["pool"] == "code"
        assert told["decision"] == "code"
        assert told["cluster"] == "pool-code"
        assert told["path"] == "/v1/chat/completions"
        assert "traceback" not in json.dumps(told)


def _flushed(stack: Stack, text: str) -> list[str]:
    """Envoy's output, once that text is in it: the log is written some time after the answer."""
    for _ in range(1200):
        output = stack.envoy.log.read_text()
        if text in output:
            return output.splitlines()
        time.sleep(0.01)
    raise AssertionError(f"{text} never came")
