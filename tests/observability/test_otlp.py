"""OTLP: spans reach a collector in the form that it reads, and a collector that is away costs little."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, Status, StatusCode

from router_extproc.observability import otlp
from router_extproc.observability.otlp import OtlpExporter, message
from router_extproc.observability.tracing import Tracing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from router_extproc.hooks import RouteDetails


class Collector(ThreadingHTTPServer):
    """Takes what is exported."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        """Path, headers and message of each request."""
        self.status = 200
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Keep what came."""
        assert isinstance(self.server, Collector)
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((self.path, dict(self.headers), json.loads(body)))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector that takes everything."""
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def spans() -> list[ReadableSpan]:
    """A child, then its parent."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "s"}))
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracer = provider.get_tracer("t", "1")
    with tracer.start_as_current_span("parent"):
        child = tracer.start_span("child", kind=SpanKind.INTERNAL, start_time=10**18, attributes={"a": "x", "n": 3})
        child.set_attributes({"f": 0.5, "b": True, "l": ["p", "q"]})
        child.set_status(Status(StatusCode.ERROR, "internal_error"))
        child.end(10**18 + 5)
    return list(kept.get_finished_spans())


class TestMessage:
    def test_is_otlps_json_form(self) -> None:
        """Ids in hex, 64-bit numbers as text, kinds from one, each value under its type."""
        made = spans()
        told = message(made)

        (resource,) = told["resourceSpans"]
        assert resource["resource"] == {"attributes": [{"key": "service.name", "value": {"stringValue": "s"}}]}
        (scoped,) = resource["scopeSpans"]
        assert scoped["scope"] == {"name": "t", "version": "1"}
        child, parent = scoped["spans"]
        assert child["parentSpanId"] == parent["spanId"]
        assert child["traceId"] == parent["traceId"]
        assert (len(child["traceId"]), len(child["spanId"])) == (32, 16)
        assert "parentSpanId" not in parent
        assert {key: child[key] for key in ("name", "kind", "startTimeUnixNano", "endTimeUnixNano", "status")} == {
            "name": "child",
            "kind": 1,
            "startTimeUnixNano": "1000000000000000000",
            "endTimeUnixNano": "1000000000000000005",
            "status": {"code": 2, "message": "internal_error"},
        }
        assert child["attributes"] == [
            {"key": "a", "value": {"stringValue": "x"}},
            {"key": "n", "value": {"intValue": "3"}},
            {"key": "f", "value": {"doubleValue": 0.5}},
            {"key": "b", "value": {"boolValue": True}},
            {"key": "l", "value": {"arrayValue": {"values": [{"stringValue": "p"}, {"stringValue": "q"}]}}},
        ]


class TestExport:
    @pytest.mark.parametrize(
        ("end", "path"),
        [
            pytest.param("", "/v1/traces", id="bare"),
            pytest.param("/", "/v1/traces", id="slash"),
            pytest.param("/otlp/", "/otlp/v1/traces", id="prefix"),
        ],
    )
    def test_sends_to_the_path_for_traces(self, collector: Collector, end: str, path: str) -> None:
        """Below the endpoint."""
        assert OtlpExporter(collector.url + end).export(spans()) is SpanExportResult.SUCCESS
        ((found, headers, body),) = collector.got
        assert found == path
        assert {name.lower(): value for name, value in headers.items()}["content-type"] == "application/json"
        assert len(body["resourceSpans"][0]["scopeSpans"][0]["spans"]) == 2

    def test_sends_the_operators_headers(self, collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
        """A collector's key comes by the variable that OpenTelemetry names for it."""
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=secret,tenant=a")
        OtlpExporter(collector.url).export(spans())

        headers = {name.lower(): value for name, value in collector.got[0][1].items()}
        assert (headers["api-key"], headers["tenant"]) == ("secret", "a")

    def test_sends_what_the_tracer_makes(
        self, collector: Collector, handled: Callable[..., RouteDetails], chat: Callable[..., bytes]
    ) -> None:
        """From the hook to the collector, at the latest when it is closed."""
        tracing = Tracing(OtlpExporter(collector.url))
        tracing.routed(handled(chat("a traceback")))
        tracing.close()

        (span,) = collector.got[0][2]["resourceSpans"][0]["scopeSpans"][0]["spans"]
        assert span["name"] == "route code"
        assert {"key": "router.pool", "value": {"stringValue": "large"}} in span["attributes"]

    def test_nothing_is_not_sent(self, collector: Collector) -> None:
        """No spans, no request."""
        assert OtlpExporter(collector.url).export([]) is SpanExportResult.SUCCESS
        assert collector.got == []


class TestFailure:
    def test_a_collector_that_refuses(self, collector: Collector, caplog: pytest.LogCaptureFixture) -> None:
        """Is told with its status, once, and left alone for a while."""
        collector.status = 401
        exporter = OtlpExporter(collector.url)

        assert [exporter.export(spans()) for _ in range(3)] == [SpanExportResult.FAILURE] * 3
        assert len(collector.got) == 1
        assert caplog.text.count("spans cannot be sent") == 1
        assert "HTTP status 401" in caplog.text

    def test_is_tried_again_after_a_while(
        self, collector: Collector, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is told again only if it had been well in between."""
        monkeypatch.setattr(otlp, "_PAUSE_S", 0.0)
        exporter = OtlpExporter(collector.url)
        results = []
        for collector.status in (503, 503, 200, 503):
            results.append(exporter.export(spans()).name)

        assert results == ["FAILURE", "FAILURE", "SUCCESS", "FAILURE"]
        assert caplog.text.count("spans cannot be sent") == 2

    def test_nobody_listens(self, caplog: pytest.LogCaptureFixture) -> None:
        """Spans are dropped; nothing is raised."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            exporter = OtlpExporter(f"http://127.0.0.1:{free.getsockname()[1]}")

            assert exporter.export(spans()) is SpanExportResult.FAILURE
        assert "Connection refused" in caplog.text

    def test_a_collector_that_hangs(self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
        """It holds the end of the program up once, not for every batch."""
        monkeypatch.setattr(otlp, "_TIMEOUT_S", 0.05)
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            exporter = OtlpExporter(f"http://127.0.0.1:{silent.getsockname()[1]}")
            results = {exporter.export(spans()) for _ in range(100)}

        assert results == {SpanExportResult.FAILURE}
        assert "timed out" in caplog.text

    def test_an_answer_that_is_not_http(self, caplog: pytest.LogCaptureFixture) -> None:
        """Another service on that port is told as such."""
        with socket.create_server(("127.0.0.1", 0)) as server:

            def answer() -> None:
                connection, _ = server.accept()
                with connection:
                    connection.sendall(b"SSH-2.0-server\r\n")

            thread = threading.Thread(target=answer)
            thread.start()
            exporter = OtlpExporter(f"http://127.0.0.1:{server.getsockname()[1]}")
            assert exporter.export(spans()) is SpanExportResult.FAILURE
            thread.join()
        assert "spans cannot be sent" in caplog.text


class TestEndpoint:
    @pytest.mark.parametrize("endpoint", ["", "collector:4318", "grpc://collector:4317", "http://", "http://collector:port"])
    def test_that_is_none(self, endpoint: str) -> None:
        """Is told at the start."""
        with pytest.raises(ValueError, match=r"http://|[Pp]ort"):
            OtlpExporter(endpoint)
