"""Floor: an ext_proc server that does nothing, on the same gRPC library and event loop: what the hop itself costs."""

from __future__ import annotations

import asyncio
import sys

import grpc
import grpc.aio
import uvloop
from envoy.service.ext_proc.v3 import external_processor_pb2 as pb

from router_extproc.extproc.messages import METHOD

CLUSTER = "pool-small"


def _headers() -> bytes:
    return bytes(pb.ProcessingResponse(request_headers=pb.HeadersResponse()).SerializeToString())


def _body() -> bytes:
    """A reply that routes, so that Envoy does the same work as behind the router."""
    message = pb.ProcessingResponse()
    response = message.request_body.response
    option = response.header_mutation.set_headers.add()
    option.header.key = "x-router-pool"
    option.header.raw_value = CLUSTER.encode()
    response.clear_route_cache = True
    return bytes(message.SerializeToString())


async def serve(port: int) -> None:
    """Answer every stream with two messages that were made beforehand, until cancelled."""
    headers, body = _headers(), _body()

    async def process(_requests: object, context: grpc.aio.ServicerContext[bytes, bytes]) -> None:
        await context.read()
        await context.write(headers)
        await context.read()
        await context.write(body)

    service, _, method = METHOD.lstrip("/").partition("/")
    handler = grpc.stream_stream_rpc_method_handler(process)
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(sys.argv[1])))
