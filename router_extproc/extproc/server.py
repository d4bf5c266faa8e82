"""Server: the gRPC shell around sessions. It awaits, keeps time and writes bytes; it decides nothing."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from router_extproc.errors import ProtocolError
from router_extproc.extproc.events import BodyMode, Failed, OutcomeReady, UploadTimedOut
from router_extproc.extproc.messages import METHOD, read_message, write_reply
from router_extproc.extproc.replies import Finish, Think
from router_extproc.extproc.session import Session, State
from router_extproc.hooks import RouteDetails

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.extproc.events import Event
    from router_extproc.extproc.session import Replies
    from router_extproc.hooks import Hooks
    from router_extproc.router import Router, Routing
    from router_extproc.routing import Outcome

_log = logging.getLogger(__name__)

LIVENESS = "liveness"
READINESS = "readiness"
_EXT_PROC = "envoy.service.ext_proc.v3.ExternalProcessor"

_SLACK = 1024 * 1024
"""Bytes of a message beside the body: headers, framing."""
_UNTIMED = frozenset({BodyMode.FULL_DUPLEX, BodyMode.STREAMED})
"""Modes in which Envoy has no timeout of its own for the answer."""


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files for TLS; with a client CA, mutual TLS."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How the server listens."""

    listen: str = "127.0.0.1:9002"
    """HOST:PORT (port 0: any free one) or unix:PATH."""
    tls: Tls | None = None
    max_message_bytes: int = 64 * 1024 * 1024
    """Largest gRPC message, above any maxRequestBytes that a policy may be reloaded to."""
    threads: int = 2
    """For signals that may block."""


