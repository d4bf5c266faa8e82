"""The demo's client: one request at a time, every answer read."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from router_extproc.demo.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def peer() -> Iterator[Callable[..., str]]:
    """Starts a server that gives each connection one of these answers after its first bytes came; gives its address."""
    threads: list[threading.Thread] = []

    def start(*answers: bytes) -> str:
        server = socket.create_server(("127.0.0.1", 0))

        def serve() -> None:
            with server:
                for answer in answers:
                    connection, _ = server.accept()
                    with connection:
                        connection.recv(65536)
                        connection.sendall(answer)
                        connection.shutdown(socket.SHUT_WR)
                        while connection.recv(65536):
                            pass

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        return f"http://127.0.0.1:{server.getsockname()[1]}"

    yield start
    for thread in threads:
        thread.join()


class TestPost:
    def test_gives_status_headers_body_and_time(self, peer: Callable[..., str]) -> None:
        """Names of headers are in small letters."""
        client = Client(peer(b"HTTP/1.1 201 Created\r\nX-Served-By: small\r\nContent-Length: 2\r\n\r\nok"))
        answer = client.post("/", b"{}")
        client.close()

        assert (answer.status, answer.headers["x-served-by"], answer.body) == (201, "small", b"ok")
        assert answer.milliseconds > 0

    def test_goes_on_after_a_closed_connection(self, peer: Callable[..., str]) -> None:
        """A server may close after each answer."""
        closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n"
        client = Client(peer(closing + b"a", closing + b"b"))
        bodies = [client.post("/", b"{}").body for _ in range(2)]
        client.close()

        assert bodies == [b"a", b"b"]

    def test_reads_an_answer_that_came_before_all_was_sent(self, peer: Callable[..., str]) -> None:
        """A 413 does not wait for the end of the upload."""
        client = Client(peer(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"))
        answer = client.post("/", b"a" * 20_000_000)
        client.close()

        assert answer.status == 413
