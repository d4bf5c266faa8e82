"""Metrics: what happened is counted once, under few labels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from router_extproc import __version__
from router_extproc.hooks import Hooks, ReloadDetails, RouteDetails
from router_extproc.observability.metrics import MAX_MODELS, Capped, Metrics
from router_extproc.routing import Observation, Outcome, Unknown, UnknownReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.router import Router

    Handled = Callable[..., RouteDetails]
    Chat = Callable[..., bytes]


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """A sample, as a scrape reads it."""
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            if sample.name == f"router_extproc_{name}" and sample.labels == labels:
                return float(sample.value)
    return None


def labels(metrics: Metrics, name: str) -> list[dict[str, str]]:
    """The label sets of a metric."""
    families = text_string_to_metric_families(metrics.text().decode())
    return [sample.labels for family in families for sample in family.samples if sample.name == f"router_extproc_{name}"]


@pytest.fixture
def metrics() -> Metrics:
    """Nothing counted yet."""
    return Metrics()


class TestRouted:
    def test_a_routed_request(self, metrics: Metrics, handled: Handled, chat: Chat) -> None:
        """Verdict, decision, pool, model and times."""
        metrics.routed(handled(chat("a traceback"), added_ms=0.2))

        assert value(metrics, "requests_total", api="openai_chat", verdict="route", reason="rule") == 1
        assert value(metrics, "decisions_total", decision="code", recipe="") == 1
        assert len(labels(metrics, "selections_total")) == 1
        assert labels(metrics, "selections_total")[0]["pool"] == "large"
        assert value(metrics, "requested_models_total", model="auto") == 1
        assert value(metrics, "added_seconds_count", body_mode="buffered") == 1
        assert value(metrics, "added_seconds_sum", body_mode="buffered") == pytest.approx(0.0002)
        assert value(metrics, "route_seconds_count") == 1
        assert value(metrics, "request_bytes_sum") == len(chat("a traceback"))

    @pytest.mark.parametrize(
        ("text", "verdict", "reason", "decision"),
        [
            pytest.param("hunter2", "reject", "rule_reject", "no-secrets", id="reject"),
            pytest.param("", "reject", "malformed_json", "-", id="unreadable"),
        ],
    )
    def test_what_goes_nowhere_has_no_pool(
        self, metrics: Metrics, handled: Handled, chat: Chat, text: str, verdict: str, reason: str, decision: str
    ) -> None:
        """Rejects are counted by their reason, and as no selection."""
        metrics.routed(handled(chat(text) if text else b"{"))

        assert value(metrics, "requests_total", api="openai_chat", verdict=verdict, reason=reason) == 1
        assert value(metrics, "decisions_total", decision=decision, recipe="") == 1
        assert labels(metrics, "selections_total") == []

    def test_the_answer_comes_before_an_unread_request(self, metrics: Metrics, handled: Handled) -> None:
        """A body that was never parsed names no model, and its deciding took no time that counts."""
        metrics.routed(handled(b"{"))

        assert labels(metrics, "requested_models_total") == []
        assert value(metrics, "route_seconds_count") == 0

    def test_what_is_compared(self, metrics: Metrics, handled: Handled, chat: Chat) -> None:
        """The policy that decided, and what shadows would have chosen."""
        details = handled(chat("hello"))
        assert details.outcome.selection is not None
        shadows = {"a": "small", "b": "large", "c": "-", "d": "!"}
        outcome = replace(details.outcome, selection=replace(details.outcome.selection, shadows=shadows))
        metrics.canary = "0123"
        metrics.routed(replace(details, outcome=outcome))
        metrics.routed(replace(details, outcome=replace(outcome, policy="0123")))

        results = dict(zip("abcd", ("same", "other", "nobody", "failed"), strict=True))
        for shadow, result in results.items():
            assert value(metrics, "shadows_total", decision="default", shadow=shadow, result=result) == 2
        for policy in ("main", "canary"):
            assert value(metrics, "canary_requests_total", policy=policy, verdict="route", pool="small") == 1

    def test_other_paths(self, metrics: Metrics, handled: Handled) -> None:
        """They are counted under the API `none`, whatever they are."""
        for path in ("/a", "/b"):
            metrics.routed(handled(b"x", path=path))

        assert value(metrics, "requests_total", api="none", verdict="pass", reason="not_llm") == 2

    def test_signals(self, metrics: Metrics, handled: Handled, chat: Chat) -> None:
        """Those that were computed, and those that could not be, by reason."""
        details = handled(chat("a traceback"))
        outcome = details.outcome
        signals = {**outcome.signals, "code_words": Unknown("code_words", UnknownReason.DEADLINE)}
        metrics.routed(
            RouteDetails(
                outcome=Outcome("1", outcome.verdict, outcome.decision, signals=signals),
                request=None,
                api="openai_chat",
                body_mode="buffered",
                body_bytes=1,
                added_ms=1,
            )
        )

        assert value(metrics, "signals_computed_total", signal="secret") == 1
        assert value(metrics, "signals_computed_total", signal="code_words") is None
        assert value(metrics, "signals_unknown_total", signal="code_words", reason="deadline") == 1

    def test_a_fast_reply_is_told_from_a_slow_one(self, metrics: Metrics, handled: Handled, chat: Chat) -> None:
        """Buckets begin far below a millisecond."""
        for milliseconds in (0.06, 0.3, 3.0):
            metrics.routed(handled(chat(), added_ms=milliseconds))

        counts = [
            value(metrics, "added_seconds_bucket", body_mode="buffered", le=bound) for bound in ("0.0001", "0.0005", "0.005")
        ]
        assert counts == [1, 2, 3]


class TestLabels:
    def test_callers_cannot_make_many(self, metrics: Metrics, handled: Handled, chat: Chat) -> None:
        """The first model names get labels, all later ones are `other`."""
        for number in range(MAX_MODELS + 30):
            metrics.routed(handled(chat(model=f"invented-{number}")))

        assert len(labels(metrics, "requested_models_total")) == MAX_MODELS + 1
        assert value(metrics, "requested_models_total", model="other") == 30

    def test_a_hostile_request_adds_no_label_of_its_own(self, metrics: Metrics, handled: Handled, chat: Chat) -> None:
        """Only the requested model is the caller's word; paths, prompts and other fields are in no label."""
        body = chat("canary1", model="canary2", user="canary3", metadata={"canary4": "canary5"}, canary6="canary7")
        metrics.routed(handled(body))
        metrics.routed(handled(body, path="/canary8"))
        metrics.routed(handled(b'{"canary9'))

        assert [word for word in map("canary{}".format, range(1, 10)) if word in metrics.text().decode()] == ["canary2"]

    @pytest.mark.parametrize(
        "model",
        [pytest.param('a"b\nc\\', id="quotes"), pytest.param("mødel", id="letters"), pytest.param("\x00\u202e", id="controls")],
    )
    def test_any_name_can_be_scraped(self, metrics: Metrics, handled: Handled, chat: Chat, model: str) -> None:
        """Names that need escapes come through."""
        metrics.routed(handled(chat(model=model)))

        assert value(metrics, "requested_models_total", model=model) == 1

    def test_what_there_was_no_room_for_is_told(self, metrics: Metrics) -> None:
        """A broken upstream cannot fill the memory with statuses, and the loss is visible."""
        for number in range(10_050):
            metrics.observed(Observation("1", "small", "m", number))

        assert len(labels(metrics, "responses_total")) == 10_000
        assert value(metrics, "uncounted_total") == 50


