"""Rate limits through the real Envoy: what callers get, what responses settle, and what a store in trouble comes to."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from redis_server import NEEDED, RedisServer, free_port, silent_server

from router_extproc.demo.client import Answered, Client, post

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from router_extproc.demo.stack import Stack

    Connect = Callable[[Stack], Client]

pytestmark = pytest.mark.envoy

MODES = ("buffered", "streamed", "full_duplex", "none")
CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
USER = "x-user"
HEAD = f"""\
version: 1
pools:
  small: {{cluster: pool-small, price: {{input: 1, output: 1}}}}
  large: {{cluster: pool-large, price: {{input: 1, output: 1}}}}
default: small
identity: {{userHeader: {USER}, proof: none}}
requests: {{unreadableEncoding: reject}}
rateLimits:
"""


def body(**more: Any) -> bytes:
    """A request that three APIs read."""
    message = {"role": "user", "content": "Which tea is mildest?"}
    return json.dumps({"model": "auto", "messages": [message], "input": "Which tea?", "max_tokens": 50, **more}).encode()


def written(workshop: Any, name: str, *limits: str) -> Path:
    """A policy file with these limits."""
    path: Path = workshop.directory / f"limits-{name}.yaml"
    path.write_text(HEAD + "".join(f"  - {{{limit}}}\n" for limit in limits))
    return path


def statuses(client: Client, count: int, user: str, **more: Any) -> list[int]:
    """The statuses of several answers."""
    return [client.post(CHAT, body(**more), {USER: user}).status for _ in range(count)]


def admin(stack: Stack, path: str) -> str:
    """What the router tells there."""
    return post(f"http://127.0.0.1:{stack.router_admin}", path, b"", method="GET").body.decode()


@pytest.fixture(scope="module", params=MODES)
def limited(workshop: Any, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Everything, in one body mode, with limits of users."""
    path = written(
        workshop,
        request.param,
        "name: burst, per: [user], requests: 3, window: 1h",
        "name: tokens, per: [user], tokens: 200, window: 1h",
    )
    with workshop.routed(workshop.plan(body_mode=request.param), path) as running:
        yield running


class TestRefusal:
    def test_is_429_with_the_time_to_wait(self, limited: Stack, connect: Connect) -> None:
        """In the shape of the caller's API, and counted."""
        client = connect(limited)
        assert statuses(client, 3, "ada", max_tokens=1) == [200, 200, 200]
        answer = client.post(CHAT, body(), {USER: "ada"})

        assert answer.status == 429
        assert 3600 <= int(answer.headers["retry-after"]) <= 3900
        error = json.loads(answer.body)["error"]
        assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limited")
        assert "at most 3 requests within one hour" in error["message"]
        assert 'router_extproc_rate_limited_total{amount="requests",limit="burst"}' in admin(limited, "/metrics")

    @pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES])
    @pytest.mark.parametrize("stream", [False, True], ids=["json", "sse"])
    def test_has_the_shape_of_each_api(self, limited: Stack, path: str, *, stream: bool) -> None:
        """As an event where a stream was asked for."""
        user = f"{path}-{stream}"
        answers = [post(limited.url, path, body(stream=stream, max_tokens=1), {USER: user}) for _ in range(4)]

        assert [answer.status for answer in answers] == [200, 200, 200, 429]
        told = answers[3].body.decode()
        assert "rate_limit_error" in told or '"code":"rate_limited"' in told
        assert ("text/event-stream" if stream else "application/json") in answers[3].headers["content-type"]


