"""Policy: the immutable form that the router runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from router_extproc.breaker import circuit_options
from router_extproc.cache.rule import CacheLimits
from router_extproc.policy.session_rules import SessionSettings
from router_extproc.routing import OnUnknown, SignalResult, Truth

if TYPE_CHECKING:
    from router_extproc.breaker import BreakerOptions
    from router_extproc.cache.rule import CacheRule
    from router_extproc.guarding import PrivateAction, ResponseGuard
    from router_extproc.limits.limit import RateLimit
    from router_extproc.policy.constraints import Constraints
    from router_extproc.policy.session_rules import Fallback, SessionRule
    from router_extproc.routing import Candidate, Cost, Extractor, HeaderEdit, ModelPool, SystemEdit

Lookup = Callable[[str], SignalResult]
"""Gives a signal by name, computing it when it is first asked for."""


class Condition(Protocol):
    """A compiled `when`. Pure: the same signals give the same truth. Asks for as few signals as it can, cheap ones first."""

    @property
    def signals(self) -> frozenset[str]: ...

    @property
    def cost(self) -> Cost:
        """The cost of the dearest signal in it."""
        ...

    def evaluate(self, lookup: Lookup, /) -> Truth: ...

    def explain(self, known: Mapping[str, SignalResult], /) -> ConditionTrace:
        """How each part comes out on these signals; a signal that is not in `known` shows as not computed."""
        ...


@dataclass(frozen=True, slots=True)
class ConditionTrace:
    """One node of an explained condition."""

    text: str
    """The node as the operator would write it: `domain in [math, physics]`, `all of`, `not`."""
    truth: Truth | None
    """None where it was not evaluated."""
    observed: str = ""
    """What the signal was: `0.93`, `math (0.88)`, `unknown: deadline`; empty for all/any/not."""
    parts: tuple[ConditionTrace, ...] = ()


class RejectWhen(StrEnum):
    """The two ways to treat what cannot be handled."""

    REJECT = "reject"
    ROUTE = "route"


@dataclass(frozen=True, slots=True)
class Limits:
    """Every bound that one request is held to."""

    max_request_bytes: int = 10 * 1024 * 1024
    """Of the body as sent, and again of the body as decoded."""
    max_depth: int = 64
    """Nesting of objects and arrays in the body."""
    deadline_ms: int = 200
    """From the last byte of the body to our reply; signals that are not there by then are unknown."""
    upload_timeout_ms: int = 60_000
    """From the headers to the last byte of the body, in the modes where Envoy enforces nothing (full duplex, streamed)."""


@dataclass(frozen=True, slots=True)
class HeaderNames:
    """Names of the headers that we write. All but `cache`, which only goes to callers, are removed from what callers send."""

    pool: str = "x-router-pool"
    """Carries the Envoy cluster's name: `cluster_header` of the route."""
    model: str = "x-router-model"
    decision: str = "x-router-decision"
    reason: str = "x-router-reason"
    decision_id: str = "x-router-decision-id"
    cache: str = "x-router-cache"
    """To the caller: what the response cache did."""

    def all(self) -> frozenset[str]:
        """Every name that goes upstream, lower case."""
        return frozenset({self.pool, self.model, self.decision, self.reason, self.decision_id})


@dataclass(frozen=True, slots=True)
class MetadataProof:
    """A value of the request's dynamic metadata that proves an identity."""

    namespace: str
    path: tuple[str, ...]
    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class Proof:
    """What proves that identity headers are the authenticating proxy's. All parts that are there must hold."""

    header: str = ""
    """Carries a secret; empty: none is asked for."""
    secrets: tuple[bytes, ...] = field(default=(), repr=False)
    """SHA-256 digests of those that are good; with a header and no secret nothing is."""
    metadata: MetadataProof | None = None
    peers: tuple[str, ...] = ()
    """Names in the peer's certificate; a `*` at the end stands for any rest. Empty: none is asked for."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which request headers tell who calls, and what proves it. Empty names are not read."""

    user: str = ""
    groups: str = ""
    """Comma-separated in the header."""
    tenant: str = ""
    proof: Proof | None = None
    """None believes the headers."""
    reject_unproven: bool = False
    """Whether identity headers without proof end the request; else they are removed."""

    def names(self) -> tuple[str, ...]:
        """The headers that are read."""
        return tuple(name for name in (self.user, self.groups, self.tenant) if name)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the file says beside rules."""

    limits: Limits = field(default_factory=Limits)
    headers: HeaderNames = field(default_factory=HeaderNames)
    strip: frozenset[str] = frozenset()
    """Further request headers that callers may not send."""
    identity: Identity = field(default_factory=Identity)
    virtual_models: frozenset[str] = frozenset({"auto"})
    unknown_models: RejectWhen = RejectWhen.REJECT
    malformed: RejectWhen = RejectWhen.REJECT
    unreadable_encoding: RejectWhen = RejectWhen.ROUTE
    on_error: RejectWhen = RejectWhen.REJECT
    """When the router itself fails on a request: 500, or the default pool with the body untouched."""
    path_prefixes: tuple[str, ...] = ("",)
    recipe_header: str = ""
    """Header by which callers choose a recipe; empty: only by virtual model name."""
    response_headers: bool = False
    """Whether the decision is also told to the caller, in response headers."""
    observe: bool = False
    """Whether responses are observed even where no selector or signal needs it."""
    cache: CacheLimits = field(default_factory=CacheLimits)
    """What bounds the response cache."""
    constraints: Constraints | None = None
    """Where callers state hard constraints; None: nowhere."""
    sessions: SessionSettings = field(default_factory=SessionSettings)
    circuits: BreakerOptions = field(default_factory=circuit_options)
    """When pools that fail are left alone."""


@dataclass(frozen=True, slots=True)
class SelectSpec:
    """Which selector, with its validated options."""

    type: str
    options: object
    """An instance of the plugin's options model."""
    path: tuple[str | int, ...] = ()
    """Where it stands in the file."""


