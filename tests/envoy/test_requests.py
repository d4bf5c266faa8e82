"""Requests through the real Envoy: what reaches the model server, byte for byte, in every body mode."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.demo.client import Client, post

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router_extproc.demo.stack import Stack

pytestmark = pytest.mark.envoy

MODES = ("buffered", "streamed", "full_duplex", "none")
PATH = "/v1/chat/completions"
ODD = b'{ "temperature" : 1.50,\n\t"model":"auto" , "messages":[{"role":"user","content":"caf\\u00e9 \xc3\xa9"}],"seed":1e2 }'


def chat(text: str = "Which tea is mildest?", model: str = "auto", **more: Any) -> bytes:
    """A chat body."""
    return json.dumps({"model": model, "messages": [{"role": "user", "content": text}], **more}).encode()


def sha(body: bytes) -> str:
    """As the model server tells it."""
    return hashlib.sha256(body).hexdigest()


@pytest.fixture(scope="module", params=MODES)
def stack(workshop: Any, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Everything, in one body mode."""
    with workshop.routed(workshop.plan(body_mode=request.param)) as running:
        yield running


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    """A connection to Envoy."""
    made = Client(stack.url)
    yield made
    made.close()


class TestBodies:
    def test_change_only_in_the_model(self, client: Client) -> None:
        """White space, key order, escapes and number forms reach the server as they were."""
        answer = client.post(PATH, ODD)

        assert answer.status == 200
        assert answer.headers["x-body-sha256"] == sha(ODD.replace(b'"auto"', b'"qwen3-8b"'))

    def test_stay_as_they_are_without_an_edit(self, client: Client) -> None:
        """A compressed body whose model is the pool's own is not even unpacked on its way."""
        body = gzip.compress(chat(model="qwen3-8b"))

        answer = client.post(PATH, body, {"content-encoding": "gzip"})

        assert answer.headers["x-body-sha256"] == sha(body)
        assert answer.headers["x-received-encoding"] == "gzip"

    def test_are_sent_plain_if_they_were_compressed_and_edited(self, client: Client) -> None:
        """The headers must describe the new body."""
        body = chat()

        answer = client.post(PATH, gzip.compress(body), {"content-encoding": "gzip"})

        assert answer.headers["x-body-sha256"] == sha(body.replace(b'"auto"', b'"qwen3-8b"'))
        assert answer.headers["x-received-encoding"] == ""

    def test_in_chunks_without_a_length(self, stack: Stack) -> None:
        """As many client libraries send them."""
        body = chat("x " * 40_000)
        connection = http.client.HTTPConnection("127.0.0.1", stack.plan.listener, timeout=20)
        pieces = [body[start : start + 7001] for start in range(0, len(body), 7001)]

        connection.request("POST", PATH, iter(pieces), {"content-type": "application/json"}, encode_chunked=True)
        answer = connection.getresponse()

        assert answer.status == 200
        assert answer.headers["x-body-bytes"] == str(len(body) + len("qwen3-8b") - len("auto"))
        connection.close()

    def test_in_no_chunk_at_all(self, stack: Stack) -> None:
        """Chunked, and empty."""
        connection = http.client.HTTPConnection("127.0.0.1", stack.plan.listener, timeout=20)
        connection.request("POST", PATH, iter([]), {"content-type": "application/json"}, encode_chunked=True)

        assert connection.getresponse().status == 400
        connection.close()

    def test_of_twenty_megabytes_are_refused(self, client: Client, stack: Stack) -> None:
        """And the next request on the same Envoy is served."""
        assert client.post(PATH, chat("x" * 20_000_000)).status == 413

        assert post(stack.url, PATH, chat()).status == 200

    def test_with_trailers(self, stack: Stack) -> None:
        """The end of the body comes in another message then."""
        import socket  # noqa: PLC0415 - only here

        body = chat()
        with socket.create_connection(("127.0.0.1", stack.plan.listener), timeout=20) as connection:
            head = f"POST {PATH} HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\nte: trailers\r\n\r\n"
            chunk = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\nx-checksum: abc\r\n\r\n"
            connection.sendall(head.encode() + chunk)
            first = connection.recv(65536)

        assert first.startswith(b"HTTP/1.1 200")

    def test_other_paths_pass(self, client: Client) -> None:
        """An upload to another path goes through as it is."""
        body = bytes(range(256)) * 1000

        answer = client.post("/upload", body)

        assert answer.headers["x-body-sha256"] == sha(body)
        assert json.loads(answer.headers["x-received-router-headers"]) == {}

    def test_gets_pass(self, client: Client) -> None:
        """The list of models is the model server's."""
        assert client.post("/v1/models", b"", method="GET").status == 200


