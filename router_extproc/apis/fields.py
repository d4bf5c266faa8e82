"""Fields: values of a body, checked for their type. A wrong one is refused by name, as the APIs do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from router_extproc.apis.edits import encode
from router_extproc.errors import RequestRefusedError
from router_extproc.request import Tool
from router_extproc.routing import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

Body = dict[str, Any]

_MAX_SCALAR = 256


def refuse(param: str, expected: str) -> NoReturn:
    """Raise RequestRefusedError(WRONG_SHAPE) about that field."""
    raise RequestRefusedError(Reason.WRONG_SHAPE, f"Invalid type for '{param}': expected {expected}.", param=param)


def text(body: Body, key: str) -> str:
    """A string; empty where it is left out or null."""
    value = body.get(key)
    if value is None:
        return ""
    if type(value) is not str:
        refuse(key, "a string")
    return value


def flag(body: Body, key: str) -> bool:
    """A boolean; False where it is left out or null."""
    value = body.get(key)
    if value is None:
        return False
    if type(value) is not bool:
        refuse(key, "a boolean")
    return value


def count(body: Body, *keys: str) -> int | None:
    """The first of these that is given (`64.0` is an integer, too); None where all are left out or null.

    All are looked at: a model server may read another one first.
    """
    found = None
    for key in keys:
        value = body.get(key)
        if value is None:
            continue
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is not int:
            refuse(key, "an integer")
        found = value if found is None else found
    return found


def items(body: Body, key: str) -> list[Any]:
    """A list; empty where it is left out or null."""
    value = body.get(key)
    if value is None:
        return []
    if type(value) is not list:
        refuse(key, "an array")
    return value


def section(body: Body, key: str) -> Body:
    """An object; empty where it is left out, null or (some clients) of another type."""
    value = body.get(key)
    return value if type(value) is dict else {}


def scalars(body: Body, known: frozenset[str]) -> Mapping[str, str | int | float | bool | None]:
    """Top-level values that are no containers, but for the known ones and for long text."""
    return {
        key: value
        for key, value in body.items()
        if key not in known and not isinstance(value, dict | list) and not (isinstance(value, str) and len(value) > _MAX_SCALAR)
    }


def metadata(body: Body) -> Mapping[str, str]:
    """The body's own `metadata`, where it maps strings to strings."""
    given = body.get("metadata")
    return {key: value for key, value in given.items() if isinstance(value, str)} if type(given) is dict else {}


def tools(body: Body) -> tuple[Tool, ...]:
    """The tools that the caller defines, in any API's spelling."""
    listed = items(body, "tools") + items(body, "functions")
    return tuple([_tool(item) for item in listed if isinstance(item, dict)])


def _tool(item: Body) -> Tool:
    inner = item.get("function") or item.get("custom")
    definition = inner if isinstance(inner, dict) else item
    name = definition.get("name") or definition.get("type") or ""
    description = definition.get("description") or ""
    return Tool(str(name)[:_MAX_SCALAR], str(description), len(encode(definition)), item)
