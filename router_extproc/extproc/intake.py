"""Intake: what a request is, from its headers and its body. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from router_extproc.apis.reader import read
from router_extproc.apis.registry import find
from router_extproc.errors import RequestRefusedError
from router_extproc.extproc.encoding import decoded, is_readable
from router_extproc.extproc.events import NO_EVIDENCE
from router_extproc.extproc.identity import lacking
from router_extproc.policy.compiled import RejectWhen
from router_extproc.request import Caller, Envelope
from router_extproc.routing import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router_extproc.apis.api import Api, Document
    from router_extproc.extproc.events import Evidence
    from router_extproc.policy.compiled import Identity, Settings
    from router_extproc.request import Request


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request whose body is still to come."""

    api: Api | None
    """None where the path or the method is none of an LLM API."""
    envelope: Envelope
    forged: tuple[str, ...]
    """Names of the headers that callers may not send and this one did."""
    encoding: str
    traceparent: str
    request_id: str
    unproven: str = ""
    """Which proof the identity headers lacked (`header`, `metadata` or `peers`), if they did: they are forged ones then."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A request that was read."""

    request: Request
    document: Document
    decoded: bool
    """Whether the document's bytes are not those that came in, because these were compressed."""


def arrive(
    headers: Mapping[str, str], settings: Settings, forbidden: frozenset[str], evidence: Evidence = NO_EVIDENCE
) -> Arrival:
    """What the headers tell. `forbidden` holds the names of headers that callers may not send."""
    method = headers.get(":method", "")
    path = headers.get(":path", "/")
    bare = path.partition("?")[0]
    api = find(method, path, settings.path_prefixes)
    unproven = ""
    if settings.identity.proof is not None:
        unproven, withheld = _proven(headers, settings.identity, evidence)
        forbidden |= withheld
    forged = tuple(forbidden.intersection(headers))
    trusted = {name: value for name, value in headers.items() if name not in forbidden} if forged else headers
    return Arrival(
        api=api,
        envelope=Envelope(method, bare, trusted, _caller(trusted, settings.identity)),
        forged=forged,
        encoding=headers.get("content-encoding", ""),
        traceparent=headers.get("traceparent", ""),
        request_id=headers.get("x-request-id", ""),
        unproven=unproven,
    )


def _proven(headers: Mapping[str, str], identity: Identity, evidence: Evidence) -> tuple[str, frozenset[str]]:
    """Which proof is lacking, if one is, and the headers that no signal and no model server may see: the secret's always is one."""
    proof = identity.proof
    if proof is None:
        raise ValueError("nothing is to be proven")
    secret = frozenset({proof.header}) if proof.header else frozenset[str]()
    claimed = secret.union(identity.names())
    if claimed.isdisjoint(headers) or (claimed - secret).isdisjoint(headers):
        return "", secret
    missing = lacking(headers, proof, evidence)
    return (missing, claimed) if missing else ("", secret)


_NOBODY = Caller()


def _caller(headers: Mapping[str, str], names: Identity) -> Caller:
    if not (names.user or names.groups or names.tenant):
        return _NOBODY
    groups = headers.get(names.groups, "") if names.groups else ""
    return Caller(
        user=headers.get(names.user, "") if names.user else "",
        groups=tuple(group for part in groups.split(",") if (group := part.strip())),
        tenant=headers.get(names.tenant, "") if names.tenant else "",
    )


def parse(arrival: Arrival, body: bytes, settings: Settings) -> Parsed:
    """The request; raises RequestRefusedError for one that cannot be read, or is not to be served."""
    api = arrival.api
    if api is None:
        raise ValueError("only requests of a known API have a body to parse")
    limits = settings.limits
    if len(body) > limits.max_request_bytes:
        raise too_large(limits.max_request_bytes)
    if not body:
        raise RequestRefusedError(Reason.EMPTY_BODY, "The request has no body.")
    text = body
    if arrival.encoding:
        if not is_readable(arrival.encoding):
            raise RequestRefusedError(
                Reason.UNREADABLE_ENCODING, "This content-encoding is not supported; send gzip, deflate or none.", status=415
            )
        text = decoded(body, arrival.encoding, limit=limits.max_request_bytes)
    document = read(text, max_depth=limits.max_depth)
    return Parsed(api.parse(document, arrival.envelope), document, text is not body)


def check(arrival: Arrival, settings: Settings) -> None:
    """Raise RequestRefusedError for a request that need not be read: its headers say enough."""
    if arrival.unproven and settings.identity.reject_unproven:
        # It does not say which proof is lacking: who needs to know it reads the log.
        message = "The request says who calls, but not by way of the proxy that may say so."
        raise RequestRefusedError(Reason.UNPROVEN_IDENTITY, message, status=403)
    length, limit = arrival.envelope.headers.get("content-length", ""), settings.limits.max_request_bytes
    if length.isdigit() and int(length) > limit:
        raise too_large(limit)


def too_large(limit: int) -> RequestRefusedError:
    """The refusal of a body over the limit."""
    return RequestRefusedError(Reason.BODY_TOO_LARGE, f"The request body is larger than {limit} bytes.", status=413)


_MALFORMED = frozenset(
    {
        Reason.MALFORMED_JSON,
        Reason.DUPLICATE_KEY,
        Reason.INVALID_UTF8,
        Reason.LONE_SURROGATE,
        Reason.NON_FINITE_NUMBER,
        Reason.BYTE_ORDER_MARK,
        Reason.TOO_DEEP,
        Reason.WRONG_SHAPE,
        Reason.CORRUPT_ENCODING,
        Reason.EMPTY_BODY,
    }
)


def is_let_through(reason: Reason, settings: Settings) -> bool:
    """Whether the policy routes requests that were refused for this reason, unread, to its default."""
    if reason is Reason.UNREADABLE_ENCODING:
        return settings.unreadable_encoding is RejectWhen.ROUTE
    return reason in _MALFORMED and settings.malformed is RejectWhen.ROUTE