class TestForgery:
    def test_a_forged_pool_never_wins(self, client: Client) -> None:
        """Nor any other header of the router's."""
        forged = {"x-router-pool": "pool-large", "x-router-decision": "mine", "x-router-model": "mine", "x-router-reason": "mine"}

        answer = client.post(PATH, chat(), forged)

        told = json.loads(answer.headers["x-received-router-headers"])
        assert answer.headers["x-served-by"] == "small"
        assert told["x-router-pool"] == "pool-small"
        assert "mine" not in told.values()

    @pytest.mark.parametrize("path", ["/upload", "/v1/models"])
    def test_nor_on_paths_that_are_not_routed(self, client: Client, path: str) -> None:
        """The header is gone before any route is chosen."""
        answer = client.post(path, b"", {"x-router-pool": "pool-large"}, method="GET")

        assert json.loads(answer.headers.get("x-received-router-headers", "{}")) == {}
        assert answer.headers["x-served-by"] == "small"

    @pytest.mark.parametrize(
        "path",
        [
            pytest.param("//v1/chat/completions", id="double slash"),
            pytest.param("/v1/./chat/completions", id="dot"),
            pytest.param("/v1/x/../chat/completions", id="dots"),
            pytest.param("/v1/chat/completions/", id="slash at the end"),
            pytest.param("/v1/chat%2Fcompletions", id="escaped slash"),
            pytest.param("/v1/%63hat/completions", id="escaped letter"),
            pytest.param("/V1/Chat/Completions", id="capitals"),
        ],
    )
    def test_another_spelling_of_the_path_meets_the_same_guard(self, client: Client, path: str) -> None:
        """A path that a lenient server would still understand must not go around the policy."""
        answer = client.post(path, chat("Is AKIAIOSFODNN7EXAMPLE a good key?"))

        assert answer.status in {403, 307}
        assert "x-served-by" not in answer.headers


class TestParsersThatDiffer:
    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(
                b'{"model":"auto","messages":[{"role":"user","content":"a","content":"AKIAIOSFODNN7EXAMPLE"}]}', id="key twice"
            ),
            pytest.param(
                b'{"model":"auto","messages":[{"role":"user","content":"a","\\u0063ontent":"b"}]}', id="key twice, escaped"
            ),
            pytest.param(b'{"model":"auto","Messages":[],"messages":[]}', id="key in capitals"),
            pytest.param(b'{"model":"auto","messages":[{"role":"user","content":"\xc0\xaf"}]}', id="overlong UTF-8"),
            pytest.param(b'{"model":"auto","messages":[{"role":"user","content":"\\udc00\\ud800"}]}', id="surrogates"),
            pytest.param(b'{"model":"auto","messages":[],"n":Infinity}', id="infinity"),
            pytest.param(b'{"model":"auto","messages":[],"n":1e999}', id="beyond a double"),
            pytest.param(b'\xef\xbb\xbf{"model":"auto","messages":[]}', id="byte order mark"),
            pytest.param(b'{"model":"auto","messages":[]}{"model":"x"}', id="two documents"),
            pytest.param(b'{"model":"auto","messages":[],}', id="comma at the end"),
            pytest.param(b"{'model':'auto'}", id="single quotes"),
            pytest.param(b'{"model":"auto"/*x*/,"messages":[]}', id="comment"),
            pytest.param(b'{"x":' * 100 + b"1" + b"}" * 100, id="depth"),
        ],
    )
    def test_get_a_400_in_the_apis_shape(self, client: Client, body: bytes) -> None:
        """Before a guard reads one thing and the model server another."""
        answer = client.post(PATH, body)

        assert answer.status == 400
        assert json.loads(answer.body)["error"]["type"] == "invalid_request_error"
        assert "x-served-by" not in answer.headers


class TestManyAtOnce:
    def test_do_not_touch_each_other(self, stack: Stack) -> None:
        """Good, bad and broken requests, 24 connections, one Envoy."""
        wrong: list[str] = []

        def work(number: int) -> None:
            client = Client(stack.url)
            for turn in range(12):
                text = f"Tell me about the number {number * 100 + turn}."
                body = chat(text) if turn % 3 else b'{"broken'
                answer = client.post(PATH, body)
                expected = 200 if turn % 3 else 400
                good = answer.status == expected and (
                    expected == 400 or answer.headers["x-body-sha256"] == sha(body.replace(b'"auto"', b'"qwen3-8b"'))
                )
                if not good:
                    wrong.append(f"{number}/{turn}: {answer.status}")
            client.close()

        threads = [threading.Thread(target=work, args=(number,)) for number in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert wrong == []

    def test_a_caller_who_goes_away_is_nobody_elses_matter(self, stack: Stack) -> None:
        """In the middle of the body."""
        import socket  # noqa: PLC0415 - only here

        for _ in range(5):
            with socket.create_connection(("127.0.0.1", stack.plan.listener), timeout=5) as connection:
                connection.sendall(f"POST {PATH} HTTP/1.1\r\nhost: t\r\ncontent-length: 100000\r\n\r\n".encode() + b"{" * 1000)

        assert post(stack.url, PATH, chat()).status == 200
