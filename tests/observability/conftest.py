"""What tests of observability share: requests that went through a router, as hooks are told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.config.offline import decide, parsed
from router_extproc.errors import RequestRefusedError
from router_extproc.hooks import RouteDetails

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.request import Request
    from router_extproc.router import Router

CHAT = "/v1/chat/completions"


@pytest.fixture
def handled(router: Router) -> Callable[..., RouteDetails]:
    """What hooks are told of a body; more fields by keyword."""

    def handle(body: bytes, *, path: str = CHAT, by: Router = router, **more: Any) -> RouteDetails:
        request: Request | None = None
        try:
            request = parsed(by, path=path, headers={}, body=body)
        except RequestRefusedError:
            more = {"api": "openai_chat" if path == CHAT else "none", **more}
        told = {
            "outcome": decide(by, path=path, headers={}, body=body),
            "request": request,
            "api": request.api if request else "",
            "body_mode": "buffered",
            "body_bytes": len(body),
            "added_ms": 0.2,
        }
        return RouteDetails(**{**told, **more})

    return handle