class ExtProcServer:
    """Serves ext_proc streams, each by the router that is current when it begins."""

    def __init__(self, current: Callable[[], Router], hooks: Hooks, options: ServerOptions) -> None:
        self._current = current
        self._hooks = hooks
        self._options = options
        self._pool = ThreadPoolExecutor(options.threads, thread_name_prefix="signals")
        self._health = health.aio.HealthServicer()  # type: ignore[attr-defined]  # not in the stubs
        self._server: grpc.aio.Server | None = None
        self.port = 0
        """The port that it listens on, once started; 0 for a unix socket."""
        self.streams = 0
        """Open now."""

    async def start(self) -> None:
        """Listen and report ready. Raises OSError if the address cannot be had."""
        options = self._options
        limits = [("grpc.max_receive_message_length", options.max_message_bytes + _SLACK), ("grpc.max_send_message_length", -1)]
        keepalive = [
            ("grpc.keepalive_time_ms", 30_000),
            ("grpc.keepalive_timeout_ms", 10_000),
            ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.so_reuseport", 1),
        ]
        server = grpc.aio.server(options=[*limits, *keepalive])
        handler = grpc.stream_stream_rpc_method_handler(self._process)  # bytes in, bytes out
        service, _, method = METHOD.lstrip("/").partition("/")
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        self._server = server
        self.port = self._listen(server)
        await server.start()
        await self._report(ready=True)

    def _listen(self, server: grpc.aio.Server) -> int:
        address, tls = self._options.listen, self._options.tls
        if address.startswith("unix:"):
            Path(address.removeprefix("unix:")).unlink(missing_ok=True)
        try:
            port = server.add_insecure_port(address) if tls is None else server.add_secure_port(address, _credentials(tls))
        except RuntimeError as error:
            raise OSError(f"cannot listen on {address}") from error
        return 0 if address.startswith("unix:") else int(port)

    async def drain(self) -> None:
        """Report not ready, and go on serving: Envoy's health checks then send new streams elsewhere."""
        await self._report(ready=False)

    async def stop(self, grace: float) -> None:
        """End: streams in flight get `grace` seconds to finish."""
        await self._report(ready=False)
        if self._server is not None:
            await self._server.stop(grace)
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _report(self, *, ready: bool) -> None:
        status = health_pb2.HealthCheckResponse.SERVING if ready else health_pb2.HealthCheckResponse.NOT_SERVING
        for service in ("", READINESS, _EXT_PROC):
            await self._health.set(service, status)
        await self._health.set(LIVENESS, health_pb2.HealthCheckResponse.SERVING)

    async def _process(self, _requests: object, context: grpc.aio.ServicerContext[bytes, bytes]) -> None:
        """One stream. Always answers: a stream that ends without an answer is read by Envoy as "go on"."""
        session = Session(self._current(), created=int(time.time()))
        self.streams += 1
        try:
            await self._converse(session, context)
        except ProtocolError as error:
            _log.error("protocol error: %s", error)
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        finally:
            self.streams -= 1
            session.closed(time.perf_counter())
            self._observed(session)

    async def _converse(self, session: Session, context: grpc.aio.ServicerContext[bytes, bytes]) -> None:
        began = time.perf_counter()
        told = False
        while True:
            event = await self._next(session, context, began)
            if event is None:
                return
            received = time.perf_counter()
            finished = await self._answer(session, context, session.receive(event))
            if session.outcome is not None and not told:
                told = True
                session.sent_at = time.perf_counter()
                self._routed(session, session.outcome, (session.sent_at - received) * 1e3)
            if finished:
                return

    async def _next(self, session: Session, context: grpc.aio.ServicerContext[bytes, bytes], began: float) -> Event | None:
        """The next event; None at the end of the stream."""
        limit = self._upload_timeout(session)
        try:
            if limit is None:
                data = await context.read()
            else:
                data = await asyncio.wait_for(context.read(), max(0.0, began + limit - time.perf_counter()))
        except TimeoutError:
            return UploadTimedOut()
        if data is grpc.aio.EOF:  # type: ignore[attr-defined]  # not in the stubs
            return None
        return read_message(data, time.perf_counter())

    @staticmethod
    def _upload_timeout(session: Session) -> float | None:
        """Seconds that the upload may take from its beginning, where Envoy does not bound it."""
        if session.state is State.READING and session.mode in _UNTIMED:
            return session.router.policy.settings.limits.upload_timeout_ms / 1000
        return None

    async def _answer(self, session: Session, context: grpc.aio.ServicerContext[bytes, bytes], replies: Replies) -> bool:
        """Write replies; whether the stream is finished."""
        for reply in replies:
            if isinstance(reply, Finish):
                return True
            if isinstance(reply, Think):
                event = await self._think(reply.routing)
                return await self._answer(session, context, session.receive(event))
            await context.write(write_reply(reply))
        return False

    async def _think(self, routing: Routing) -> Event:
        """Finish routing in a thread, within the request's deadline; what is not there by then is unknown to the policy."""
        finishing = asyncio.get_running_loop().run_in_executor(self._pool, routing.finish)
        try:
            return OutcomeReady(await asyncio.wait_for(asyncio.shield(finishing), routing.remaining_s()))
        except TimeoutError:
            # The thread keeps the old routing; this is a new one, in which what blocks is unknown.
            return OutcomeReady(routing.without_models())
        except Exception as error:  # noqa: BLE001 - told to the session, which answers by policy
            _log.error("internal error: %s while routing", type(error).__name__)
            return Failed()

    def _routed(self, session: Session, outcome: Outcome, added_ms: float) -> None:
        arrival, parsed = session.arrival, session.parsed
        self._hooks.routed(
            RouteDetails(
                outcome=outcome,
                request=parsed.request if parsed else None,
                api=arrival.api.name if arrival and arrival.api else "none",
                body_mode=session.mode.value,
                body_bytes=session.body_bytes,
                added_ms=added_ms,
                traceparent=arrival.traceparent if arrival else "",
                request_id=arrival.request_id if arrival else "",
            )
        )

    def _observed(self, session: Session) -> None:
        observation = session.observation
        if observation is not None:
            session.router.observe(observation, session.parsed.request if session.parsed else None)
            self._hooks.observed(observation)


def _credentials(tls: Tls) -> grpc.ServerCredentials:
    pair = (tls.key.read_bytes(), tls.certificate.read_bytes())
    if tls.client_ca is None:
        return grpc.ssl_server_credentials([pair])
    return grpc.ssl_server_credentials([pair], tls.client_ca.read_bytes(), require_client_auth=True)
