"""Router: a policy at work."""

from __future__ import annotations

import copy
import itertools
import secrets
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from router_extproc.encoders.bundle import EMBEDDING
from router_extproc.encoders.scores import Kind
from router_extproc.errors import RequestRefusedError
from router_extproc.guarding import PrivateAction
from router_extproc.health import PoolHealth
from router_extproc.policy.caching import asks_for_vectors
from router_extproc.router.admission import Admission
from router_extproc.router.explanation import Explanation, explain
from router_extproc.router.limited import LimitedRouting
from router_extproc.router.plan import make_plan
from router_extproc.router.walk import DEFAULT, Routing
from router_extproc.routing import Decision, Outcome, Reason, Selection, Verdict
from router_extproc.selectors.services import SelectorServices
from router_extproc.sessions.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

    from router_extproc.encoders.reading import Reading
    from router_extproc.learning.learner import Experience
    from router_extproc.limits.store import Store
    from router_extproc.policy.compiled import Policy
    from router_extproc.pools import PoolStatistics, PoolStats
    from router_extproc.request import Request
    from router_extproc.router.canary import Canary
    from router_extproc.router.plan import Course
    from router_extproc.routing import Observation
    from router_extproc.signals.services import SignalServices

UNHURRIED_S = 60.0
"""For one request that nobody waits for."""
UNDECIDED = "-"
"""What a decision is called where no rule was ever asked."""

_PREFIX = secrets.token_hex(6)
_COUNT = itertools.count(1)


