"""Places: which strings of a request's body are words that somebody wrote, and not the API's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.apis.leaves import leaves
from router_extproc.definitions import is_definition, is_said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router_extproc.apis.leaves import Leaf, Path

_SPOKEN = frozenset({"messages", "system", "instructions", "input", "prompt", "suffix", "documents", "prediction"})
"""Members of the body, in all APIs, whose strings are words; definitions of tools and of the answer have some, too."""
_FREE = frozenset({"input", "arguments", "output", "results", "code", "action"})
"""Members, further in, that hold whatever a tool takes or gives: no name there is the API's."""
_VARIABLES = ("prompt", "variables")
"""Whose members' names are the caller's."""
_OWN = frozenset(
    {
        "type", "role", "id", "tool_call_id", "tool_use_id", "call_id", "item_id", "name", "status", "url", "file_url", "file_id",
        "file_data", "signature", "encrypted_content", "media_type", "mime_type", "detail", "format", "cache_control", "ttl", "phase",
        "server_label",
    }
)  # fmt: skip
"""Members that are the API's own: names, ids, addresses that a server fetches from, bytes in base64."""


def words(raw: bytes) -> Iterator[Leaf]:
    """The strings of a request's body that are words, in order."""
    return (leaf for leaf in leaves(raw) if _is_words(leaf))


def _is_words(leaf: Leaf) -> bool:
    if is_definition(leaf.path):
        return is_said(leaf.path, leaf.text)
    return is_spoken(leaf.path) and not _is_bytes(leaf)


def is_spoken(path: Path) -> bool:
    """Whether a string at that path of a body, outside of definitions, is words."""
    if path[0] not in _SPOKEN:
        return False
    for step in path[len(_VARIABLES) + 1 :] if path[:2] == _VARIABLES else path[1:]:
        if step in _FREE:
            return path[-1] != "type"
        if step in _OWN:
            return False
    return True


def _is_bytes(leaf: Leaf) -> bool:
    """Whether it is a picture or the like in base64: long, and without a space."""
    return leaf.path[-1] == "data" and b" " not in leaf.raw and len(leaf.raw) > _LONG


_LONG = 256
