"""Admin: health, metrics, status and explanations over HTTP, for people and probes. Loopback unless told otherwise."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import asdict
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from router_extproc.breaker import BreakerState
from router_extproc.config.offline import decide, explain
from router_extproc.control.body import BodyError, received
from router_extproc.control.http import feedback
from router_extproc.errors import RequestRefusedError
from router_extproc.observability.metrics import CONTENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from starlette.requests import Request as HttpRequest

    from router_extproc.breaker import BreakerReport
    from router_extproc.config.store import PolicyStore
    from router_extproc.learning.experience import Experience
    from router_extproc.limits.shared import Health
    from router_extproc.observability.metrics import Metrics
    from router_extproc.router import Router

_log = logging.getLogger(__name__)

_GRACE_S = 1
"""How long a request in flight may keep the end of the program waiting."""
DEFAULT_PATH = "/v1/chat/completions"


class Admin:
    """The admin application. `ready` tells whether this process takes traffic, `bounds` what no policy sets.

    `breakers` tells how each classifier stands. One that does not work leaves the process ready: what its signals mean then is
    the policy's to say.
    """

    def __init__(
        self,
        store: PolicyStore,
        metrics: Metrics,
        ready: Callable[[], bool],
        bounds: Mapping[str, int] | None = None,
        breakers: Callable[[], Mapping[str, BreakerReport]] = dict,
        state: Callable[[], Health | None] = lambda: None,
        experience: Experience | None = None,
        canary: PolicyStore | None = None,
        *,
        current: Callable[[], Router] | None = None,
    ) -> None:
        """`current` is the router that requests get, where that is not the store's alone."""
        self._canary = canary
        self._current = current or (lambda: store.router)
        self._experience = experience
        self._state = state
        self._store = store
        self._metrics = metrics
        self._ready = ready
        self._bounds = bounds or {}
        self._breakers = breakers

    def app(self) -> Starlette:
        """The ASGI application with all of it, for the loopback."""
        return Starlette(
            routes=[
                *self._open_routes(),
                Route("/config/status", self._status),
                Route("/limits", self._limits),
                Route("/explain", self._explain, methods=["POST"]),
                *([Route("/feedback", self._feedback, methods=["POST"])] if self._experience is not None else []),
            ]
        )

    def metrics_app(self) -> Starlette:
        """The ASGI application that other pods may reach: metrics and probes, nothing about a request or a file."""
        return Starlette(routes=self._open_routes())

    def _open_routes(self) -> list[Route]:
        return [
            Route("/healthz", self._healthz),
            Route("/readyz", self._readyz),
            Route("/metrics", self._metrics_text),
        ]

    async def _healthz(self, _request: HttpRequest) -> Response:
        return PlainTextResponse("ok\n")

    async def _readyz(self, request: HttpRequest) -> Response:
        ready = self._ready()
        detail = "".join(self._detail()) if "verbose" in request.query_params else ""
        return PlainTextResponse(f"{detail}{'ready' if ready else 'not ready'}\n", 200 if ready else 503)

    def _detail(self) -> Iterator[str]:
        """What readiness does not depend on: a line each, in the form of Kubernetes' own /readyz?verbose."""
        status = self._store.status
        yield (
            f"[+]policy {status.version} ok\n" if status.last_ok else f"[-]policy: the last load failed, {status.version} stays\n"
        )
        for name, report in sorted(self._breakers().items()):
            closed = report.state is BreakerState.CLOSED
            state = report.state.replace("_", "-")
            yield f"[+]classifier {name} ok\n" if closed else f"[-]classifier {name}: breaker {state}: {report.why}\n"
        health = self._state()
        if health is not None:
            why = f"no answer ({health.why or 'not asked yet'}): rate limits are counted in this process alone"
            yield "[+]state ok\n" if health.up else f"[-]state: {why}\n"

    async def _metrics_text(self, _request: HttpRequest) -> Response:
        return Response(self._metrics.text(), media_type=CONTENT_TYPE)

    async def _status(self, _request: HttpRequest) -> Response:
        canary = {"canary": asdict(self._canary.status)} if self._canary is not None else {}
        return JSONResponse({**asdict(self._store.status), **canary})

    async def _limits(self, _request: HttpRequest) -> Response:
        return JSONResponse({**asdict(self._store.router.policy.settings.limits), **self._bounds})

    async def _feedback(self, request: HttpRequest) -> Response:
        """What became of feedback on decisions."""
        if self._experience is None:
            raise RuntimeError("nothing is learned here")
        status, told = await feedback(self._experience, request.headers.get("content-type", ""), request.stream())
        return JSONResponse(told, status)

    async def _explain(self, request: HttpRequest) -> Response:
        """The full trace for a request body, as if it had been sent to `path` with this request's own headers."""
        router = self._current()
        limit = router.policy.settings.limits.max_request_bytes
        try:
            body = await received(request.stream(), limit)
        except BodyError as error:
            return JSONResponse({"error": str(error)}, error.status)
        path = request.query_params.get("path", DEFAULT_PATH)
        headers = {
            name: value for name, value in request.headers.items() if name not in {"host", "content-length", "content-type"}
        }
        try:
            found = await asyncio.to_thread(explain, router, path=path, headers=headers, body=body)
        except RequestRefusedError as error:
            outcome = await asyncio.to_thread(decide, router, path=path, headers=headers, body=body)
            told = {"verdict": outcome.verdict.value, "decision": outcome.decision.name, "reason": outcome.decision.reason.value}
            pool = outcome.selection.pool.name if outcome.selection else None
            return JSONResponse({**told, "pool": pool, "status": outcome.status, "message": error.message})
        return JSONResponse(found.to_dict())


class AdminServer:
    """Serves an application on HOST:PORT until stopped."""

    def __init__(self, app: Starlette, address: str, *, name: str = "admin") -> None:
        """`name` is the port's in errors."""
        self._name = name
        host, _, port = address.rpartition(":")
        config = uvicorn.Config(
            app,
            host=host.strip("[]") or "127.0.0.1",
            port=int(port),
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=_GRACE_S,
        )
        self._server = uvicorn.Server(config)
        self._server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # signals are the service's
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen. Raises OSError if the address cannot be had."""
        self._task = asyncio.create_task(self._serve())
        while not self._server.started:
            if self._task.done():
                self._task.result()
                raise self._taken()
            await asyncio.sleep(0.01)

    async def _serve(self) -> None:
        try:
            await self._server._serve()  # noqa: SLF001 - serve() would take over the process's signals
        except SystemExit:
            raise self._taken() from None

    def _taken(self) -> OSError:
        return OSError(f"the {self._name} port cannot be listened on")

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.servers[0].sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening."""
        self._server.should_exit = True
        if self._task is not None:
            # That it could not listen was told at the start.
            with contextlib.suppress(OSError):
                await self._task
