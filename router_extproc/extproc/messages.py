"""Messages: Envoy's protobuf to events, replies to Envoy's protobuf. The only module that knows protobuf."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from envoy.config.core.v3 import base_pb2
from envoy.extensions.filters.http.ext_proc.v3 import processing_mode_pb2
from envoy.service.ext_proc.v3 import external_processor_pb2 as pb
from google.protobuf.json_format import MessageToDict

from router_extproc.errors import ProtocolError
from router_extproc.extproc.events import (
    NO_EVIDENCE,
    BodyMode,
    BodyReceived,
    Evidence,
    HeadersReceived,
    ResponseBodyReceived,
    ResponseHeadersReceived,
    ResponseTrailersReceived,
    TrailersReceived,
)
from router_extproc.extproc.replies import (
    Ask,
    BodyChunk,
    BodyReply,
    HeadersReply,
    Immediate,
    ResponseBodyReply,
    ResponseHeadersReply,
    ResponseTrailersReply,
    TrailersReply,
)
from router_extproc.routing import HeaderOp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from router_extproc.extproc.events import Event
    from router_extproc.extproc.replies import Mutation, Reply
    from router_extproc.routing import HeaderEdit

METHOD = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"
NAMESPACE = "router_extproc"
"""Of the decision record in Envoy's dynamic metadata."""

_Mode = processing_mode_pb2.ProcessingMode
_BODY_MODES = {
    _Mode.NONE: BodyMode.NONE,
    _Mode.BUFFERED: BodyMode.BUFFERED,
    _Mode.BUFFERED_PARTIAL: BodyMode.BUFFERED_PARTIAL,
    _Mode.FULL_DUPLEX_STREAMED: BodyMode.FULL_DUPLEX,
    _Mode.GRPC: BodyMode.GRPC,
}
_APPEND = base_pb2.HeaderValueOption.APPEND_IF_EXISTS_OR_ADD
_OVERWRITE = base_pb2.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD


def read_message(data: bytes, at: float) -> Event:
    """The event in a ProcessingRequest. `at` is now, in seconds on a monotonic clock. Raises ProtocolError for what is none."""
    try:
        message = pb.ProcessingRequest.FromString(data)
    except Exception as error:
        raise ProtocolError("not a ProcessingRequest") from error
    kind = message.WhichOneof("request")
    if kind == "request_body":
        body = message.request_body
        return BodyReceived(body.body, body.end_of_stream)
    if kind == "request_headers":
        headers = message.request_headers
        return HeadersReceived(_headers(headers.headers.headers), headers.end_of_stream, _mode(message), _evidence(message))
    if kind == "request_trailers":
        return TrailersReceived()
    if kind == "response_headers":
        headers = message.response_headers
        return ResponseHeadersReceived(_headers(headers.headers.headers), headers.end_of_stream, at)
    if kind == "response_body":
        body = message.response_body
        return ResponseBodyReceived(body.body, body.end_of_stream, at)
    if kind == "response_trailers":
        return ResponseTrailersReceived(at)
    raise ProtocolError("a ProcessingRequest without a request")


def _mode(message: pb.ProcessingRequest) -> BodyMode:
    """The body mode that this stream announced. An Envoy that announces none is older than what we support: BUFFERED is assumed."""
    if not message.HasField("protocol_config"):
        return BodyMode.BUFFERED
    config = message.protocol_config
    if config.request_body_mode == _Mode.STREAMED:
        return BodyMode.STREAMED if config.send_body_without_waiting_for_header_response else BodyMode.STREAMED_WAITING
    return _BODY_MODES.get(config.request_body_mode, BodyMode.BUFFERED_PARTIAL)


def _evidence(message: pb.ProcessingRequest) -> Evidence:
    """What Envoy says itself; usually nothing, because it is asked for nothing."""
    if not message.attributes and not message.HasField("metadata_context"):
        return NO_EVIDENCE
    metadata = {name: MessageToDict(struct) for name, struct in message.metadata_context.filter_metadata.items()}
    attributes: dict[str, str] = {}
    for struct in message.attributes.values():
        attributes |= {name: value.string_value for name, value in struct.fields.items() if value.HasField("string_value")}
    return Evidence(metadata, attributes)


