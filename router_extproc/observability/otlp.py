"""OTLP: sends spans to a collector as JSON over HTTP.

The SDK's own exporter cannot be installed beside xds-protos, which brings old copies of the same protobuf modules
(github.com/grpc/grpc/issues/42926). OTLP's JSON form needs none.
"""

from __future__ import annotations

import logging
import os
import time
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.util.re import parse_env_headers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

_log = logging.getLogger(__name__)

_TIMEOUT_S = 2.0
_PAUSE_S = 5.0
"""After a failure nothing is sent for so long: a collector that hangs must not hold up the end of the program batch by batch."""
_OK = range(200, 300)
_HEADERS = "OTEL_EXPORTER_OTLP_HEADERS"


class OtlpExporter(SpanExporter):
    """Sends spans to `endpoint` + /v1/traces. What cannot be sent is dropped, and logged once until it can be again.

    Headers, such as a collector's key, come from OTEL_EXPORTER_OTLP_HEADERS. Proxies are not used.
    """

    def __init__(self, endpoint: str) -> None:
        url = urlsplit(endpoint)
        if url.scheme not in {"http", "https"} or not url.hostname:
            raise ValueError(f"{endpoint!r} is no http:// or https:// URL")
        self._connect = HTTPSConnection if url.scheme == "https" else HTTPConnection
        self._address = (url.hostname, url.port)
        self._path = f"{url.path.rstrip('/')}/v1/traces"
        self._headers = {**parse_env_headers(os.environ.get(_HEADERS, ""), liberal=True), "content-type": "application/json"}
        self._failing = False
        self._paused_until = 0.0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send them."""
        if not spans:
            return SpanExportResult.SUCCESS
        if time.monotonic() < self._paused_until:
            return SpanExportResult.FAILURE
        trouble = self._sent(msgspec.json.encode(message(spans)))
        if trouble:
            self._paused_until = time.monotonic() + _PAUSE_S
            if not self._failing:
                _log.warning("spans cannot be sent to %s:%s: %s", *self._address, trouble)
        self._failing = bool(trouble)
        return SpanExportResult.FAILURE if trouble else SpanExportResult.SUCCESS

    def _sent(self, body: bytes) -> str:
        """What went wrong, or nothing."""
        connection = self._connect(*self._address, timeout=_TIMEOUT_S)
        try:
            connection.request("POST", self._path, body, self._headers)
            status = connection.getresponse().status
        except (OSError, HTTPException) as error:
            return str(error) or type(error).__name__
        finally:
            connection.close()
        return "" if status in _OK else f"HTTP status {status}"


def message(spans: Sequence[ReadableSpan]) -> dict[str, Any]:
    """Spans of one tracer in OTLP's JSON form."""
    first = spans[0]
    scope = first.instrumentation_scope
    scoped = {
        "scope": {"name": scope.name, "version": scope.version or ""} if scope else {},
        "spans": [_span(span) for span in spans],
    }
    return {"resourceSpans": [{"resource": {"attributes": _attributes(first.resource.attributes)}, "scopeSpans": [scoped]}]}


def _span(span: ReadableSpan) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": span.name,
        "kind": span.kind.value + 1,  # OTLP begins with "unspecified"
        # 64-bit numbers are text in protobuf's JSON form.
        "startTimeUnixNano": str(span.start_time or 0),
        "endTimeUnixNano": str(span.end_time or 0),
        "attributes": _attributes(span.attributes or {}),
        "status": {"code": span.status.status_code.value, "message": span.status.description or ""},
    }
    if span.context is not None:
        told |= {"traceId": f"{span.context.trace_id:032x}", "spanId": f"{span.context.span_id:016x}"}
    if span.parent is not None:
        told["parentSpanId"] = f"{span.parent.span_id:016x}"
    return told


def _attributes(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in found.items()]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, str):
        return {"stringValue": value}
    return {"arrayValue": {"values": [_value(part) for part in value]}}