class Router:
    """Routes requests by one policy. Never changes, but for what the pools' statistics learn; safe from several threads.

    Without a store for them, rate limits are not counted and refuse nothing. Without experience, selectors that learn know nothing.
    Making one raises SpecError if a selector refuses its options.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        services: SignalServices,
        stats: PoolStats,
        store: Store | None = None,
        sessions: Sessions | None = None,
        health: PoolHealth | None = None,
        experience: Experience | None = None,
    ) -> None:
        self.policy = policy
        own = SelectorServices(services) if experience is None else SelectorServices(services, experience)
        self.plan = make_plan(policy, own)
        self._experience = experience
        self._services = services
        self._stats = stats
        self.sessions = sessions or Sessions()
        self.health = health or PoolHealth()
        if health is None:
            self.health.configure(policy.settings.circuits, policy.pools)
        self.deadline_s = policy.settings.limits.deadline_ms / 1000
        """How long a request may be thought about."""
        self._always = policy.settings.observe
        self.admission = Admission(self.plan, store)
        self._counts = bool(policy.limits) and store is not None
        self.may_observe = self._always or bool(self.plan.observed) or (self._counts and self.admission.settles)
        """Whether some request's response may be wanted."""
        self.forbidden = policy.settings.headers.all() | policy.settings.strip
        """Request headers that callers may not send."""
        self.wants_responses = self.may_observe or policy.settings.response_headers or _changes_responses(policy)
        """Whether response headers are to be asked for, while it is not known yet for which requests they are needed."""
        self.embed = _embedder(policy, services)
        """Starts to read a text until a deadline, for the response cache; None where no decision needs it."""
        self.prompt_tokens = services.token_ratio.prompt_tokens
        """Estimated size of a request's prompt, tokens."""
        self.canary: Canary | None = None
        """Who decides in place of this policy for some sessions."""

    def beside(self, canary: Canary) -> Router:
        """The same, with some sessions decided by another policy. Limits, headers and identity of requests stay this policy's."""
        other = copy.copy(self)
        other.canary = canary
        other.may_observe = self.may_observe or canary.router.may_observe
        other.wants_responses = self.wants_responses or canary.router.wants_responses
        other.embed = self.embed or canary.router.embed
        return other

    def versioned(self, version: str) -> Router:
        """The same, whose decisions name this version of the policy."""
        other = copy.copy(self)
        other.policy = replace(self.policy, version=version)
        return other

    def unhurried(self) -> Router:
        """The same, with all the time that models may need: for what is decided offline, where a slow machine must change nothing."""
        other = copy.copy(self)
        other.deadline_s = UNHURRIED_S
        return other

    def counting(self, store: Store) -> Router:
        """The same, with its rate limits counted in that store, and with nothing known of sessions and of pools that fail."""
        return Router(self.policy, services=self._services, stats=self._stats, store=store, experience=self._experience)

    def begin(self, request: Request) -> Routing:
        """Start to route a request: see Routing.step."""
        if self.canary is not None and self.canary.takes(request):
            return self.canary.router.begin(request)
        store = self.admission.store
        if self._counts and store is not None:
            return LimitedRouting(self, request, self.admission, store)
        return Routing(self, request)

    def route(self, request: Request) -> Outcome:
        """The outcome of a request. May block; see begin."""
        return self.begin(request).finish()

    def explain(self, request: Request) -> Explanation:
        """The outcome with all that led to it. May block. Rate limits are told of; they neither count it nor refuse it."""
        if self.canary is not None and self.canary.takes(request):
            return self.canary.router.explain(request)
        routing = Routing(self, request, timed=True)
        routing.signals.blocking = True
        tokens = partial(self.prompt_tokens, request)
        limits = tuple(self.admission.states(request, routing.signals.__getitem__, tokens))
        return explain(self, request, routing.finish(), limits)

    def observe(self, observation: Observation, request: Request | None = None) -> None:
        """Learn from a response: pool statistics, and the size of this request's prompt in tokens."""
        self._stats.observe(observation)
        self.health.observe(observation)
        if request is not None and observation.input_tokens:
            self._services.token_ratio.learn(request, observation.input_tokens)

    def refuse(self, error: RequestRefusedError) -> Outcome:
        """The outcome of a request that could not be read."""
        return Outcome(
            id=self.next_id(),
            verdict=Verdict.REJECT,
            decision=Decision(UNDECIDED, error.reason),
            status=error.status,
            message=error.message,
            policy=self.policy.version,
        )

    def leave(self, reason: Reason) -> Outcome:
        """The outcome of a request that is none of ours: Envoy's own routing applies."""
        return Outcome(id=self.next_id(), verdict=Verdict.PASS, decision=Decision(UNDECIDED, reason), policy=self.policy.version)

    def fall_back(self, reason: Reason) -> Outcome:
        """The outcome of a request that no rule could look at: the default's first candidate with a weight, the body untouched."""
        start = time.perf_counter()
        candidates = self.plan.courses[self.policy.main.name].default.route.candidates
        pool = next((candidate.pool for candidate in candidates if candidate.weight > 0), candidates[0].pool)
        return Outcome(
            id=self.next_id(),
            verdict=Verdict.ROUTE,
            decision=Decision(DEFAULT, reason),
            selection=Selection(pool, "", "fallback", {pool.name: 1.0}),
            policy=self.policy.version,
            route_us=(time.perf_counter() - start) * 1e6,
        )

    def course(self, request: Request) -> Course:
        """The recipe in force: by header if the policy allows that, else by virtual model name, else the main policy."""
        plan = self.plan
        header = self.policy.settings.recipe_header
        wanted = request.envelope.headers.get(header, "") if header else ""
        if wanted:
            course = plan.courses.get(wanted)
            if course is None:
                raise RequestRefusedError(Reason.WRONG_SHAPE, f"The header {header} names no recipe of this router.")
            return course
        return plan.virtual.get(request.model) or plan.virtual[""]

    def statistics(self) -> Mapping[str, PoolStatistics]:
        """What the pools showed lately."""
        return self._stats.snapshot()

    def observes(self, pool: str) -> bool:
        """Whether responses of that pool are wanted."""
        return self._always or pool in self.plan.observed

    @staticmethod
    def next_id() -> str:
        """An id that no other outcome has, in this process or another."""
        return f"{_PREFIX}-{next(_COUNT):x}"


def _changes_responses(policy: Policy) -> bool:
    """Whether some rule may change what comes back."""
    rules = (rule for recipe in (policy.main, *policy.recipes.values()) for rule in recipe.rules)
    return any(
        rule.response is not None
        or rule.cache is not None
        or (rule.privacy is not None and PrivateAction.RESTORE in rule.privacy.actions.values())
        for rule in rules
    )


def _embedder(policy: Policy, services: SignalServices) -> Callable[[str, float], Future[Reading]] | None:
    rules = (rule.cache for recipe in (policy.main, *policy.recipes.values()) for rule in recipe.rules)
    if not asks_for_vectors(rules):
        return None
    share = services.share((EMBEDDING,))
    return lambda text, deadline: share.submit(text, Kind.USER, deadline)
