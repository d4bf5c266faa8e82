"""Tracing: each decision is a span in the caller's own trace, and the prompt is in none of its attributes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, StatusCode

from router_extproc import __version__
from router_extproc.hooks import ReloadDetails, RouteDetails
from router_extproc.observability.tracing import Tracing, attributes
from router_extproc.routing import Decision, Observation, Reason, Signal, Unknown, UnknownReason
from router_extproc.sessions.identity import Source
from router_extproc.sessions.note import Move, Reroute, SessionNote

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    Handled = Callable[..., RouteDetails]
    Chat = Callable[..., bytes]

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


class Kept(SpanExporter):
    """Keeps spans."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Keep them."""
        self.spans.extend(spans)
        return SpanExportResult.SUCCESS


def traced(*details: RouteDetails) -> list[ReadableSpan]:
    """The spans of these."""
    exporter = Kept()
    tracing = Tracing(exporter)
    for one in details:
        tracing.routed(one)
    tracing.close()
    return exporter.spans


class TestSpan:
    def test_joins_the_callers_trace(self, handled: Handled, chat: Chat) -> None:
        """By the traceparent that came with the request."""
        (span,) = traced(handled(chat(), traceparent=f"00-{TRACE}-{PARENT}-01"))

        assert span.context is not None
        assert span.parent is not None
        assert format(span.context.trace_id, "032x") == TRACE
        assert format(span.parent.span_id, "016x") == PARENT

    @pytest.mark.parametrize(
        "traceparent",
        [
            pytest.param("", id="none"),
            pytest.param("nonsense", id="no traceparent"),
            pytest.param(f"00-{'0' * 32}-{PARENT}-01", id="trace id of zeros"),
            pytest.param("00-" + "x" * 10_000, id="long"),
        ],
    )
    def test_without_a_trace_it_is_its_own(self, handled: Handled, chat: Chat, traceparent: str) -> None:
        """What callers send as traceparent cannot break it."""
        (span,) = traced(handled(chat(), traceparent=traceparent))

        assert span.parent is None

    def test_a_trace_that_is_not_sampled_gets_none(self, handled: Handled, chat: Chat) -> None:
        """The caller's own sampling holds."""
        assert traced(handled(chat(), traceparent=f"00-{TRACE}-{PARENT}-00")) == []

    def test_lasts_as_long_as_the_decision_took(self, handled: Handled, chat: Chat) -> None:
        """Though it is made afterwards."""
        (span,) = traced(handled(chat(), added_ms=2.5))

        assert span.start_time is not None
        assert span.end_time is not None
        assert span.end_time - span.start_time == 2_500_000

    def test_is_named_for_the_decision(self, handled: Handled, chat: Chat) -> None:
        """Names come from the policy, so there are few."""
        (span,) = traced(handled(chat("a traceback")))

        assert (span.name, span.kind) == ("route code", SpanKind.INTERNAL)
        assert span.resource.attributes["service.name"] == "router-extproc"
        assert span.resource.attributes["service.version"] == __version__

    def test_other_paths_get_none(self, handled: Handled) -> None:
        """They are no decision."""
        assert traced(handled(b"x", path="/elsewhere")) == []

    @pytest.mark.parametrize(
        ("status", "code"),
        [pytest.param(403, StatusCode.UNSET, id="a policy's no"), pytest.param(500, StatusCode.ERROR, id="our own fault")],
    )
    def test_only_our_own_faults_are_errors(self, handled: Handled, chat: Chat, status: int, code: StatusCode) -> None:
        """A policy that says no has done its work."""
        details = handled(chat("hunter2"))
        (span,) = traced(replace(details, outcome=replace(details.outcome, status=status)))

        assert span.status.status_code is code

    def test_other_events_make_none(self) -> None:
        """Responses belong to the caller's span."""
        exporter = Kept()
        tracing = Tracing(exporter)
        tracing.observed(Observation("1", "small", "m", 200))
        tracing.reloaded(ReloadDetails(ok=True, version="a", source="p", trigger="start"))
        tracing.close()

        assert exporter.spans == []


