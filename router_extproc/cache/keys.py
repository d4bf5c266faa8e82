"""Keys: what must be the same for one answer to serve two requests, as a keyed hash. No key tells anything of a prompt."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from router_extproc.cache.rule import CacheMode, CacheScope
from router_extproc.request import PartKind, Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router_extproc.cache.rule import CacheRule
    from router_extproc.request import Caller, Request
    from router_extproc.routing import Outcome

Body = dict[str, Any]

_UNHEARD = frozenset(
    {
        "model",
        "stream",
        "stream_options",
        "user",
        "metadata",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_retention",
        "store",
    }
)
"""Members of a body that change no answer; the model that was chosen has its own place in the key."""
_HEARD = (
    "anthropic-version",
    "anthropic-beta",
    "openai-beta",
    "openai-organization",
    "openai-project",
    ":path",
    "accept-language",
)
"""Request headers that may change an answer."""
_encode = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True)
class Keys:
    """Of one request."""

    exact: bytes
    partition: bytes = b""
    """Of all but the last user text; empty if this request takes no part in semantic lookups."""
    text: str = ""
    """That text. Dies with the request."""


def refusal(rule: CacheRule, request: Request) -> str:
    """Why a request is neither answered from the cache nor kept there; empty if it may be."""
    caller = request.envelope.caller
    if (rule.scope is CacheScope.USER and not caller.user) or (rule.scope is CacheScope.TENANT and not caller.tenant):
        return "no_identity"
    parameters = request.parameters
    if request.conversation_id or parameters.get("background") or parameters.get("previous_response_id"):
        return "stateful"
    temperature = parameters.get("temperature")
    if not rule.sampled and isinstance(temperature, int | float) and temperature > 0:
        return "sampled"
    return ""


def keys(secret: bytes, rule: CacheRule, request: Request, outcome: Outcome, body: Body) -> Keys:
    """The keys of a request. `body` is what goes upstream but for the outcome's own edits."""
    asked = {name: value for name, value in body.items() if name not in _UNHEARD}
    base = _encode(_surroundings(rule, request, outcome))
    exact = _digest(secret, b"exact", base, _encode(asked))
    if rule.mode is not CacheMode.SEMANTIC:
        return Keys(exact)
    taken = _without_last_text(request, body, asked)
    if taken is None:
        return Keys(exact)
    text, rest = taken
    return Keys(exact, _digest(secret, b"partition", base, _encode(rest)), text)


def _digest(secret: bytes, *parts: bytes) -> bytes:
    digest = hashlib.blake2b(digest_size=32, key=secret)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


def _surroundings(rule: CacheRule, request: Request, outcome: Outcome) -> list[Any]:
    """What is not in the body and yet decides what the answer is, and for whom."""
    selection, headers = outcome.selection, request.envelope.headers
    chosen = [selection.pool.name, selection.pool.cluster, selection.model] if selection else []
    edits = outcome.edits
    return [
        outcome.policy,
        outcome.decision.name,
        outcome.decision.recipe,
        request.api,
        rule.scope.value,
        *_whose(rule, request.envelope.caller),
        chosen,
        repr(outcome.guard),
        [sorted(edits.caps.items()), sorted(edits.blocked), [(edit.mode.value, edit.text) for edit in edits.system]],
        [edits.reasoning_effort, edits.reasoning_family],
        [(edit.op.value, edit.name, edit.value) for edit in outcome.headers],
        [headers.get(name, "") for name in _HEARD],
    ]


def _whose(rule: CacheRule, caller: Caller) -> tuple[str, ...]:
    """Whose answers these are. Groups count with the user: what a user may see can hang on them."""
    if rule.scope is CacheScope.GLOBAL:
        return ()
    if rule.scope is CacheScope.TENANT:
        return (caller.tenant,)
    return (caller.tenant, caller.user, *sorted(caller.groups))


def _without_last_text(request: Request, body: Body, asked: Body) -> tuple[str, Body] | None:
    """The last user text, and the body without it; None where it does not end with one plain text of the user's."""
    last = request.messages[-1] if request.messages else None
    if last is None or last.role is not Role.USER or len(last.parts) != 1 or last.parts[0].kind is not PartKind.TEXT:
        return None
    if request.n > 1 or request.api == "openai_embeddings":
        return None
    if request.api == "openai_responses" and body.get("store") is not False:
        # Its answer can be continued by its id: what was said before must then be what the caller said.
        return None
    name = {"openai_completions": "prompt", "openai_responses": "input"}.get(request.api, "messages")
    value = asked.get(name)
    if isinstance(value, str):
        return value, {**asked, name: None}
    if not isinstance(value, list) or not value or not isinstance(value[-1], dict) or "suffix" in asked:
        return None
    return _emptied(asked, name, value)


def _emptied(asked: Body, name: str, listed: list[Any]) -> tuple[str, Body] | None:
    message: Mapping[str, Any] = listed[-1]
    content = message.get("content")
    if isinstance(content, str):
        return content, {**asked, name: [*listed[:-1], {**message, "content": None}]}
    if (
        isinstance(content, list)
        and len(content) == 1
        and isinstance(content[0], dict)
        and isinstance(content[0].get("text"), str)
    ):
        part = {**content[0], "text": None}
        return content[0]["text"], {**asked, name: [*listed[:-1], {**message, "content": [part]}]}
    return None
