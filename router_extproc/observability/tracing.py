"""Tracing: a span for each decision, in the caller's trace, with OpenTelemetry's GenAI attributes.

Attribute names are those of the OpenTelemetry semantic conventions for generative AI. The prompt is in none of them.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from router_extproc import __version__
from router_extproc.routing import Signal, Verdict

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.util.types import AttributeValue

    from router_extproc.hooks import AnswerDetails, ReloadDetails, RouteDetails
    from router_extproc.routing import Observation

_OPERATIONS = {
    "openai_chat": "chat",
    "openai_responses": "chat",
    "anthropic_messages": "chat",
    "openai_completions": "text_completion",
    "openai_embeddings": "embeddings",
}
_MAX_TEXT = 200
_FAULT = 500


class Tracing:
    """Makes spans; a hook. A decision takes well below a millisecond, so its span is made when it is over."""

    def __init__(self, exporter: SpanExporter) -> None:
        resource = Resource.create({"service.name": "router-extproc", "service.version": __version__})
        self._provider = TracerProvider(resource=resource)
        # Bounded: when the collector is slower than the requests, spans are dropped.
        self._provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=4096))
        self._tracer = self._provider.get_tracer("router_extproc", __version__)
        self._propagator = TraceContextTextMapPropagator()

    def routed(self, details: RouteDetails) -> None:
        """Make the span of a decision."""
        if details.api == "none":
            return
        context = self._propagator.extract({"traceparent": details.traceparent}) if details.traceparent else None
        parent = trace.get_current_span(context).get_span_context() if context else None
        if parent is not None and parent.is_valid and not parent.trace_flags.sampled:
            return
        end = time.time_ns()
        start = end - int(details.added_ms * 1e6)
        span = self._tracer.start_span(
            f"route {details.outcome.decision.name}",
            context=context,
            kind=SpanKind.INTERNAL,
            start_time=start,
            attributes=attributes(details),
        )
        if details.outcome.verdict is Verdict.REJECT and details.outcome.status >= _FAULT:
            span.set_status(Status(StatusCode.ERROR, details.outcome.decision.reason.value))
        span.end(end)

    def observed(self, observation: Observation) -> None:
        """Nothing: the response belongs to the caller's own span."""

    def answered(self, details: AnswerDetails) -> None:
        """Nothing: a trace tells of requests."""

    def reloaded(self, details: ReloadDetails) -> None:
        """Nothing."""

    def close(self) -> None:
        """Send what waits."""
        self._provider.shutdown()


def attributes(details: RouteDetails) -> dict[str, AttributeValue]:
    """The attributes of a decision's span."""
    outcome, request = details.outcome, details.request
    told: dict[str, AttributeValue] = {
        "gen_ai.operation.name": _OPERATIONS.get(details.api, details.api),
        "gen_ai.provider.name": "anthropic" if details.api.startswith("anthropic") else "openai",
        "router.decision.id": outcome.id,
        "router.decision.name": outcome.decision.name,
        "router.decision.reason": outcome.decision.reason.value,
        "router.verdict": outcome.verdict.value,
        "router.policy.version": outcome.policy,
        "router.route.us": outcome.route_us,
    }
    if request is not None:
        told["gen_ai.request.model"] = request.model[:_MAX_TEXT]
        if request.max_output_tokens is not None:
            told["gen_ai.request.max_tokens"] = request.max_output_tokens
        if request.n > 1:
            told["gen_ai.request.choice.count"] = request.n
    if outcome.selection is not None:
        told |= {
            "router.pool": outcome.selection.pool.name,
            "router.model": outcome.selection.model,
            "router.selector": outcome.selection.selector,
        }
    if outcome.session is not None:
        told |= {
            "router.session.key": outcome.session.key,
            "router.session.turn": outcome.session.turn,
            "router.session.move": outcome.session.move.value,
        }
    if outcome.reroutes:
        told["router.left"] = tuple(f"{each.pool}: {each.why}" for each in outcome.reroutes)
    if outcome.decision.recipe:
        told["router.recipe"] = outcome.decision.recipe
    told |= {f"router.signal.{name}": _fact(result) for name, result in outcome.signals.items() if isinstance(result, Signal)}
    if outcome.decision.unknown:
        told["router.unknown"] = outcome.decision.unknown
    return told


def _fact(signal: Signal) -> float | str:
    if signal.label is not None:
        return signal.label[:_MAX_TEXT]
    return signal.value if signal.measure is None else signal.measure
