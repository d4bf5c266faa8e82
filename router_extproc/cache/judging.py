"""Judging: which answers may be kept for others. Only one that came to its own end, and that nothing but the model made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from router_extproc.cache.rule import CacheRule

Answer = dict[str, Any]

TRUNCATED, TOOLS, INCOMPLETE, FILTERED = "truncated", "tool_calls", "incomplete", "filtered"
_ENDS = {
    **dict.fromkeys(("stop", "end_turn", "stop_sequence", "completed"), ""),
    **dict.fromkeys(("tool_calls", "function_call", "tool_use"), TOOLS),
    **dict.fromkeys(("length", "max_tokens", "max_output_tokens"), TRUNCATED),
    **dict.fromkeys(("content_filter", "refusal"), FILTERED),
}


def blemish(api: str, answer: Answer, rule: CacheRule) -> str:
    """Why an answer is not kept; empty if it may be."""
    found = set(_blemishes(api, answer)) - {""}
    if rule.tool_calls:
        found.discard(TOOLS)
    if rule.truncated:
        found.discard(TRUNCATED)
    return min(found, default="")


def _blemishes(api: str, answer: Answer) -> Iterable[str]:
    if answer.get("error"):
        return ["error"]
    return _JUDGES[api](answer) if api in _JUDGES else ["unknown_api"]


def _openai(answer: Answer) -> Iterable[str]:
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices:
        return [INCOMPLETE]
    return [mark for choice in choices for mark in _choice(choice)]


def _choice(choice: Any) -> Iterable[str]:
    if not isinstance(choice, dict):
        return [INCOMPLETE]
    message = choice.get("message")
    called = isinstance(message, dict) and (message.get("tool_calls") or message.get("function_call"))
    refused = isinstance(message, dict) and message.get("refusal")
    return [_ENDS.get(str(choice.get("finish_reason")), INCOMPLETE), TOOLS if called else "", FILTERED if refused else ""]


def _messages(answer: Answer) -> Iterable[str]:
    blocks = answer.get("content")
    if not isinstance(blocks, list):
        return [INCOMPLETE]
    kinds = {block.get("type") for block in blocks if isinstance(block, dict)}
    return [_ENDS.get(str(answer.get("stop_reason")), INCOMPLETE), TOOLS if kinds - {"text", "thinking"} else ""]


def _responses(answer: Answer) -> Iterable[str]:
    output = answer.get("output")
    if not isinstance(output, list):
        return [INCOMPLETE]
    details = answer.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    status = str(answer.get("status"))
    end = _ENDS.get(str(reason), INCOMPLETE) if status == "incomplete" else "" if status == "completed" else INCOMPLETE
    kinds = {item.get("type") for item in output if isinstance(item, dict)}
    parts = [part for item in output if isinstance(item, dict) for part in item.get("content") or () if isinstance(part, dict)]
    refused = any(part.get("type") == "refusal" for part in parts)
    return [end, TOOLS if kinds - {"message", "reasoning"} else "", FILTERED if refused else ""]


def _embeddings(answer: Answer) -> Iterable[str]:
    return [] if isinstance(answer.get("data"), list) and answer["data"] else [INCOMPLETE]


_JUDGES = {
    "openai_chat": _openai,
    "openai_completions": _openai,
    "openai_embeddings": _embeddings,
    "anthropic_messages": _messages,
    "openai_responses": _responses,
}
