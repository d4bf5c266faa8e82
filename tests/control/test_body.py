"""Body: no client keeps the control ports busy, and none that leaves is an error of ours."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest
from starlette.requests import ClientDisconnect

from router_extproc.admin import Admin, AdminServer
from router_extproc.config.loader import load
from router_extproc.config.store import PolicyStore
from router_extproc.control.body import BodyError, received
from router_extproc.hooks import Hooks
from router_extproc.observability.metrics import Metrics
from router_extproc.pools import PoolStats
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from router_extproc.learning.experience import Experience


async def sent(*chunks: bytes, then: str = "") -> AsyncIterator[bytes]:
    """A client that sends this, and then `waits` or `leaves`."""
    for chunk in chunks:
        yield chunk
    if then == "waits":
        await asyncio.Event().wait()
    if then == "leaves":
        raise ClientDisconnect


class TestReceived:
    async def test_is_all_that_was_sent(self) -> None:
        """In any number of parts."""
        assert await received(sent(b"ab", b"", b"c"), 3) == b"abc"

    @pytest.mark.parametrize(
        ("chunks", "then", "status"),
        [
            pytest.param((b"ab", b"cd"), "", 413, id="too large"),
            pytest.param((b"a",), "waits", 408, id="too slow"),
            pytest.param((b"a",), "leaves", 400, id="the client left"),
        ],
    )
    async def test_what_does_not_come_is_told(self, chunks: tuple[bytes, ...], then: str, status: int) -> None:
        """With the status for it."""
        with pytest.raises(BodyError) as caught:
            await received(sent(*chunks, then=then), 3, within_s=0.05)

        assert caught.value.status == status

    @pytest.mark.parametrize("path", ["/feedback", "/explain"])
    async def test_a_client_that_leaves_is_no_error(
        self, tmp_path: Path, policy: str, experience: Experience, caplog: pytest.LogCaptureFixture, path: str
    ) -> None:
        """Nothing is logged of it."""
        file = tmp_path / "policy.yaml"
        file.write_text(policy)
        services, stats = SignalServices(), PoolStats()
        store = PolicyStore(file, lambda path: load(path, services=services, stats=stats), Hooks())
        server = AdminServer(Admin(store, Metrics(), lambda: True, experience=experience).app(), "127.0.0.1:0")
        await server.start()
        with caplog.at_level(logging.ERROR):
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n"
            writer.write(head.encode() + b"{")
            await writer.drain()
            await asyncio.sleep(0.2)
            writer.close()
            await writer.wait_closed()
            await asyncio.sleep(0.2)
            await server.stop()

        assert not caplog.records
