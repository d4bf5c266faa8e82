"""Offline: what would become of a request, by the same code that serves Envoy, without Envoy."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from router_extproc.errors import RequestRefusedError
from router_extproc.extproc.events import BodyMode, BodyReceived, Evidence, HeadersReceived, OutcomeReady
from router_extproc.extproc.intake import arrive, parse
from router_extproc.extproc.replies import Think
from router_extproc.extproc.session import Session
from router_extproc.routing import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router_extproc.request import Request
    from router_extproc.router import Explanation, Router, Routing
    from router_extproc.routing import Outcome


def _headers(path: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Request headers as Envoy tells them."""
    given = {name.lower(): value for name, value in headers.items() if not name.startswith(":")}
    return {":method": headers.get(":method", "POST"), ":path": path, "content-type": "application/json", **given}


def decide(router: Router, *, path: str, headers: Mapping[str, str], body: bytes, proven: bool = True) -> Outcome:
    """The outcome of one request, whose identity headers count as `proven`, or as not. May block."""
    session = Session(router)
    evidence = Evidence(vouched=proven)
    replies = session.receive(HeadersReceived(_headers(path, headers), not body, BodyMode.BUFFERED, evidence))
    if session.outcome is None:
        replies = session.receive(BodyReceived(body, end_of_stream=True))
    for reply in replies:
        if isinstance(reply, Think):
            session.receive(OutcomeReady(cast("Routing", reply.routing).finish()))
    if session.outcome is None:  # pragma: no cover - the session decides at the end of the body
        raise RuntimeError("the session came to no outcome")
    return session.outcome


def parsed(router: Router, *, path: str, headers: Mapping[str, str], body: bytes) -> Request:
    """The request that a body is. Raises RequestRefusedError for one that would be refused, or is none of ours (NOT_LLM)."""
    settings = router.policy.settings
    arrival = arrive(_headers(path, headers), settings, router.forbidden, Evidence(vouched=True))
    if arrival.api is None:
        raise RequestRefusedError(Reason.NOT_LLM, f"{path} is the path of no LLM API.", status=404)
    return parse(arrival, body, settings).request


def explain(router: Router, *, path: str, headers: Mapping[str, str], body: bytes) -> Explanation:
    """The outcome of one request with all that led to it. Raises as `parsed` does. May block."""
    return router.explain(parsed(router, path=path, headers=headers, body=body))