class TestAttributes:
    def test_of_a_routed_request(self, handled: Handled, chat: Chat) -> None:
        """GenAI's own names for what was asked, ours for what was decided."""
        details = handled(chat("a traceback", max_tokens=100, n=3))
        told = attributes(details)

        assert {name: told[name] for name in told if name.startswith("gen_ai.")} == {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "auto",
            "gen_ai.request.max_tokens": 100,
            "gen_ai.request.choice.count": 3,
        }
        assert told["router.decision.id"] == details.outcome.id
        assert told["router.route.us"] == details.outcome.route_us
        assert {name: told[f"router.{name}"] for name in ("decision.name", "decision.reason", "verdict", "pool", "model")} == {
            "decision.name": "code",
            "decision.reason": "rule",
            "verdict": "route",
            "pool": "large",
            "model": "qwen-large",
        }
        assert told["router.policy.version"] == details.outcome.policy
        assert told["router.signal.code_words"] == 1.0

    @pytest.mark.parametrize(
        ("api", "operation", "provider"),
        [
            ("openai_chat", "chat", "openai"),
            ("openai_responses", "chat", "openai"),
            ("openai_completions", "text_completion", "openai"),
            ("openai_embeddings", "embeddings", "openai"),
            ("anthropic_messages", "chat", "anthropic"),
        ],
    )
    def test_name_the_operation(self, handled: Handled, chat: Chat, api: str, operation: str, provider: str) -> None:
        """By the API that the request came by."""
        told = attributes(handled(chat(), api=api))

        assert (told["gen_ai.operation.name"], told["gen_ai.provider.name"]) == (operation, provider)

    @pytest.mark.parametrize(
        ("result", "fact"),
        [
            pytest.param(Signal("s", 0.5), 0.5, id="score"),
            pytest.param(Signal("s", 1.0, measure=812.0), 812.0, id="number"),
            pytest.param(Signal("s", 0.9, label="de"), "de", id="label"),
            pytest.param(Signal("s", 0.9, label="x" * 500), "x" * 200, id="long label"),
            pytest.param(Unknown("s", UnknownReason.DEADLINE), None, id="unknown"),
        ],
    )
    def test_tell_signals(self, handled: Handled, chat: Chat, result: Signal | Unknown, fact: object) -> None:
        """As the decision log does: measure, label or value."""
        details = handled(chat())
        told = attributes(replace(details, outcome=replace(details.outcome, signals={"s": result})))

        assert told.get("router.signal.s") == fact

    def test_tell_recipe_and_unknown_signals(self, handled: Handled, chat: Chat) -> None:
        """Where there are any."""
        details = handled(chat())
        decision = Decision("default", Reason.DEFAULT, recipe="cheap", unknown=("topic",))
        told = attributes(replace(details, outcome=replace(details.outcome, decision=decision)))

        assert (told["router.recipe"], told["router.unknown"]) == ("cheap", ("topic",))
        assert not {"router.recipe", "router.unknown"} & set(attributes(details))

    def test_tell_sessions_and_pools_that_were_left(self, handled: Handled, chat: Chat) -> None:
        """Where there are any."""
        details = handled(chat())
        note, left = SessionNote("ab", Source.HEADER, 3, Move.MOVED), (Reroute("small", "circuit_open", "large"),)
        told = attributes(replace(details, outcome=replace(details.outcome, session=note, reroutes=left)))

        assert [told[f"router.session.{name}"] for name in ("key", "turn", "move")] == ["ab", 3, "moved"]
        assert told["router.left"] == ("small: circuit_open",)
        assert not {name for name in attributes(details) if "session" in name or "left" in name}

    def test_of_a_body_that_was_not_read(self, handled: Handled) -> None:
        """There is no model to tell."""
        told = attributes(handled(b"{"))

        assert not {"gen_ai.request.model", "router.pool"} & set(told)

    def test_the_prompt_is_not_in_them(self, handled: Handled, chat: Chat) -> None:
        """Of what callers write only the model's name is told."""
        words = [f"canary{number}" for number in range(6)]
        body = chat(words[0], model=words[1], user=words[2], metadata={words[3]: words[4]}, stop=words[5])
        text = json.dumps(attributes(handled(body)))

        assert [word for word in words if word in text] == [words[1]]

    def test_long_names_are_cut(self, handled: Handled, chat: Chat) -> None:
        """A span's size is not the caller's to choose."""
        assert attributes(handled(chat(model="m" * 1000)))["gen_ai.request.model"] == "m" * 200
