"""Mutation: what an outcome means for Envoy. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from router_extproc.apis.api import Document
from router_extproc.apis.registry import by_name
from router_extproc.extproc.replies import Immediate, Mutation
from router_extproc.routing import HeaderEdit, HeaderOp, Reason, Unknown, UnknownReason, Verdict

if TYPE_CHECKING:
    from router_extproc.extproc.intake import Arrival, Parsed
    from router_extproc.policy.compiled import HeaderNames
    from router_extproc.routing import Outcome

_SET, _REMOVE = HeaderOp.SET, HeaderOp.REMOVE
_PASSING = frozenset({UnknownReason.OVERLOADED, UnknownReason.DEADLINE})
_SOON = (("retry-after", "1"),)
ERROR_API = by_name("openai_chat")
"""Its error shape is used where the path names no API."""


def record(outcome: Outcome, api: str) -> dict[str, str | float]:
    """The decision record: short plain values, nothing of the prompt."""
    decision, selection = outcome.decision, outcome.selection
    told: dict[str, str | float] = {
        "id": outcome.id,
        "api": api,
        "verdict": outcome.verdict.value,
        "decision": decision.name,
        "reason": decision.reason.value,
        "policy": outcome.policy,
        "route_us": round(outcome.route_us, 1),
    }
    if decision.recipe:
        told["recipe"] = decision.recipe
    if outcome.private:
        told["private"] = ",".join(f"{kind}={action.value}" for kind, action in sorted(outcome.private.items()))
    if outcome.stripped:
        told["stripped"] = outcome.stripped
    if decision.unknown:
        told["unknown"] = ",".join(decision.unknown)
    if outcome.limited is not None:
        told["limited"] = outcome.limited.amount
    if selection is not None:
        told |= {"pool": selection.pool.name, "model": selection.model, "selector": selection.selector}
    return told


def forwarded(
    outcome: Outcome,
    arrival: Arrival,
    parsed: Parsed | None,
    names: HeaderNames,
    *,
    chunked: bool,
    masked: bytes | None = None,
    readable: bool = False,
    cache: str = "",
) -> Mutation:
    """The changes to a request that goes to a pool.

    `chunked`: Envoy sends the body in pieces, without content-length. `masked`: the body without private data. `readable`: the answer must
    come uncompressed. `cache`: what the response cache did, for the record.
    """
    selection = outcome.selection
    if selection is None:
        raise ValueError("only a routed request goes on to a pool")
    body = None
    edits: list[HeaderEdit] = list(outcome.headers)
    if parsed is not None and arrival.api is not None and (outcome.edits or masked is not None):
        document = parsed.document if masked is None else Document(masked, msgspec.json.decode(masked))
        body = arrival.api.edit(document, outcome.edits) if outcome.edits else document.raw
        edits += _body_headers(body, parsed, chunked=chunked)
    if readable:
        # What comes back is to be read here.
        edits.append(HeaderEdit(_SET, "accept-encoding", "identity"))
    written = [
        HeaderEdit(_SET, names.pool, selection.pool.cluster),
        HeaderEdit(_SET, names.decision, outcome.decision.name),
        HeaderEdit(_SET, names.reason, outcome.decision.reason.value),
        HeaderEdit(_SET, names.decision_id, outcome.id),
    ]
    if selection.model:
        written.append(HeaderEdit(_SET, names.model, selection.model))
    return Mutation(
        headers=(*_removals(arrival, {edit.name for edit in written}), *edits, *written),
        body=body,
        reroute=True,
        record=record(outcome, arrival.api.name if arrival.api else "none") | ({"cache": cache} if cache else {}),
    )


def _body_headers(body: bytes, parsed: Parsed, *, chunked: bool) -> list[HeaderEdit]:
    """The headers that describe a body must describe the new one."""
    edits = [] if chunked else [HeaderEdit(_SET, "content-length", str(len(body)))]
    if parsed.decoded:
        edits.append(HeaderEdit(_REMOVE, "content-encoding"))
    headers = parsed.request.envelope.headers
    edits += [HeaderEdit(_REMOVE, name) for name in ("content-digest", "content-md5", "digest") if name in headers]
    return edits


def _removals(arrival: Arrival, kept: set[str]) -> list[HeaderEdit]:
    return [HeaderEdit(_REMOVE, name) for name in arrival.forged if name not in kept]


def untouched(outcome: Outcome, arrival: Arrival) -> Mutation:
    """The changes to a request that is none of ours: only forged headers go."""
    return Mutation(headers=tuple(_removals(arrival, set())), reroute=bool(arrival.forged), record=record(outcome, "none"))


def answered(outcome: Outcome, arrival: Arrival, parsed: Parsed | None, *, created: int, tell: HeaderNames | None) -> Immediate:
    """The answer that ends a request here. `created` is in Unix seconds; `tell` asks for decision headers in the response."""
    api = arrival.api or ERROR_API
    stream = parsed is not None and parsed.request.stream
    if outcome.verdict is Verdict.ANSWER and parsed is not None:
        model = parsed.request.model or "auto"
        payload = api.completion(outcome.message, model=model, identifier=outcome.id, created=created, stream=stream)
    else:
        payload = api.error(outcome.status, outcome.message, code=outcome.decision.reason.value, stream=stream)
    return Immediate(
        status=outcome.status,
        content_type=payload.content_type,
        body=payload.body,
        headers=(*_retry(outcome), *(told_headers(outcome, tell) if tell else ())),
        record=record(outcome, api.name),
        details=f"router_extproc_{outcome.decision.reason.value}",
    )


def _retry(outcome: Outcome) -> tuple[tuple[str, str], ...]:
    """When to come again. `x-should-retry` is what OpenAI's and Anthropic's clients ask before they do."""
    if outcome.limited is None:
        return _SOON if _busy(outcome) else ()
    after = outcome.limited.retry_after_s
    return (("x-should-retry", "false"),) if after is None else (("retry-after", str(after)),)


def _busy(outcome: Outcome) -> bool:
    """Whether it was refused because a model had no time: what it read of the request until then is kept, and need not be read again."""
    if outcome.decision.reason is not Reason.UNKNOWN_DENIED:
        return False
    results = (outcome.signals.get(name) for name in outcome.decision.unknown)
    return any(isinstance(result, Unknown) and result.reason in _PASSING for result in results)


def told_headers(outcome: Outcome, names: HeaderNames) -> tuple[tuple[str, str], ...]:
    """The decision as response headers."""
    told = [
        (names.decision, outcome.decision.name),
        (names.reason, outcome.decision.reason.value),
        (names.decision_id, outcome.id),
    ]
    if outcome.selection is not None:
        told += [(names.pool, outcome.selection.pool.name), (names.model, outcome.selection.model)]
    return tuple((name, value) for name, value in told if value)
