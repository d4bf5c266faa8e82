"""Reader: JSON that every parser in the world reads the same way, or a refusal.

A guard that reads the first of two equal keys, before a model server that reads the last, guards nothing. So whatever parsers are known to
disagree about (RFC 8259 leaves it open) is refused.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from router_extproc.apis.api import Document
from router_extproc.errors import RequestRefusedError
from router_extproc.routing import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable

_decode = msgspec.json.Decoder().decode

_CASED = frozenset(
    [
        "model",
        "messages",
        "role",
        "content",
        "text",
        "type",
        "input",
        "system",
        "instructions",
        "prompt",
        "stream",
        "tools",
        "tool_choice",
        "user",
        "metadata",
        "max_tokens",
        "max_completion_tokens",
        "max_output_tokens",
        "n",
        "name",
        "image_url",
        "input_text",
    ]
)
"""Field names that some servers (Go's encoding/json among them) accept in any letter case."""
_LISTS = ("messages", "input", "system", "content")


class _Duplicate(Exception):  # noqa: N818 - control flow inside this module
    """An object has one key twice."""


class _NotFinite(Exception):  # noqa: N818 - as above
    """NaN, Infinity or -Infinity."""


def read(body: bytes, *, max_depth: int) -> Document:
    """The body as a JSON object. Raises RequestRefusedError, whose message never quotes the body."""
    if body.startswith(b"\xef\xbb\xbf"):
        _refuse(Reason.BYTE_ORDER_MARK, "The request body begins with a byte order mark.")
    try:
        value = _decode(body)
    except RecursionError:
        _too_deep(max_depth)
    except (msgspec.DecodeError, UnicodeDecodeError):
        _refuse_unreadable(body, max_depth)
    if not isinstance(value, dict):
        _refuse(Reason.WRONG_SHAPE, "The request body must be a JSON object.")
    _check_keys(body, max_depth)
    # Brackets inside strings are counted too, so this can only err on the side of looking closer.
    if body.count(b"{") + body.count(b"[") > max_depth:
        _check_depth(value, max_depth)
    _check_case(value)
    return Document(body, value)


def _check_keys(body: bytes, max_depth: int) -> None:
    try:
        json.loads(body, object_pairs_hook=_unique, parse_constant=_constant)
    except _Duplicate:
        _refuse(Reason.DUPLICATE_KEY, "The request body has an object in which one key stands twice.")
    except _NotFinite:
        _refuse(Reason.NON_FINITE_NUMBER, "The request body has a number that is not finite.")
    except RecursionError:
        _too_deep(max_depth)
    except ValueError:
        _refuse(Reason.MALFORMED_JSON, "The request body is not valid JSON.")


def _unique(pairs: list[tuple[str, Any]]) -> None:
    if len(pairs) > 1 and len(dict(pairs)) != len(pairs):
        raise _Duplicate


def _constant(_name: str) -> NoReturn:
    raise _NotFinite


def _check_depth(value: dict[str, Any], max_depth: int) -> None:
    """Walk level by level: recursion would be the attacker's."""
    level: list[Any] = [value]
    for _ in range(max_depth):
        level = [child for node in level for child in _children(node) if isinstance(child, dict | list)]
        if not level:
            return
    _too_deep(max_depth)


def _children(node: Any) -> Iterable[Any]:
    return node.values() if isinstance(node, dict) else node


def _check_case(value: dict[str, Any]) -> None:
    """Refuse field names in other letters than the API's, at the levels that models read; tool schemas may name what they like."""
    level: list[Any] = [value]
    while level:
        deeper: list[Any] = []
        for node in level:
            if not isinstance(node, dict):
                continue
            for key, child in node.items():
                if key not in _CASED and key.lower() in _CASED:
                    _refuse(Reason.DUPLICATE_KEY, f"The field {key.lower()!r} is written in other letters than the API's.")
                if key in _LISTS and isinstance(child, list):
                    deeper += child
        level = deeper


def _refuse_unreadable(body: bytes, max_depth: int) -> NoReturn:
    """Find out, for the error's sake, why the decoder refused the body."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        _refuse(Reason.INVALID_UTF8, "The request body is not valid UTF-8.")
    try:
        json.loads(text, parse_constant=_constant)
    except _NotFinite:
        _refuse(Reason.NON_FINITE_NUMBER, "The request body has a number that is not finite.")
    except RecursionError:
        _too_deep(max_depth)
    except ValueError as error:
        place = f" (at byte {len(text[: error.pos].encode())})" if isinstance(error, json.JSONDecodeError) else ""
        _refuse(Reason.MALFORMED_JSON, f"The request body is not valid JSON{place}.")
    if "\\ud" in text.lower():
        _refuse(Reason.LONE_SURROGATE, "The request body has half a surrogate pair in a string.")
    _refuse(Reason.NON_FINITE_NUMBER, "The request body has a number that no double can hold.")


def _too_deep(max_depth: int) -> NoReturn:
    _refuse(Reason.TOO_DEEP, f"The request body is nested deeper than {max_depth} levels.")


def _refuse(reason: Reason, message: str) -> NoReturn:
    raise RequestRefusedError(reason, message)
