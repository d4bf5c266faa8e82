"""An ext_proc server that fails in a given way: what Envoy, and so the caller, gets when the router breaks."""

from __future__ import annotations

import asyncio
import os
import sys

import grpc
import grpc.aio
import uvloop

METHOD = "envoy.service.ext_proc.v3.ExternalProcessor"


async def serve(port: int, fault: str) -> None:
    """Fail every stream: hang, abort, end (with OK and no answer), or die (the process ends)."""

    async def process(_requests: object, context: grpc.aio.ServicerContext[bytes, bytes]) -> None:
        await context.read()
        if fault == "hang":
            await asyncio.sleep(3600)
        elif fault == "abort":
            await context.abort(grpc.StatusCode.INTERNAL, "broken on purpose")
        elif fault == "die":
            os._exit(9)

    server = grpc.aio.server()
    handler = grpc.stream_stream_rpc_method_handler(process)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(METHOD, {"Process": handler}),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    print("ready", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(sys.argv[1]), sys.argv[2]))