@dataclass(frozen=True, slots=True)
class Route:
    """A rule's target."""

    candidates: tuple[Candidate, ...]
    select: SelectSpec
    session: SessionRule | None = None
    """How turns of one session stay together; None: each request goes its own way."""
    fallback: Fallback | None = None
    """Where requests go whose pool cannot be asked; None: there all the same."""
    shadow: tuple[SelectSpec, ...] = ()
    """Selectors that are asked too and never followed."""


@dataclass(frozen=True, slots=True)
class Reject:
    """End the request with an error."""

    status: int
    message: str


@dataclass(frozen=True, slots=True)
class Answer:
    """End the request with a canned completion."""

    text: str


@dataclass(frozen=True, slots=True)
class Modify:
    """What a rule changes in a request that goes on. The router adds up those of all rules that apply."""

    headers: tuple[HeaderEdit, ...] = ()
    caps: Mapping[str, int] = field(default_factory=dict)
    blocked: frozenset[str] = frozenset()
    system: tuple[SystemEdit, ...] = ()
    reasoning_effort: str = ""


@dataclass(frozen=True, slots=True)
class Privacy:
    """What a rule does with private data."""

    signal: str
    actions: Mapping[str, PrivateAction]
    """By type; all types that are not left alone."""
    at_least: float
    min_coverage: float
    message: str


@dataclass(frozen=True, slots=True)
class Strip:
    """Which texts a rule takes out."""

    signal: str
    at_least: float
    kinds: frozenset[str]
    """Of encoders.scores.Kind."""
    min_coverage: float
    notice: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of `decisions`. It ends the search if it has an `end`; without one it only modifies, and the search goes on."""

    name: str
    when: Condition | None
    """None matches always."""
    on_unknown: OnUnknown
    end: Route | Reject | Answer | None
    modify: Modify = field(default_factory=Modify)
    privacy: Privacy | None = None
    strip: Strip | None = None
    response: ResponseGuard | None = None
    """What is looked for in the answer."""
    cache: CacheRule | None = None
    """Whether the answer may come from the response cache, and be kept there."""

    @property
    def is_guard(self) -> bool:
        """Whether it applies to requests for an explicit model too: every rule that does not choose a pool does."""
        return not isinstance(self.end, Route)

    @property
    def judges(self) -> bool:
        """Whether it must know what a signal finds in each text of the request."""
        return self.privacy is not None or self.strip is not None

    @property
    def asks(self) -> frozenset[str]:
        """Signals that it may ask for."""
        guards = frozenset(guard.signal for guard in (self.privacy, self.strip) if guard is not None)
        return guards | self.when.signals if self.when is not None else guards


@dataclass(frozen=True, slots=True)
class Recipe:
    """A list of rules with its own default; the main policy is the recipe named ''."""

    name: str
    rules: tuple[Rule, ...]
    """For a named recipe these begin with the main policy's guards, so choosing a recipe never sheds one."""
    default: Route
    virtual_models: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Expectation:
    """What an embedded test wants; None is not asked."""

    decision: str | None = None
    verdict: str | None = None
    pool: str | None = None
    model: str | None = None
    status: int | None = None
    reason: str | None = None
    signals: Mapping[str, bool | float | str] = field(default_factory=dict)
    """A flag's presence, a number's measure or a label's name, by signal name."""


@dataclass(frozen=True, slots=True)
class PolicyTest:
    """One embedded test: a request and what must become of it."""

    name: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    expect: Expectation
    place: tuple[str | int, ...]
    """Where it stands in the file, for the error."""
    proven: bool = True
    """Whether its identity headers come with their proof."""
    repeat: int = 1
    """How often the request comes before the outcome is looked at."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole policy. Never changes; a new file makes a new one."""

    version: str
    """First 12 hex digits of the SHA-256 of the file."""
    source: str
    """The file's name, for messages."""
    settings: Settings
    pools: Mapping[str, ModelPool]
    extractors: Mapping[str, Extractor]
    """By signal name; only signals that some rule uses."""
    main: Recipe
    recipes: Mapping[str, Recipe] = field(default_factory=dict)
    tests: tuple[PolicyTest, ...] = ()
    limits: tuple[RateLimit, ...] = ()