class TestSettling:
    @pytest.mark.parametrize("stream", [False, True], ids=["json", "sse"])
    @pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES])
    def test_the_response_gives_back_what_it_did_not_take(self, limited: Stack, path: str, *, stream: bool) -> None:
        """All 200 tokens are reserved for the first; without its response the second would find none."""
        user = f"settle-{path}-{stream}"
        first = post(limited.url, path, body(stream=stream, max_tokens=5000, max_output_tokens=5000), {USER: user})
        assert first.status == 200
        for _ in range(40):
            second = post(limited.url, path, body(stream=stream, max_tokens=5000, max_output_tokens=5000), {USER: user})
            if second.status == 200:
                break
            time.sleep(0.05)

        assert second.status == 200

    def test_what_was_written_counts(self, workshop: Any, connect: Connect) -> None:
        """Nothing was reserved for an answer of unknown length."""
        path = written(workshop, "written", "name: it, tokens: 40, window: 1h")
        with workshop.routed(workshop.plan(), path) as stack:
            client = connect(stack)
            found = []
            for _ in range(8):
                found.append(client.post(CHAT, body(max_tokens=None), {}).status)
                time.sleep(0.1)

        assert found[0] == 200
        assert found[-1] == 429


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A real one."""
    server = RedisServer(tmp_path).start()
    yield server
    server.stop()


@NEEDED
class TestShared:
    def test_two_routers_grant_one_limit(self, workshop: Any, redis: RedisServer, connect: Connect) -> None:
        """Whichever of them is asked."""
        path = written(workshop, "shared", "name: it, per: [user], requests: 10, window: 1h")
        more = ("--state", redis.url, "--state-timeout-ms", "500")
        with workshop.routed(workshop.plan(), path, *more) as one, workshop.routed(workshop.plan(), path, *more) as two:
            clients = [connect(one), connect(two)]
            found = [clients[number % 2].post(CHAT, body(), {USER: "ada"}).status for number in range(16)]

            assert found == [200] * 10 + [429] * 6
            assert "router_extproc_state_up 1.0" in admin(one, "/metrics")

    def test_an_outage_and_its_end(self, workshop: Any, redis: RedisServer, connect: Connect) -> None:
        """What a process counted itself holds meanwhile; a limit that denies is a 503; both go on when the store is back."""
        path = written(
            workshop,
            "outage",
            "name: lenient, per: [user], requests: 4, window: 1h",
            "name: strict, per: [user], requests: 100, window: 1h, onUnknown: deny, when: {signal: user, is: strict}",
        )
        with workshop.routed(workshop.plan(), path, "--state", redis.url) as stack:
            client = connect(stack)
            assert statuses(client, 2, "ada") == [200, 200]
            redis.stop()
            assert statuses(client, 3, "ada") == [200, 200, 429]
            refused = client.post(CHAT, body(), {USER: "strict"})
            assert (refused.status, json.loads(refused.body)["error"]["code"]) == (503, "unknown_denied")
            until_down(stack)
            assert "[-]state: no answer" in admin(stack, "/readyz?verbose")
            told = admin(stack, "/metrics")
            assert 'router_extproc_rate_limit_unknown_total{effect="denied",limit="strict"}' in told
            assert "router_extproc_state_up 0.0" in told

            redis.start()
            for _ in range(60):
                if "[+]state ok" in admin(stack, "/readyz?verbose"):
                    break
                time.sleep(0.1)
            assert "[+]state ok" in admin(stack, "/readyz?verbose")
            assert client.post(CHAT, body(), {USER: "strict"}).status == 200


def until_down(stack: Stack) -> None:
    """Wait until the router knows."""
    for _ in range(40):
        if "[-]state" in admin(stack, "/readyz?verbose"):
            return
        post(stack.url, CHAT, body(), {USER: "somebody"})
        time.sleep(0.05)


def timed(client: Client, count: int, user: str) -> list[Answered]:
    """Several answers with their times."""
    return [client.post(CHAT, body(), {USER: user}) for _ in range(count)]


class TestTrouble:
    LIMITS = (
        "name: lenient, per: [user], requests: 4, window: 1h",
        "name: strict, per: [user], requests: 100, window: 1h, onUnknown: deny, when: {signal: user, is: strict}",
    )

    def check(self, stack: Stack, client: Client, why: str) -> None:
        """It is ready, limits hold, and no request waits."""
        answers = timed(client, 6, "ada")
        assert [answer.status for answer in answers] == [200, 200, 200, 200, 429, 429]
        assert max(answer.milliseconds for answer in answers[3:]) < 150
        assert client.post(CHAT, body(), {USER: "strict"}).status == 503
        assert f"[-]state: no answer ({why})" in admin(stack, "/readyz?verbose")
        assert admin(stack, "/readyz") == "ready\n"
        assert f'router_extproc_state_failures_total{{reason="{why}"}}' in admin(stack, "/metrics")

    def test_no_store_from_the_start(self, workshop: Any, connect: Connect) -> None:
        """The router starts all the same."""
        path = written(workshop, "none-there", *self.LIMITS)
        with workshop.routed(workshop.plan(), path, "--state", f"redis://127.0.0.1:{free_port()}/0") as stack:
            self.check(stack, connect(stack), "connection")

    def test_a_store_that_says_nothing(self, workshop: Any, connect: Connect) -> None:
        """It is given its milliseconds and no more."""
        path = written(workshop, "silent", *self.LIMITS)
        with silent_server() as port, workshop.routed(workshop.plan(), path, "--state", f"redis://127.0.0.1:{port}/0") as stack:
            self.check(stack, connect(stack), "timeout")

    @NEEDED
    def test_a_store_that_refuses_the_password(
        self, workshop: Any, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The password is in no log."""
        server = RedisServer(tmp_path, password="right").start()  # noqa: S106 - of this test
        monkeypatch.setenv("ROUTER_EXTPROC_STATE_PASSWORD", "wrong-and-secret")
        path = written(workshop, "refused", *self.LIMITS)
        try:
            with workshop.routed(workshop.plan(), path, "--state", server.url) as stack:
                self.check(stack, connect(stack), "credentials")
                assert "wrong-and-secret" not in stack.router.log.read_text()
                assert "does not answer (credentials)" in stack.router.log.read_text()
        finally:
            server.stop()

    @NEEDED
    def test_a_store_with_the_right_password_from_a_file(self, workshop: Any, connect: Connect, tmp_path: Path) -> None:
        """As a mounted secret."""
        server = RedisServer(tmp_path, password="right").start()  # noqa: S106 - of this test
        (tmp_path / "state").write_text(server.url.replace("//", "//:right@") + "\n")
        path = written(workshop, "granted", *self.LIMITS)
        try:
            with workshop.routed(workshop.plan(), path, "--state-file", str(tmp_path / "state")) as stack:
                assert statuses(connect(stack), 1, "strict") == [200]
                assert "[+]state ok" in admin(stack, "/readyz?verbose")
        finally:
            server.stop()
