"""Metrics: what happened, for Prometheus. Names and labels are in docs/observability.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from router_extproc import __version__
from router_extproc.observability.cache_metrics import CacheCollector
from router_extproc.observability.learning_metrics import LearningCollector
from router_extproc.observability.limit_metrics import LimitFigures
from router_extproc.observability.session_metrics import SessionCollector, turn_counts
from router_extproc.observability.tally import Counts, Distribution, Distributions, counter, gauge, histogram, summed
from router_extproc.router.shadow import FAILED, NOBODY
from router_extproc.routing import Signal
from router_extproc.signals.credentials.memory import SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from prometheus_client import Metric

    from router_extproc.cache.store import ResponseCache
    from router_extproc.encoders.figures import Figures
    from router_extproc.encoders.models import Models, Stocks
    from router_extproc.envoy_admin import AskFigures
    from router_extproc.health import PoolHealth
    from router_extproc.hooks import AnswerDetails, Hooks, ReloadDetails, RouteDetails
    from router_extproc.learning.experience import Experience
    from router_extproc.limits.memory import MemoryStore
    from router_extproc.limits.shared import Health
    from router_extproc.policy.compiled import Policy
    from router_extproc.routing import Observation, Outcome
    from router_extproc.sessions.sessions import Sessions
    from router_extproc.signals.services import SignalServices

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
MAX_MODELS = 50
"""Different model names that callers asked for and that get a label of their own; later ones are `other`."""
_MAX_LABEL = 100

_FAST = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_SLOW = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_SIZES = (1e3, 4e3, 16e3, 64e3, 256e3, 1e6, 4e6, 16e6)
_LIMITS = ("max_request_bytes", "max_depth", "deadline_ms", "upload_timeout_ms")
_NAME = "router_extproc_"


class Capped:
    """Lets the first so many different values through; later ones become `other`. Callers choose them, so they must be few."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._seen: set[str] = set()

    def __call__(self, value: str) -> str:
        """The label for that value."""
        if value in self._seen:
            return value
        if len(self._seen) < self._limit and len(value) <= _MAX_LABEL:
            self._seen.add(value)
            return value
        return "other"


_SHADOW = {NOBODY: "nobody", FAILED: "failed"}


def _compared(chosen: str, pool: str) -> str:
    """What a shadow's choice is beside the one that was made."""
    return _SHADOW.get(chosen, "same" if chosen == pool else "other")