class TestCapped:
    def test_lets_the_first_through(self) -> None:
        """And remembers them."""
        capped = Capped(2)

        assert [capped(name) for name in ("a", "b", "c", "a", "b")] == ["a", "b", "other", "a", "b"]

    def test_long_names_are_other(self) -> None:
        """They would make every scrape long."""
        assert Capped(2)("x" * 101) == "other"


class TestObserved:
    def test_a_whole_response(self, metrics: Metrics) -> None:
        """Status, tokens, cost and times, by pool."""
        metrics.observed(
            Observation(
                "1",
                "small",
                "m",
                200,
                input_tokens=10,
                output_tokens=20,
                cached_tokens=5,
                time_to_first_token_s=0.3,
                duration_s=2.0,
                cost_usd=0.5,
            )
        )

        assert value(metrics, "responses_total", pool="small", status="200") == 1
        tokens = {name: value(metrics, "tokens_total", pool="small", direction=name) for name in ("input", "output", "cached")}
        assert tokens == {"input": 10, "output": 20, "cached": 5}
        assert value(metrics, "cost_usd_total", pool="small") == 0.5
        assert value(metrics, "time_to_first_token_seconds_sum", pool="small") == pytest.approx(0.3)
        assert value(metrics, "response_seconds_sum", pool="small") == 2.0

    def test_a_broken_off_response(self, metrics: Metrics) -> None:
        """It had status 200, and is not to be counted as one."""
        metrics.observed(Observation("1", "small", "m", 200, complete=False))

        assert value(metrics, "responses_total", pool="small", status="broken_off") == 1
        assert value(metrics, "responses_total", pool="small", status="200") is None

    def test_unknown_figures_are_not_zero(self, metrics: Metrics) -> None:
        """A response without usage adds no tokens, no cost and no times."""
        metrics.observed(Observation("1", "small", "m", 200))

        for name in ("tokens_total", "cost_usd_total", "time_to_first_token_seconds_count", "response_seconds_count"):
            assert labels(metrics, name) == []


