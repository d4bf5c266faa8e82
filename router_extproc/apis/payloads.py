"""Payloads: the pieces of which answers of our own are made."""

from __future__ import annotations

from typing import Any

import msgspec

from router_extproc.apis.api import Payload

_JSON = "application/json"
_SSE = "text/event-stream"
_encode = msgspec.json.encode


def json(value: Any) -> Payload:
    """A JSON body."""
    return Payload(_JSON, _encode(value))


def events(*values: tuple[str, Any], done: bool) -> Payload:
    """An SSE stream of (event type, data). `done` ends it with OpenAI's `[DONE]`."""
    parts = [(f"event: {name}\n".encode() if name else b"") + b"data: " + _encode(value) + b"\n\n" for name, value in values]
    if done:
        parts.append(b"data: [DONE]\n\n")
    return Payload(_SSE, b"".join(parts))


def openai_error(status: int, message: str, code: str, param: str | None) -> dict[str, Any]:
    """OpenAI's error object."""
    return {"error": {"message": message, "type": _openai_type(status), "param": param, "code": code}}


def _openai_type(status: int) -> str:
    kinds = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
    return kinds.get(status, "server_error" if status >= 500 else "invalid_request_error")  # noqa: PLR2004 - HTTP's own border


def word_count(text: str) -> int:
    """About the tokens of a canned answer, for its usage object: words, which is what the router can tell without a tokenizer."""
    return len(text.split())
