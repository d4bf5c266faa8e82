"""RPC: the gRPC service for feedback, on a port of its own."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

import grpc
import msgspec
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from router_extproc.learning.feedback import MAX_BATCH, MAX_BYTES, Feedback

if TYPE_CHECKING:
    from router_extproc.learning.experience import Experience

SERVICE = "router_extproc.v1.FeedbackService"
MAX_CALLS = 1000
"""At a time; one more is told RESOURCE_EXHAUSTED."""
_PACKAGE = "router_extproc.v1"


class Messages:
    """The message classes, made of the compiled proto file: generated code would bind the protobuf library to one version."""

    def __init__(self) -> None:
        data = resources.files("router_extproc.control").joinpath("feedback.binpb").read_bytes()
        pool = descriptor_pool.DescriptorPool()
        for each in descriptor_pb2.FileDescriptorSet.FromString(data).file:
            pool.AddSerializedFile(each.SerializeToString())
        self.request = _class(pool, "TellRequest")
        self.response = _class(pool, "TellResponse")
        values = pool.FindEnumTypeByName(f"{_PACKAGE}.Result").values_by_name
        self.results: dict[str, int] = {name.lower(): value.number for name, value in values.items()}


def _class(pool: descriptor_pool.DescriptorPool, name: str) -> Any:
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


class FeedbackServer:
    """Serves FeedbackService on HOST:PORT until stopped; without a host on loopback, as the admin port."""

    def __init__(self, experience: Experience, address: str) -> None:
        self._experience = experience
        self._address = f"127.0.0.1{address}" if address.startswith(":") else address
        self._messages = Messages()
        self._server: grpc.aio.Server | None = None
        self.port = 0
        """That it listens on, once started."""

    async def start(self) -> None:
        """Listen. Raises OSError if the address cannot be had."""
        options = [("grpc.max_receive_message_length", MAX_BYTES), ("grpc.so_reuseport", 0)]
        server = grpc.aio.server(options=options, maximum_concurrent_rpcs=MAX_CALLS)
        tell = grpc.unary_unary_rpc_method_handler(
            self._tell,
            request_deserializer=self._messages.request.FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Tell": tell}),))
        try:
            self.port = server.add_insecure_port(self._address)
        except RuntimeError as error:
            raise OSError(f"the feedback port cannot be listened on: {self._address}") from error
        await server.start()
        self._server = server

    async def _tell(self, request: Any, context: Any) -> Any:
        try:
            pieces = [_read(each) for each in request.feedback]
        except (msgspec.ValidationError, ValueError) as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"not feedback: {error}")
        if not 0 < len(pieces) <= MAX_BATCH:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"a call holds 1 to {MAX_BATCH} pieces")
        found = await self._experience.tell(pieces)
        return self._messages.response(results=[self._messages.results[applied.value] for applied in found])

    async def stop(self) -> None:
        """Stop listening; calls in flight get a second."""
        if self._server is not None:
            await self._server.stop(1.0)


def _read(message: Any) -> Feedback:
    """One piece. Raises ValueError for what is none."""
    form = message.WhichOneof("form")
    if form is None:
        raise ValueError("a piece is a score, a label or a pair")
    part = getattr(message, form)
    return msgspec.convert({field.name: getattr(part, field.name) for field in part.DESCRIPTOR.fields}, Feedback)