class _Traffic(Collector):
    """The figures of requests and responses."""

    def __init__(self) -> None:
        self.handled = Counts()
        """By api, verdict, reason, decision, recipe, pool, selector."""
        self.models = Counts()
        self.computed = Counts()
        self.unknown = Counts()
        self.responses = Counts()
        self.tokens = Counts()
        self.cost = Counts()
        self.private = Counts()
        self.stripped = Counts()
        self.answers = Counts()
        self.findings = Counts()
        self.sentences = Counts()
        self.unproven = Counts()
        self.limited = Counts()
        self.shadows = Counts()
        self.roles = Counts()
        self.cache = Counts()
        self.turns = Counts()
        self.reroutes = Counts()
        self.added = Distributions(_FAST)
        self.routing = Distribution(_FAST)
        self.bytes = Distribution(_SIZES)
        self.first = Distributions(_SLOW)
        self.duration = Distributions(_SLOW)

    def collect(self) -> Iterator[Metric]:
        """Everything, as Prometheus wants it."""
        handled: Any = self.handled
        pools = {key: count for key, count in summed(handled, 5, 6).items() if key[0]}
        yield counter(f"{_NAME}requests", "Requests handled.", ("api", "verdict", "reason"), summed(handled, 0, 1, 2))
        yield counter(f"{_NAME}decisions", "Decisions made.", ("decision", "recipe"), summed(handled, 3, 4))
        yield counter(f"{_NAME}selections", "Requests sent to a pool.", ("pool", "selector"), pools)
        for name, text, labels, counts in self._counters():
            yield counter(f"{_NAME}{name}", text, labels, counts)
        yield histogram(f"{_NAME}added_seconds", "From the body's last byte to our reply.", "body_mode", self.added)
        yield histogram(f"{_NAME}route_seconds", "Time spent deciding.", "", {"": self.routing})
        yield histogram(f"{_NAME}request_bytes", "Bodies as they came.", "", {"": self.bytes})
        yield histogram(f"{_NAME}time_to_first_token_seconds", "From our reply to the first token.", "pool", self.first)
        yield histogram(f"{_NAME}response_seconds", "From our reply to the response's end.", "pool", self.duration)

    def _counters(self) -> tuple[tuple[str, str, tuple[str, ...], Any], ...]:
        return (
            ("requested_models", "Models that callers asked for.", ("model",), self.models),
            ("signals_computed", "Signals computed.", ("signal",), self.computed),
            ("signals_unknown", "Signals that could not be computed.", ("signal", "reason"), self.unknown),
            ("responses", "Responses observed.", ("pool", "status"), self.responses),
            ("tokens", "Tokens that responses reported.", ("pool", "direction"), self.tokens),
            ("cost_usd", "Cost by the policy's prices, US dollars.", ("pool",), self.cost),
            ("private_data", "Requests with private data that a decision asks for.", ("type", "action"), self.private),
            ("stripped_texts", "Texts taken out of requests.", (), self.stripped),
            ("guarded_answers", "Responses that a guard looked at.", ("pool", "result"), self.answers),
            ("answer_findings", "Private data found in responses.", ("pool", "type"), self.findings),
            ("answer_sentences", "Sentences that were compared with sources.", ("pool", "supported"), self.sentences),
            ("identity_unproven", "Requests whose identity headers came without proof.", ("proof",), self.unproven),
            (
                "canary_requests",
                "Requests by the policy that decided: main or canary.",
                ("policy", "verdict", "pool"),
                self.roles,
            ),
            ("rate_limited", "Requests that a rate limit refused.", ("limit", "amount"), self.limited),
            (
                "shadows",
                "Choices of shadow selectors: same, other, nobody, failed.",
                ("decision", "shadow", "result"),
                self.shadows,
            ),
            ("cache_requests", "Requests whose decision asks for the cache.", ("decision", "result", "how"), self.cache),
            ("session_turns", "Turns of sessions.", ("decision", "move", "budget"), self.turns),
            ("reroutes", "Pools that were left because they cannot be asked.", ("pool", "reason", "result"), self.reroutes),
            ("uncounted", "Figures left out because there were too many label values.", (), {(): self._lost()}),
        )

    def _lost(self) -> int:
        counts: tuple[Counts, ...] = (
            self.handled,
            self.models,
            self.computed,
            self.unknown,
            self.responses,
            self.tokens,
            self.cost,
        )
        counts += (
            self.private,
            self.stripped,
            self.answers,
            self.findings,
            self.sentences,
            self.cache,
            self.turns,
            self.reroutes,
        )
        return sum(one.lost for one in counts)


class _Troubles(Collector):
    """What observing itself lost."""

    def __init__(self, failures: Callable[[], int], dropped: Callable[[], int]) -> None:
        self._failures = failures
        self._dropped = dropped

    def collect(self) -> Iterator[Metric]:
        """Counts that others keep."""
        yield counter(f"{_NAME}hook_failures", "Hooks that raised.", (), {(): self._failures()})
        yield counter(f"{_NAME}decision_log_dropped", "Decision log lines that were dropped.", (), {(): self._dropped()})


class _Encoders(Collector):
    """What the models did, and what they have at hand."""

    def __init__(self, models: Models) -> None:
        self._models = models

    def collect(self) -> Iterator[Metric]:
        """Figures by model."""
        labels = ("model",)
        stocks: dict[tuple[str, ...], Stocks] = {(name,): each for name, each in self._models.stocks().items()}
        figures: dict[tuple[str, ...], Figures] = {(name,): each for name, each in dict(self._models.figures).items()}
        for name, text in _FIGURES.items():
            yield counter(f"{_NAME}encoder_{name}", text, labels, {key: getattr(each, name) for key, each in figures.items()})
        for name, text in _HITS.items():
            found = {key: getattr(each, name) for key, each in stocks.items()}
            yield counter(f"{_NAME}encoder_cache_{name}", text, labels, found)
        waiting = {key: each.queued for key, each in stocks.items()}
        yield gauge(f"{_NAME}encoder_queue", "Texts that wait.", labels, waiting)
        kept = {key: each.cached for key, each in stocks.items()}
        yield gauge(f"{_NAME}encoder_cache_entries", "Texts whose readings are kept.", labels, kept)