class TestPolicy:
    def test_loads_are_counted(self, metrics: Metrics) -> None:
        """By trigger and result; the gauge tells the last one."""
        metrics.reloaded(ReloadDetails(ok=True, version="a", source="p", trigger="start"))
        good = value(metrics, "policy_last_load_ok")
        metrics.reloaded(ReloadDetails(ok=False, version="b", source="p", trigger="watch", errors=("x",)))

        assert (good, value(metrics, "policy_last_load_ok")) == (1, 0)
        assert value(metrics, "policy_reloads_total", trigger="start", result="ok") == 1
        assert value(metrics, "policy_reloads_total", trigger="watch", result="failed") == 1

    def test_the_policy_in_force(self, metrics: Metrics, router: Router) -> None:
        """One version at a time, when it was loaded, and its limits."""
        metrics.in_force(router.policy, 1000.0)
        metrics.in_force(router.policy, 2000.0)

        assert labels(metrics, "policy_info") == [{"version": router.policy.version}]
        assert value(metrics, "policy_loaded_timestamp_seconds") == 2000
        limits = router.policy.settings.limits
        assert value(metrics, "limit", limit="max_request_bytes") == limits.max_request_bytes
        assert value(metrics, "limit", limit="max_depth") == limits.max_depth
        assert value(metrics, "limit", limit="deadline_ms") == limits.deadline_ms
        assert value(metrics, "limit", limit="upload_timeout_ms") == limits.upload_timeout_ms
        assert value(metrics, "limit", limit="metric_model_labels") == MAX_MODELS

    def test_another_policy_takes_the_place(
        self, metrics: Metrics, router: Router, make_router: Callable[[str], Router], policy: str
    ) -> None:
        """The old version's label is gone."""
        other = make_router(policy + "# changed\n").policy
        metrics.in_force(router.policy, 1000.0)
        metrics.in_force(other, 2000.0)

        assert labels(metrics, "policy_info") == [{"version": other.version}]


class TestWatch:
    def test_exports_what_others_count(self, metrics: Metrics) -> None:
        """At each scrape anew."""
        figures: dict[str, Any] = {"streams": 3, "dropped": 4}
        hooks = Hooks()
        metrics.watch(hooks, lambda: figures["streams"], lambda: figures["dropped"])
        hooks.failures = 5
        figures["streams"] = 2

        assert value(metrics, "streams") == 2
        assert value(metrics, "decision_log_dropped_total") == 4
        assert value(metrics, "hook_failures_total") == 5


class TestText:
    def test_tells_the_program(self, metrics: Metrics) -> None:
        """Its version is a label."""
        assert value(metrics, "build_info", version=__version__) == 1

    def test_each_has_its_own_registry(self, handled: Handled, chat: Chat) -> None:
        """Two in one process share nothing, and register no global collector."""
        one, other = Metrics(), Metrics()
        one.routed(handled(chat()))

        assert labels(other, "requests_total") == []
        assert b"python_gc" not in one.text()
