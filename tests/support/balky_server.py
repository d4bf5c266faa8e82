"""A model server that first refuses so many requests, or takes its time: no real one does so on demand."""

from __future__ import annotations

import argparse
import itertools
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_ANSWER = b'{"object": "chat.completion", "choices": [{"message": {"role": "assistant", "content": "Yes."}}]}'


def serve(address: str, port: int, *, refuse: int, delay_s: float) -> None:
    """Answer until killed: GET at once, POST after `delay_s`, the first `refuse` of them with 503. Each tells the requests so far."""
    numbers = itertools.count(1)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(200, 0)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            number = next(numbers)
            time.sleep(delay_s)
            self._answer(503 if number <= refuse else 200, number)

        def _answer(self, status: int, number: int) -> None:
            self.send_response(status)
            self.send_header("x-served-by", f"{address} after {number}")
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(_ANSWER)))
            self.end_headers()
            self.wfile.write(_ANSWER)

    ThreadingHTTPServer((address, port), Handler).serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("--refuse", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.0)
    given = parser.parse_args()
    serve(given.address, given.port, refuse=given.refuse, delay_s=given.delay)
