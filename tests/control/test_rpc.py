"""FeedbackService: the same over gRPC."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from grpc_tools import protoc

from router_extproc.control.rpc import SERVICE, FeedbackServer, Messages
from router_extproc.learning.event import Applied

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from router_extproc.learning.experience import Experience

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def messages() -> Messages:
    """The message classes."""
    return Messages()


@pytest.fixture
async def tell(experience: Experience, messages: Messages) -> AsyncIterator[Callable[..., Any]]:
    """Calls a server that runs."""
    server = FeedbackServer(experience, "127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        call = channel.unary_unary(
            f"/{SERVICE}/Tell",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=messages.response.FromString,
        )

        async def told(*pieces: dict[str, Any]) -> list[int]:
            return list((await call(messages.request(feedback=pieces))).results)

        yield told
    await server.stop()


class TestTell:
    async def test_learns(self, tell: Callable[..., Any], messages: Messages) -> None:
        """All three forms, each told by itself."""
        found = await tell(
            {"score": {"id": "a-1", "score": 0.0}},
            {"score": {"id": "a-1", "score": 0.0}},
            {"label": {"id": "a-2", "label": "success"}},
            {"pair": {"better": "a-2", "worse": "a-1"}},
            {"label": {"id": "a-1", "label": "success"}},
            {"score": {"id": "b-1", "score": 1.0}},
        )

        names = ["applied", "duplicate", "applied", "applied", "conflict", "unknown"]
        assert found == [messages.results[name] for name in names]

    @pytest.mark.parametrize(
        "piece",
        [
            {},
            {"score": {"id": "a-1", "score": 2.0}},
            {"score": {"score": 1.0}},
            {"label": {"id": "a-1"}},
            {"pair": {"better": "a-1"}},
        ],
    )
    async def test_what_is_no_feedback_is_told(
        self, tell: Callable[..., Any], experience: Experience, piece: dict[str, Any]
    ) -> None:
        """And nothing of the call is learned."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await tell({"score": {"id": "a-1", "score": 1.0}}, piece)

        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert not experience.ledger.sums()

    async def test_an_empty_call_is_none(self, tell: Callable[..., Any]) -> None:
        """It would say that all is well."""
        with pytest.raises(grpc.aio.AioRpcError, match=r"1 to 1000"):
            await tell()

    async def test_a_taken_port_is_an_error(self, experience: Experience) -> None:
        """That names it."""
        first = FeedbackServer(experience, "127.0.0.1:0")
        await first.start()

        with pytest.raises(OSError, match=str(first.port)):
            await FeedbackServer(experience, f"127.0.0.1:{first.port}").start()

        await first.stop()


class TestMessages:
    def test_are_those_of_the_proto_file(self, tmp_path: Path) -> None:
        """The compiled form is generated, never edited."""
        made = tmp_path / "feedback.binpb"
        assert (
            protoc.main(["protoc", f"-I{ROOT / 'proto'}", f"--descriptor_set_out={made}", "router_extproc/v1/feedback.proto"])
            == 0
        )

        assert (ROOT / "router_extproc" / "control" / "feedback.binpb").read_bytes() == made.read_bytes()

    def test_have_a_word_for_everything(self, messages: Messages) -> None:
        """That can become of feedback."""
        assert {applied.value for applied in Applied} == set(messages.results) - {"result_unspecified"}


class TestAddress:
    async def test_without_a_host_is_loopback(self, experience: Experience) -> None:
        """As on the admin port: nobody opens it to the network by leaving something out."""
        server = FeedbackServer(experience, ":0")
        await server.start()

        assert server._address == "127.0.0.1:0"
        assert server.port
        await server.stop()
