"""Content: what one message holds, in the spellings of all APIs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from router_extproc.apis.fields import refuse
from router_extproc.request import Part, PartKind, Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TEXT, _OTHER = PartKind.TEXT, PartKind.OTHER

_KINDS = {
    "text": _TEXT,
    "input_text": _TEXT,
    "output_text": _TEXT,
    "refusal": _TEXT,
    "image_url": PartKind.IMAGE,
    "input_image": PartKind.IMAGE,
    "image": PartKind.IMAGE,
    "image_file": PartKind.IMAGE,
    "input_audio": PartKind.AUDIO,
    "audio_url": PartKind.AUDIO,
    "audio": PartKind.AUDIO,
    "file": PartKind.FILE,
    "input_file": PartKind.FILE,
    "document": PartKind.FILE,
    "tool_use": PartKind.TOOL_CALL,
    "server_tool_use": PartKind.TOOL_CALL,
    "mcp_tool_use": PartKind.TOOL_CALL,
    "tool_result": PartKind.TOOL_RESULT,
    "mcp_tool_result": PartKind.TOOL_RESULT,
    "search_result": PartKind.TOOL_RESULT,
    "web_search_tool_result": PartKind.TOOL_RESULT,
    "web_fetch_tool_result": PartKind.TOOL_RESULT,
    "code_execution_tool_result": PartKind.TOOL_RESULT,
    "bash_code_execution_tool_result": PartKind.TOOL_RESULT,
    "text_editor_code_execution_tool_result": PartKind.TOOL_RESULT,
    "thinking": PartKind.REASONING,
    "redacted_thinking": PartKind.REASONING,
    "reasoning": PartKind.REASONING,
    "reasoning_text": PartKind.REASONING,
    "summary_text": PartKind.REASONING,
}

_MEDIA_KINDS = frozenset({PartKind.IMAGE, PartKind.AUDIO, PartKind.FILE})
_MEDIA = frozenset(name for name, kind in _KINDS.items() if kind in _MEDIA_KINDS)

ROLES: dict[str, Role] = {**{str(role): role for role in Role}, "function": Role.TOOL, "model": Role.ASSISTANT}


def role(name: Any, where: str) -> Role:
    """The role of that name; a role that no API has is refused, because it is not known whose words it carries."""
    known = ROLES.get(name) if isinstance(name, str) else None
    if known is None:
        refuse(where, f"one of {', '.join(ROLES)}")
    return known


def parts(content: Any, where: str) -> tuple[Part, ...]:
    """A message's content: text, a list of parts, or nothing. `where` names it in a refusal."""
    if type(content) is str:
        return (Part(_TEXT, content),)
    if content is None:
        return ()
    if type(content) is dict:
        content = [content]
    if type(content) is not list:
        refuse(where, "a string or an array")
    return tuple(_flat(content, where))


def _flat(content: list[Any], where: str) -> Iterator[Part]:
    for item in content:
        if type(item) is str:
            yield Part(_TEXT, item)
        elif type(item) is dict:
            yield from _part(item, where)
        else:
            refuse(where, "strings or objects in the array")


def _part(item: dict[str, Any], where: str) -> Iterable[Part]:
    kind = _KINDS.get(str(item.get("type") or _guessed(item)), _OTHER)
    if kind is _TEXT:
        value = item.get("text", item.get("refusal", ""))
        if type(value) is not str:
            refuse(where, "a string as text")
        return (Part(_TEXT, value),)
    if kind is PartKind.TOOL_CALL:
        return (Part(kind, strings(item.get("input")), str(item.get("name", ""))),)
    if kind is PartKind.TOOL_RESULT:
        words = "\n".join(filter(None, (str(item.get("title") or ""), result_text(item.get("content")))))
        failed = item.get("is_error") is True
        return (Part(kind, words, str(item.get("tool_use_id", "")), failed), *media(item.get("content")))
    if kind is PartKind.REASONING:
        return (Part(kind, str(item.get("thinking") or item.get("text") or "")),)
    if kind is PartKind.FILE:
        return (Part(kind), *_document(item))
    return (Part(kind),)


def _guessed(item: dict[str, Any]) -> str:
    """The type of a part that names none: some servers go by the field that holds its content."""
    return next((key for key in ("text", "image_url", "input_audio", "audio_url", "file") if key in item), "text")


def _document(item: dict[str, Any]) -> Iterable[Part]:
    """The text of a document that carries it as text: the model reads it, so guards must."""
    source = item.get("source")
    if not isinstance(source, dict):
        return ()
    told = [item.get("title"), item.get("context")]
    if source.get("type") == "text":
        told.append(source.get("data"))
    elif source.get("type") == "content":
        told.append(result_text(source.get("content")))
    words = "\n".join(word for word in told if word and isinstance(word, str))
    return (Part(PartKind.TOOL_RESULT, words),) if words else ()


def media(content: Any) -> Iterable[Part]:
    """Pictures and the like inside a tool's result."""
    if not isinstance(content, list):
        return ()
    kinds = (_KINDS.get(str(item.get("type"))) for item in content if isinstance(item, dict))
    return [Part(kind) for kind in kinds if kind in _MEDIA_KINDS]


def result_text(content: Any) -> str:
    """The text of a tool's result, whatever its form."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(filter(None, (_result_part(item) for item in content)))
    return strings(content)


def _result_part(item: Any) -> str:
    if isinstance(item, str):
        return item
    if not isinstance(item, dict):
        return ""
    if str(item.get("type")) in _MEDIA:
        return "\n".join(part.text for part in _document(item))
    told = [item.get("title"), item.get("text"), result_text(item.get("content"))]
    return "\n".join(word for word in told if word and isinstance(word, str)) or strings(item)


def strings(value: Any) -> str:
    """A tool call's arguments as text: strings as they are, objects by their strings' content."""
    if isinstance(value, str):
        return value
    found: list[str] = []
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            stack += reversed(list(node.values()))
        elif isinstance(node, list):
            stack += reversed(node)
        elif isinstance(node, str):
            found.append(node)
    return "\n".join(found)
