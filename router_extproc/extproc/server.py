"""Server: listens, and gives each stream of each connection to a conversation. It decides nothing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import ssl
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

from router_extproc.extproc.aside import aside
from router_extproc.extproc.conversation import Conversation
from router_extproc.extproc.frames import Http2Error
from router_extproc.extproc.health import CHECK, Check, HealthStatus
from router_extproc.extproc.http2 import Connection
from router_extproc.extproc.messages import METHOD

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from router_extproc.cache.store import ResponseCache
    from router_extproc.extproc.stream import Stream, StreamEvents
    from router_extproc.hooks import Hooks
    from router_extproc.router import Router

_log = logging.getLogger(__name__)

_SLACK = 1024 * 1024
"""Bytes of a message beside the body: headers, framing."""
_LOOK_S = 0.02


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
    share_port: bool = False
    """Whether other processes may listen on the same port (SO_REUSEPORT)."""
    max_message_bytes: int = 256 * 1024 * 1024
    """Largest gRPC message: the highest maxRequestBytes that a policy may be reloaded to."""


class ExtProcServer:
    """Serves ext_proc streams, each by the router that is current when it begins."""

    def __init__(
        self, current: Callable[[], Router], hooks: Hooks, options: ServerOptions, cache: ResponseCache | None = None
    ) -> None:
        self.current = current
        self.hooks = hooks
        self.cache = cache
        """Where answers are kept, if they are."""
        self.aside = aside()
        """Where long answers are looked through."""
        self._options = options
        self.health = HealthStatus()
        self.max_message = options.max_message_bytes + _SLACK
        self._listener: asyncio.Server | None = None
        self.peers: set[Peer] = set()
        """Connections that are open."""
        self.port = 0
        """The port that it listens on, once started; 0 for a unix socket."""

    @property
    def streams(self) -> int:
        """Open now."""
        return sum(len(peer.connection.streams) for peer in self.peers)

    async def start(self) -> None:
        """Listen and report ready. Raises OSError if the address cannot be had."""
        loop = asyncio.get_running_loop()
        address = self._options.listen
        context = _context(self._options.tls) if self._options.tls else None
        try:
            if address.startswith("unix:"):
                path = address.removeprefix("unix:")
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)  # noqa: PTH108 - one call at the start, and pathlib in async code is another rule's offence
                self._listener = await loop.create_unix_server(partial(Peer, self), path, ssl=context)
            else:
                host, _, port = address.rpartition(":")
                host = host.strip("[]")
                self._listener = await loop.create_server(
                    partial(Peer, self), host, int(port), ssl=context, reuse_port=self._options.share_port, backlog=1024
                )
                self.port = int(self._listener.sockets[0].getsockname()[1])
        except OSError as error:
            raise OSError(f"cannot listen on {address}: {error.strerror or error}") from error
        self.health.ready = True

    async def drain(self) -> None:
        """Report not ready, and go on serving: Envoy's health checks then send new streams elsewhere."""
        self.health.ready = False

    async def stop(self, grace: float) -> None:
        """End: streams in flight get `grace` seconds to finish."""
        self.health.ready = False
        if self._listener is not None:
            self._listener.close()
        for peer in list(self.peers):
            peer.go_away()
        until = asyncio.get_running_loop().time() + grace
        while self.streams and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110 - once in a process's life
            await asyncio.sleep(_LOOK_S)
        for peer in list(self.peers):
            peer.close()
        self.aside.close()


class Peer(asyncio.Protocol):
    """One connection. What is to be sent is gathered, and written once for all that came in at once."""

    def __init__(self, server: ExtProcServer) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._out: list[bytes] = []
        self.connection = Connection(self._out.append, self._open, max_message=server.max_message)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one, but not by inheritance
        self._server.peers.add(self)
        self.connection.begin()
        self.flush()

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        try:
            self.connection.receive(data)
        except Http2Error as error:
            _log.warning("HTTP/2 error of a peer: %s", error)
            self.connection.go_away(error.code)
            self.flush()
            self.close()
            return
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """All of its streams are over."""
        del exc  # streams do not care why
        self._transport = None
        self._server.peers.discard(self)
        self.connection.lost()

    def flush(self) -> None:
        """Write what was gathered."""
        if self._out and self._transport is not None:
            self._transport.write(b"".join(self._out))
        self._out.clear()

    def go_away(self) -> None:
        """Have the peer open no more streams."""
        self.connection.go_away()
        self.flush()

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    def _open(self, stream: Stream, headers: dict[str, str]) -> StreamEvents | None:
        server, connection = self._server, self.connection
        path = headers.get(":path", "")
        send, finish = partial(connection.send, stream), partial(connection.finish, stream)
        if path == METHOD:
            return Conversation(
                server.current(),
                server.hooks,
                server.cache,
                server.aside,
                send=send,
                finish=finish,
                flush=self.flush,
                pause=partial(connection.pause, stream),
                resume=partial(connection.resume, stream),
            )
        if path == CHECK:
            return Check(server.health, send=send, finish=finish)
        return None


def _context(tls: Tls) -> ssl.SSLContext:
    for path in filter(None, (tls.certificate, tls.key, tls.client_ca)):
        path.open("rb").close()  # its error names the file; that of ssl does not
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(tls.certificate, tls.key)
    context.set_alpn_protocols(["h2"])
    if tls.client_ca is not None:
        context.load_verify_locations(tls.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
