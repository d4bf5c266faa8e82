"""Client: one HTTP request at a time, with timings."""

from __future__ import annotations

import contextlib
import http.client
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    milliseconds: float
    """From the first byte sent to the response's headers."""


class Client:
    """A keep-alive connection to one address."""

    def __init__(self, url: str, *, timeout_s: float = _TIMEOUT_S) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)

    def post(self, path: str, body: bytes, headers: Mapping[str, str] | None = None, *, method: str = "POST") -> Answered:
        """Send a request and read all of its answer."""
        began = time.perf_counter()
        # The answer may come before all of the body was sent: it is read below.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._connection.request(method, path, body, {"content-type": "application/json", **(headers or {})})
        response = self._connection.getresponse()
        milliseconds = (time.perf_counter() - began) * 1e3
        answer = response.read()
        told = {name.lower(): value for name, value in response.getheaders()}
        if response.will_close:
            self._connection.close()
        return Answered(response.status, told, answer, milliseconds)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def post(url: str, path: str, body: bytes, headers: Mapping[str, str] | None = None, *, method: str = "POST") -> Answered:
    """One request on a connection of its own."""
    client = Client(url)
    try:
        return client.post(path, body, headers, method=method)
    finally:
        client.close()
