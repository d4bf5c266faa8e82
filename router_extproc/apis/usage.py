"""Usage: what responses say about tokens, in the spellings of all APIs."""

from __future__ import annotations

from typing import Any

import msgspec

from router_extproc.apis.api import ResponseFacts

NOTHING = ResponseFacts()
MAX_TOKENS = 1_000_000_000
"""Of one request or answer. More is not believed: a made-up figure would spend budgets, and bend means for hours."""
MAX_ID = 512
"""Characters of a response's id; a longer one is not remembered."""


def decoded(body: bytes) -> dict[str, Any]:
    """A JSON object, or an empty one if it is none: what a model server sends must not break the router."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def facts(
    usage: Any, *, finish_reason: Any = "", has_output: bool = False, done: bool = False, response_id: Any = ""
) -> ResponseFacts:
    """The facts of a `usage` object, which may be missing."""
    usage = usage if isinstance(usage, dict) else {}
    details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else None
    read, written = _count(usage.get("cache_read_input_tokens")), _count(usage.get("cache_creation_input_tokens"))
    inputs = _count(usage.get("prompt_tokens", usage.get("input_tokens")))
    if inputs is not None:
        # Anthropic does not count cached tokens as input tokens; the others do, and have no such fields.
        inputs += (read or 0) + (written or 0)
    return ResponseFacts(
        input_tokens=inputs,
        output_tokens=_count(usage.get("completion_tokens", usage.get("output_tokens"))),
        cached_tokens=read if cached is None else cached,
        finish_reason=finish_reason[:40] if isinstance(finish_reason, str) else "",
        has_output=has_output,
        done=done,
        response_id=response_id if isinstance(response_id, str) and len(response_id) <= MAX_ID else "",
    )


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= MAX_TOKENS else None
