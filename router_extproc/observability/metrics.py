"""Metrics: what happened, for Prometheus. Names and labels are in docs/observability.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from router_extproc import __version__
from router_extproc.routing import Signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.hooks import Hooks, ReloadDetails, RouteDetails
    from router_extproc.policy.compiled import Policy
    from router_extproc.routing import Observation, Outcome

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
MAX_MODELS = 50
"""Different model names that callers asked for and that get a label of their own; later ones are `other`."""

_FAST = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_SLOW = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_SIZES = (1e3, 4e3, 16e3, 64e3, 256e3, 1e6, 4e6, 16e6)


class Capped:
    """Lets the first so many different values through; later ones become `other`. Callers choose them, so they must be few."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._seen: set[str] = set()

    def __call__(self, value: str) -> str:
        """The label for that value."""
        if value in self._seen:
            return value
        if len(self._seen) < self._limit and len(value) <= 100:  # noqa: PLR2004 - a label longer than that is no model's name
            self._seen.add(value)
            return value
        return "other"


class Metrics:
    """Counts and times; a hook. One registry for each process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._model = Capped(MAX_MODELS)
        # Looking a labelled child up costs ten times what counting does.
        self._children: dict[tuple[str, ...], tuple[Callable[[], None], ...]] = {}
        self._routes()
        self._signals()
        self._responses()
        self._policies()

    def _routes(self) -> None:
        make, registry = "router_extproc_", self.registry
        self.requests = Counter(f"{make}requests", "Requests handled.", ("api", "verdict", "reason"), registry=registry)
        self.decisions = Counter(f"{make}decisions", "Decisions made.", ("decision", "recipe"), registry=registry)
        self.selections = Counter(f"{make}selections", "Requests sent to a pool.", ("pool", "selector"), registry=registry)
        self.asked = Counter(f"{make}requested_models", "Models that callers asked for.", ("model",), registry=registry)
        self.added = Histogram(
            f"{make}added_seconds", "From the body's last byte to our reply.", ("body_mode",), buckets=_FAST, registry=registry
        )
        self.routing = Histogram(f"{make}route_seconds", "Time spent deciding.", buckets=_FAST, registry=registry)
        self.bytes = Histogram(f"{make}request_bytes", "Bodies as they came.", buckets=_SIZES, registry=registry)

    def _signals(self) -> None:
        self.computed = Counter("router_extproc_signals_computed", "Signals computed.", ("signal",), registry=self.registry)
        self.unknown = Counter(
            "router_extproc_signals_unknown", "Signals that could not be computed.", ("signal", "reason"), registry=self.registry
        )

    def _responses(self) -> None:
        make, registry, labels = "router_extproc_", self.registry, ("pool",)
        self.responses = Counter(f"{make}responses", "Responses observed.", ("pool", "status"), registry=registry)
        self.tokens = Counter(f"{make}tokens", "Tokens that responses reported.", ("pool", "direction"), registry=registry)
        self.cost = Counter(f"{make}cost_usd", "Cost by the policy's prices, US dollars.", labels, registry=registry)
        self.first = Histogram(
            f"{make}time_to_first_token_seconds", "From our reply to the first token.", labels, buckets=_SLOW, registry=registry
        )
        self.duration = Histogram(
            f"{make}response_seconds", "From our reply to the response's end.", labels, buckets=_SLOW, registry=registry
        )

    def _policies(self) -> None:
        make, registry = "router_extproc_", self.registry
        self.reloads = Counter(f"{make}policy_reloads", "Attempts to load a policy.", ("trigger", "result"), registry=registry)
        self.good = Gauge(f"{make}policy_last_load_ok", "1 if the policy on disk is the one in force.", registry=registry)
        self.loaded = Gauge(f"{make}policy_loaded_timestamp_seconds", "When the policy in force was loaded.", registry=registry)
        self.info = Gauge(f"{make}policy_info", "The policy in force.", ("version",), registry=registry)
        self.limits = Gauge(f"{make}limit", "Limits in force.", ("limit",), registry=registry)
        Gauge(f"{make}build_info", "This program.", ("version",), registry=registry).labels(__version__).set(1)

    def watch(self, hooks: Hooks, streams: Callable[[], int], dropped: Callable[[], int]) -> None:
        """Export figures that others keep: failed hooks, open streams, decision log lines that were dropped."""
        make, registry = "router_extproc_", self.registry
        Gauge(f"{make}hook_failures", "Hooks that raised.", registry=registry).set_function(lambda: hooks.failures)
        Gauge(f"{make}streams", "ext_proc streams open.", registry=registry).set_function(streams)
        Gauge(f"{make}decision_log_dropped", "Decision log lines that were dropped.", registry=registry).set_function(dropped)

    def in_force(self, policy: Policy, loaded_at: float) -> None:
        """Tell which policy is in force, and its limits."""
        limits = policy.settings.limits
        self.info.clear()
        self.info.labels(policy.version).set(1)
        self.loaded.set(loaded_at)
        for name in ("max_request_bytes", "max_depth", "deadline_ms", "upload_timeout_ms"):
            self.limits.labels(name).set(getattr(limits, name))
        self.limits.labels("metric_model_labels").set(MAX_MODELS)

    def routed(self, details: RouteDetails) -> None:
        """Count a handled request."""
        outcome = details.outcome
        for count in self._counters(details.api, outcome):
            count()
        if details.request is not None:
            self.asked.labels(self._model(details.request.model or "none")).inc()
        self.added.labels(details.body_mode).observe(details.added_ms / 1e3)
        self.routing.observe(outcome.route_us / 1e6)
        self.bytes.observe(details.body_bytes)
        for name, result in outcome.signals.items():
            if isinstance(result, Signal):
                self._computed(name)
            else:
                self.unknown.labels(name, result.reason.value).inc()

    def _counters(self, api: str, outcome: Outcome) -> tuple[Callable[[], None], ...]:
        decision, selection = outcome.decision, outcome.selection
        pool = (selection.pool.name, selection.selector) if selection else ("", "")
        key = (api, outcome.verdict, decision.reason, decision.name, decision.recipe, *pool)
        found = self._children.get(key)
        if found is None:
            found = (
                self.requests.labels(api, outcome.verdict.value, decision.reason.value).inc,
                self.decisions.labels(decision.name, decision.recipe).inc,
                *((self.selections.labels(*pool).inc,) if selection else ()),
            )
            # All parts of the key come from the policy or from closed lists; a reload can only add as many again.
            if len(self._children) < 10_000:  # noqa: PLR2004 - a bound against many reloads
                self._children[key] = found
        return found

    def _computed(self, name: str) -> None:
        key = ("signal", name)
        found = self._children.get(key)
        if found is None:
            found = self._children[key] = (self.computed.labels(name).inc,)
        found[0]()

    def observed(self, seen: Observation) -> None:
        """Count a response."""
        self.responses.labels(seen.pool, str(seen.status) if seen.complete else "broken_off").inc()
        for direction, count in (("input", seen.input_tokens), ("output", seen.output_tokens), ("cached", seen.cached_tokens)):
            if count:
                self.tokens.labels(seen.pool, direction).inc(count)
        if seen.cost_usd:
            self.cost.labels(seen.pool).inc(seen.cost_usd)
        if seen.time_to_first_token_s is not None:
            self.first.labels(seen.pool).observe(seen.time_to_first_token_s)
        if seen.duration_s is not None:
            self.duration.labels(seen.pool).observe(seen.duration_s)

    def reloaded(self, details: ReloadDetails) -> None:
        """Count an attempt to load a policy."""
        self.reloads.labels(details.trigger, "ok" if details.ok else "failed").inc()
        self.good.set(1 if details.ok else 0)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