class _Breakers(Collector):
    """Whether the classifiers work."""

    def __init__(self, services: SignalServices) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        """States and transitions by classifier."""
        states: dict[tuple[str, ...], float] = {
            (name,): float(report.state.rank) for name, report in self._services.breakers().items()
        }
        text = "0: closed, 1: half-open, 2: open, its signals are unknown."
        yield gauge(f"{_NAME}breaker_state", text, ("classifier",), states)
        turns: dict[tuple[str, ...], float] = {
            (name, state): count for name, each in self._services.turns().items() for state, count in each.items()
        }
        yield counter(f"{_NAME}breaker_transitions", "Transitions of breakers.", ("classifier", "to"), turns)


_FIGURES = {
    "texts": "Texts read.",
    "windows": "Windows read.",
    "batches": "Runs of several texts at once.",
    "seconds": "Time spent reading.",
    "overloads": "Texts refused because the queue was full.",
    "late": "Texts whose deadline passed in the queue, or half-way while others waited.",
}
"""Counters of encoders, by their attribute of Figures."""
_HITS = {"hits": "Texts that were read lately.", "misses": "Texts that were not."}


class Metrics:
    """Counts and times; a hook. One registry for each process. Requests and responses are counted on the event loop only."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._model = Capped(MAX_MODELS)
        self._traffic = _Traffic()
        self.canary = ""
        """Version of the policy that decides some sessions in place of the one in force; empty if there is none."""
        self.registry.register(self._traffic)
        self._policies()

    def _policies(self) -> None:
        registry = self.registry
        self._reloads = Counter(f"{_NAME}policy_reloads", "Attempts to load a policy.", ("trigger", "result"), registry=registry)
        self._good = Gauge(f"{_NAME}policy_last_load_ok", "1 if the policy on disk is the one in force.", registry=registry)
        self._loaded = Gauge(f"{_NAME}policy_loaded_timestamp_seconds", "When the policy in force was loaded.", registry=registry)
        self._info = Gauge(f"{_NAME}policy_info", "The policy in force.", ("version",), registry=registry)
        self._limits = Gauge(f"{_NAME}limit", "Limits in force.", ("limit",), registry=registry)
        Gauge(f"{_NAME}build_info", "This program.", ("version",), registry=registry).labels(__version__).set(1)

    def watch(self, hooks: Hooks, streams: Callable[[], int], dropped: Callable[[], int]) -> None:
        """Export figures that others keep: failed hooks, open streams, decision log lines that were dropped."""
        registry = self.registry
        Gauge(f"{_NAME}streams", "ext_proc streams open.", registry=registry).set_function(streams)
        registry.register(_Troubles(lambda: hooks.failures, dropped))

    def watch_models(self, models: Models, bounds: Mapping[str, int]) -> None:
        """Export what the models do, and what bounds them."""
        self.registry.register(_Encoders(models))
        for name, bound in bounds.items():
            self._limits.labels(name).set(bound)

    def watch_signals(self, services: SignalServices) -> None:
        """Export whether the classifiers work, and how much is remembered of conversations."""
        self.registry.register(_Breakers(services))
        text = "Conversations whose secrets are remembered, as keyed hashes."
        remembered = Gauge(f"{_NAME}credential_conversations", text, registry=self.registry)
        remembered.set_function(lambda: len(services.credentials.memory))
        self._limits.labels("credential_conversations").set(SIZE)

    def watch_limits(self, counts: MemoryStore, health: Health | None) -> None:
        """Export what rate limits count."""
        self.registry.register(LimitFigures(counts, health))

    def watch_cache(self, cache: ResponseCache) -> None:
        """Export what the response cache does."""
        self.registry.register(CacheCollector(cache))

    def watch_sessions(self, sessions: Sessions, health: PoolHealth, envoy: AskFigures | None = None) -> None:
        """Export what is remembered of sessions, how pools fare, and whether Envoy tells of them."""
        self.registry.register(SessionCollector(sessions, health, envoy))

    def watch_learning(self, experience: Experience) -> None:
        """Export what feedback came."""
        self.registry.register(LearningCollector(experience))

    def in_force(self, policy: Policy, loaded_at: float) -> None:
        """Tell which policy is in force, and its limits."""
        limits = policy.settings.limits
        self._info.clear()
        self._info.labels(policy.version).set(1)
        self._loaded.set(loaded_at)
        for name in _LIMITS:
            self._limits.labels(name).set(getattr(limits, name))
        self._limits.labels("metric_model_labels").set(MAX_MODELS)
        self._limits.labels("cache_bytes").set(policy.settings.cache.max_bytes)
        self._limits.labels("cache_entry_bytes").set(policy.settings.cache.max_entry_bytes)

    def routed(self, details: RouteDetails) -> None:
        """Count a handled request."""
        traffic, outcome = self._traffic, details.outcome
        decision, selection = outcome.decision, outcome.selection
        pool, selector = (selection.pool.name, selection.selector) if selection else ("", "")
        traffic.handled.add((details.api, outcome.verdict, decision.reason, decision.name, decision.recipe, pool, selector))
        if details.request is not None:
            traffic.models.add((self._model(details.request.model or "none"),))
        traffic.added[details.body_mode].add(details.added_ms / 1e3)
        if outcome.limited is not None:
            traffic.limited.add((outcome.limited.limit, outcome.limited.amount))
        self._compare(outcome, pool)
        if details.unproven:
            traffic.unproven.add((details.unproven,))
        if outcome.route_us:
            # Requests that no policy was asked about would make deciding look free.
            traffic.routing.add(outcome.route_us / 1e6)
        traffic.bytes.add(details.body_bytes)
        for name, result in outcome.signals.items():
            if isinstance(result, Signal):
                traffic.computed.add((name,))
            else:
                traffic.unknown.add((name, result.reason))
        turn_counts(outcome, traffic.turns, traffic.reroutes)
        if details.cache is not None:
            traffic.cache.add((decision.name, details.cache.status, details.cache.how))
        self._guarded(outcome)

    def _compare(self, outcome: Outcome, pool: str) -> None:
        """Count what is compared: the policy that decided, and what shadows would have chosen."""
        traffic = self._traffic
        if self.canary:
            traffic.roles.add(("canary" if outcome.policy == self.canary else "main", outcome.verdict, pool))
        if outcome.selection is not None:
            for shadow, chosen in outcome.selection.shadows.items():
                traffic.shadows.add((outcome.decision.name, shadow, _compared(chosen, pool)))

    def _guarded(self, outcome: Outcome) -> None:
        for kind, action in outcome.private.items():
            self._traffic.private.add((kind, action))
        if outcome.stripped:
            self._traffic.stripped.add((), outcome.stripped)

    def answered(self, details: AnswerDetails) -> None:
        """Count a response that a guard looked at."""
        self._traffic.answers.add((details.pool, details.result))
        for kind, count in details.found.items():
            self._traffic.findings.add((details.pool, kind), count)
        for supported, count in (("yes", details.sentences - details.unsupported), ("no", details.unsupported)):
            if count:
                self._traffic.sentences.add((details.pool, supported), count)

    def observed(self, seen: Observation) -> None:
        """Count a response."""
        traffic = self._traffic
        traffic.responses.add((seen.pool, str(seen.status) if seen.complete else "broken_off"))
        for direction, count in (("input", seen.input_tokens), ("output", seen.output_tokens), ("cached", seen.cached_tokens)):
            if count:
                traffic.tokens.add((seen.pool, direction), count)
        if seen.cost_usd:
            traffic.cost.add((seen.pool,), seen.cost_usd)
        if seen.time_to_first_token_s is not None:
            traffic.first[seen.pool].add(seen.time_to_first_token_s)
        if seen.duration_s is not None:
            traffic.duration[seen.pool].add(seen.duration_s)

    def reloaded(self, details: ReloadDetails) -> None:
        """Count an attempt to load a policy."""
        self._reloads.labels(details.trigger, "ok" if details.ok else "failed").inc()
        self._good.set(1 if details.ok else 0)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