def _headers(listed: Iterable[base_pb2.HeaderValue]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for header in listed:
        key = header.key
        value = header.raw_value.decode("utf-8", "replace") if header.raw_value else header.value
        headers[key] = f"{headers[key]},{value}" if key in headers else value
    return headers


def write_reply(reply: Reply) -> bytes:
    """A reply as a ProcessingResponse."""
    return _WRITERS[type(reply)](reply)


def _bytes(message: pb.ProcessingResponse) -> bytes:
    return bytes(message.SerializeToString())


def _headers_reply(reply: HeadersReply) -> bytes:
    if reply.mutation.record is None and not reply.mutation.headers:
        return _plain_headers(reply.ask)
    message = pb.ProcessingResponse()
    _write_mutation(message.request_headers.response, reply.mutation)
    _write_record(message, reply.mutation.record)
    if reply.ask is not None:
        message.mode_override.CopyFrom(_override(reply.ask))
    return _bytes(message)


@lru_cache(maxsize=64)
def _plain_headers(ask: Ask | None) -> bytes:
    """The reply that only says "go on"; there are few of them, so each is made once."""
    message = pb.ProcessingResponse(request_headers=pb.HeadersResponse())
    if ask is not None:
        message.mode_override.CopyFrom(_override(ask))
    return _bytes(message)


def _override(ask: Ask) -> processing_mode_pb2.ProcessingMode:
    """Trailers and headers keep the filter's own setting unless they are asked for."""
    mode = _Mode()
    mode.request_body_mode = _Mode.NONE if ask.no_request_body else _Mode.BUFFERED if ask.request_body else _Mode.NONE
    mode.response_header_mode = _Mode.SEND if ask.response_headers else _Mode.SKIP
    mode.response_body_mode = _Mode.STREAMED if ask.response_body else _Mode.NONE
    return mode


def _body_reply(reply: BodyReply) -> bytes:
    mutation = reply.mutation
    if not mutation.headers and mutation.body is None and mutation.record is None:
        return _PLAIN_BODY
    message = pb.ProcessingResponse()
    _write_mutation(message.request_body.response, mutation)
    _write_record(message, mutation.record)
    return _bytes(message)


def _chunk(reply: BodyChunk) -> bytes:
    message = pb.ProcessingResponse()
    streamed = message.request_body.response.body_mutation.streamed_response
    streamed.body = reply.body
    streamed.end_of_stream = reply.end_of_stream
    return _bytes(message)


def _write_mutation(response: pb.CommonResponse, mutation: Mutation) -> None:
    if mutation.headers:
        _write_headers(response.header_mutation, mutation.headers)
    if mutation.body is not None:
        response.body_mutation.body = mutation.body
    response.clear_route_cache = mutation.reroute


def _write_headers(target: pb.HeaderMutation, edits: Iterable[HeaderEdit]) -> None:
    for edit in edits:
        if edit.op is HeaderOp.REMOVE:
            target.remove_headers.append(edit.name)
            continue
        option = target.set_headers.add()
        option.header.key = edit.name
        option.header.raw_value = edit.value.encode("utf-8", "replace")
        option.append_action = _OVERWRITE if edit.op is HeaderOp.SET else _APPEND


def _write_record(message: pb.ProcessingResponse, record: Mapping[str, str | float] | None) -> None:
    if not record:
        return
    fields = message.dynamic_metadata.fields[NAMESPACE].struct_value.fields
    for key, value in record.items():
        if isinstance(value, str):
            fields[key].string_value = value
        else:
            fields[key].number_value = value


def _immediate(reply: Immediate) -> bytes:
    message = pb.ProcessingResponse()
    answer = message.immediate_response
    answer.status.code = reply.status  # the enum's numbers are HTTP's; proto3 takes others too
    for name, value in (("content-type", reply.content_type), *reply.headers):
        option = answer.headers.set_headers.add()
        option.header.key = name
        option.header.raw_value = value.encode("utf-8", "replace")
        option.append_action = _OVERWRITE
    answer.body = reply.body
    answer.details = reply.details
    _write_record(message, reply.record)
    return _bytes(message)


def _response_headers(reply: ResponseHeadersReply) -> bytes:
    message = pb.ProcessingResponse(response_headers=pb.HeadersResponse())
    for name, value in reply.headers:
        option = message.response_headers.response.header_mutation.set_headers.add()
        option.header.key = name
        option.header.raw_value = value.encode("utf-8", "replace")
        option.append_action = _OVERWRITE
    if reply.removed:
        message.response_headers.response.header_mutation.remove_headers.extend(reply.removed)
    if reply.ask is not None:
        message.mode_override.CopyFrom(_override(reply.ask))
    return _bytes(message)


def _response_body(reply: ResponseBodyReply) -> bytes:
    if reply.body is None:
        return _RESPONSE_BODY
    message = pb.ProcessingResponse()
    mutation = message.response_body.response.body_mutation
    if reply.body:
        mutation.body = reply.body
    else:
        mutation.clear_body = True
    return _bytes(message)


_PLAIN_BODY = _bytes(pb.ProcessingResponse(request_body=pb.BodyResponse()))
_TRAILERS = _bytes(pb.ProcessingResponse(request_trailers=pb.TrailersResponse()))
_RESPONSE_BODY = _bytes(pb.ProcessingResponse(response_body=pb.BodyResponse()))
_RESPONSE_TRAILERS = _bytes(pb.ProcessingResponse(response_trailers=pb.TrailersResponse()))

_WRITERS: dict[type, Callable[[Any], bytes]] = {
    HeadersReply: _headers_reply,
    BodyReply: _body_reply,
    BodyChunk: _chunk,
    TrailersReply: lambda _: _TRAILERS,
    Immediate: _immediate,
    ResponseHeadersReply: _response_headers,
    ResponseBodyReply: _response_body,
    ResponseTrailersReply: lambda _: _RESPONSE_TRAILERS,
}
