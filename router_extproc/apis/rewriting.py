"""Rewriting: what the edits of an outcome come to in the fields of a body, as far as the APIs agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

from router_extproc.apis.edits import changed, elements, encode, value_of, with_element
from router_extproc.routing import SystemMode

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from router_extproc.apis.fields import Body
    from router_extproc.routing import BodyEdits, SystemEdit

Changes = dict[str, bytes | None]

_JOIN = "\n\n"


def plain_changes(body: Mapping[str, Any], edits: BodyEdits, spellings: Mapping[str, tuple[str, ...]]) -> Changes:
    """Model, blocked fields and caps. `spellings`: an API's fields by neutral name, the preferred one first."""
    changes: Changes = {field: None for field in edits.blocked if field in body}
    if edits.model is not None:
        changes["model"] = encode(edits.model)
    for name, cap in edits.caps.items():
        fields = spellings.get(name, ())
        allowed = [field for field in fields if field not in edits.blocked]
        given = [field for field in allowed if body.get(field) is not None]
        for field in given:
            if not _within(body[field], cap):
                changes[field] = encode(cap)
        if allowed and not given and name == "max_output_tokens":
            changes[allowed[0]] = encode(cap)
    return changes


def _within(value: Any, cap: int) -> bool:
    # To several servers a negative number means: without limit.
    return _is_limit(value) and value <= cap


def token_limit(body: Body, edits: BodyEdits, fields: tuple[str, ...]) -> int | None:
    """The output tokens that the edited body allows, or None if it sets no limit."""
    given = (body.get(field) for field in fields if field not in edits.blocked)
    limits = [int(limit) for limit in (*given, edits.caps.get("max_output_tokens")) if _is_limit(limit)]
    return min(limits, default=None)


def _is_limit(value: Any) -> TypeGuard[int | float]:
    return type(value) in {int, float} and value >= 0


def effort_changes(raw: bytes, edits: BodyEdits, *, openai: str, limit: int | None) -> Changes:
    """The field that sets reasoning effort. `openai` is this API's field for OpenAI-like models; `limit`: see token_limit."""
    effort, family = edits.reasoning_effort, edits.reasoning_family
    if not effort:
        return {}
    thinks = effort not in {"none", "minimal"}
    if family in {"qwen", "deepseek"}:
        name = "enable_thinking" if family == "qwen" else "thinking"
        return {"chat_template_kwargs": _with(value_of(raw, "chat_template_kwargs"), name, encode(thinks))}
    if family == "anthropic":
        return {"thinking": thinking_budget(_BUDGETS.get(effort, 0), limit)}
    if family in {"openai", "gpt-oss"} and openai:
        # gpt-oss knows low, medium and high only.
        word = "low" if family == "gpt-oss" and not thinks else effort
        if openai == "reasoning":
            return {"reasoning": _with(value_of(raw, "reasoning"), "effort", encode(word))}
        return {openai: encode(word)}
    return {}


_BUDGETS = {"low": 2048, "medium": 8192, "high": 16384}
_LEAST_BUDGET = 1024


def thinking_budget(budget: int, limit: int | None) -> bytes:
    """Anthropic's extended thinking: a budget of at least 1,024 tokens that stays below max_tokens."""
    if limit is not None:
        budget = min(budget, limit - 1)
    return encode({"type": "enabled", "budget_tokens": budget}) if budget >= _LEAST_BUDGET else encode({"type": "disabled"})


def _with(raw: bytes | None, key: str, value: bytes) -> bytes:
    """An object with one member set; a missing object is made."""
    if raw is None or not raw.startswith(b"{"):
        raw = b"{}"
    return changed(raw, {key: value})


def joined(raw: bytes | None, edit: SystemEdit, part: Mapping[str, str]) -> bytes:
    """Content (a JSON string, an array of parts, or None) with the policy's text before, after or instead of it."""
    text = edit.text
    if raw is None or raw == b"null" or edit.mode is SystemMode.REPLACE:
        return encode(text)
    if raw.startswith(b"{"):
        # Some clients send a lone part without its array.
        raw = b"[" + raw + b"]"
    if raw.startswith(b"["):
        piece = encode({**part, "text": text})
        return with_element(raw, piece, at=0 if edit.mode is SystemMode.PREPEND else len(elements(raw)))
    if edit.mode is SystemMode.PREPEND:
        return encode(text + _JOIN)[:-1] + raw[1:]
    return raw[:-1] + encode(_JOIN + text)[1:]


def with_system_message(raw: bytes | None, roles: list[str], edits: Iterable[SystemEdit]) -> bytes:
    """A `messages` array with the system prompt edited. `roles` are those of its elements, in order."""
    raw = raw if raw is not None and roles else b"[]"
    for edit in edits:
        places = [index for index, role in enumerate(roles) if role in {"system", "developer"}]
        if not places:
            raw = with_element(raw, encode({"role": "system", "content": edit.text}), at=0)
            roles = ["system", *roles]
            continue
        if edit.mode is SystemMode.REPLACE:
            raw = without(raw, places[1:])
            roles = [role for index, role in enumerate(roles) if index not in places[1:]]
        place = places[-1] if edit.mode is SystemMode.APPEND else places[0]
        raw = _with_content(raw, place, edit)
    return raw


def _with_content(raw: bytes, index: int, edit: SystemEdit) -> bytes:
    span = elements(raw)[index]
    message = raw[span.start : span.end]
    content = joined(value_of(message, "content"), edit, {"type": "text"})
    return raw[: span.start] + changed(message, {"content": content}) + raw[span.end :]


def without(raw: bytes, indexes: Collection[int]) -> bytes:
    """The text of a JSON array without some of its elements."""
    if not indexes:
        return raw
    spans = elements(raw)
    kept = [raw[span.start : span.end] for index, span in enumerate(spans) if index not in indexes]
    return raw[: spans[0].start] + b",".join(kept) + raw[spans[-1].end :]
