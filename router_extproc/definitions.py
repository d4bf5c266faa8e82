"""Definitions: what the schemas of tools, and of the answer that is asked for, say to a model beside what a program needs of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PLACES = frozenset({("response_format",), ("text", "format"), ("output_config", "format"), ("output_format",)})
"""Where the bodies of all APIs tell the answer's form."""
_TOOLS = frozenset({"tools", "functions"})
_ELSEWHERE = frozenset({"headers", "authorization", "authorization_token", "server_url"})
"""A tool's own members that go to its server, not to the model."""
_FORMAL = frozenset(
    {
        "type", "name", "format", "pattern", "required", "$ref", "$schema", "$id", "$anchor", "$dynamicRef", "$dynamicAnchor",
        "contentEncoding", "contentMediaType", "ttl", "syntax", "server_label", "connector_id", "allowed_tools", "require_approval",
        "vector_store_ids", "container",
    }
)  # fmt: skip
"""Members whose value is a term of the format or an identifier."""
_LONGEST = 64
"""Of a name, as the APIs allow it."""

Path = tuple[str | int, ...]


def said(definition: Mapping[str, Any]) -> Iterator[str]:
    """The strings of a definition that a model reads, in order: descriptions, titles, values and whatever else is no formal term.

    Names of members count where they are no names, but sentences. Linear in its size, and without recursion.
    """
    waiting: list[tuple[str, Any]] = [("", {key: value for key, value in definition.items() if key not in _ELSEWHERE})]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, str):
            if speaks(key, value):
                yield value
        elif isinstance(value, list):
            waiting += [(key, item) for item in reversed(value)]
        elif isinstance(value, dict):
            yield from (name for name in value if not is_name(name))
            waiting += reversed(value.items())


def speaks(key: str, text: str) -> bool:
    """Whether a string under that member of a definition is more than a formal term."""
    return bool(text.strip()) and not (key in _FORMAL and is_name(text))


def is_definition(path: Path) -> bool:
    """Whether what stands at that path of a body is part of a tool's definition or of the answer's."""
    return path[0] in _TOOLS or path[:1] in _PLACES or path[:2] in _PLACES


def is_said(path: Path, text: str) -> bool:
    """Whether a string at that path of a body is among what `said` gives of its definition."""
    if path[0] in _TOOLS and len(path) > 2 and path[2] in _ELSEWHERE:  # noqa: PLR2004 - below the list and the tool
        return False
    return speaks(next((step for step in reversed(path) if isinstance(step, str)), ""), text)


def is_name(text: str) -> bool:
    """Whether it is one word of the length of a name."""
    return len(text) <= _LONGEST and len(text.split()) <= 1
