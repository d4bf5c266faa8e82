"""File: the policy file as it is written, section by section."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, StringConstraints, Tag

from router_extproc.policy.caching import CacheSection
from router_extproc.policy.clauses import DecisionClause, PluginClause, RouteTarget
from router_extproc.policy.constraints import ConstraintsSection
from router_extproc.policy.identity import IdentitySection
from router_extproc.policy.rate_limits import MAX_LIMITS, RateLimitSection
from router_extproc.policy.section import Bytes, HeaderName, Name, Positive, Section, Word, wrong
from router_extproc.policy.sessions import CircuitsSection, SessionsSection

MAX_DECISIONS = 500
MAX_SIGNALS = 500
MAX_POOLS = 500
MAX_RECIPES = 100
MAX_TESTS = 1000

ApiName = Literal["openai_chat", "openai_responses", "openai_completions", "openai_embeddings", "anthropic_messages"]
Family = Literal["openai", "anthropic", "qwen", "deepseek", "gpt-oss"]


class PriceSection(Section):
    """US dollars for one million tokens."""

    input: Annotated[float, Field(ge=0, le=1e6)]
    """Of the prompt."""
    output: Annotated[float, Field(ge=0, le=1e6)]
    """Of the completion."""
    cached: Annotated[float, Field(ge=0, le=1e6)] | None = None
    """Of the prompt as far as the pool's prompt cache had it; left out, as `input`."""


class EnergySection(Section):
    """Watt-hours for one million tokens; 1 joule a token is 278."""

    input: Annotated[float, Field(ge=0, le=1e9)]
    """Of the prompt."""
    output: Annotated[float, Field(ge=0, le=1e9)]
    """Of the completion."""


class ProfileSection(Section):
    """What is known of a model beforehand, for quality models."""

    known_as: Word | None = None
    """What the quality model's outcomes call it; left out, as `model`."""
    parameters_b: Annotated[float, Field(gt=0)] | None = None
    """Billions of parameters, all of them where only some are active."""
    scores: Annotated[dict[Name, Annotated[float, Field(ge=0, le=1)]], Field(max_length=64)] = {}
    """Results by benchmark, as shares: `mmlu_pro: 0.68`."""


class PoolSection(Section):
    """Interchangeable endpoints that serve one model."""

    cluster: Word
    """The Envoy cluster: the value of the routing header."""
    model: Annotated[str, StringConstraints(max_length=256)] = ""
    """What the body's `model` becomes; left out, it stays what the caller wrote."""
    aliases: Annotated[list[Word], Field(max_length=64)] = []
    """Further model names by which callers may ask for this pool."""
    context_window: Positive | None = None
    """Tokens, prompt and output together; left out, everything fits."""
    max_output_tokens: Positive | None = None
    """Most tokens that the model writes."""
    modalities: Annotated[list[Literal["text", "image", "audio", "file"]], Field(min_length=1)] = ["text"]
    """What the model reads."""
    tools: bool = True
    """Whether the model can call tools."""
    price: PriceSection | None = None
    """For selectors that compare cost."""
    energy: EnergySection | None = None
    """For selectors that weigh energy."""
    profile: ProfileSection | None = None
    """For selectors that judge quality."""
    reasoning: Family | None = None
    """The model family's way to set reasoning effort; left out, effort is not set."""
    apis: Annotated[list[ApiName], Field(max_length=16)] = []
    """APIs that the endpoints speak; left out, all of them."""
    trusted: bool = False
    """Whether private data may go there that a decision lets go to trusted pools only."""
    tags: Annotated[list[Word], Field(max_length=32)] = []
    """For selectors."""


class RecipeSection(Section):
    """A named policy beside the main one. It begins with the main policy's decisions that do not route."""

    virtual_models: Annotated[list[Word], Field(max_length=64)] = []
    """Model names that choose this recipe."""
    default: RouteTarget | None = None
    """Where requests go that no decision routed; left out, the main policy's default."""
    decisions: Annotated[list[DecisionClause], Field(max_length=MAX_DECISIONS)] = []
    """Its own decisions, after the main policy's guards."""


def _body(value: Any) -> str | None:
    if isinstance(value, str):
        return "<text>"
    return "<mapping>" if isinstance(value, dict) else None


class RequestSection(Section):
    """A whole request of a test."""

    path: Annotated[str, StringConstraints(pattern=r"^/", max_length=1024)] = "/v1/chat/completions"
    """Without the query string."""
    headers: dict[HeaderName, str] = {}
    """Request headers."""
    proven: bool = True
    """Whether the identity headers come with their proof."""
    body: Annotated[
        Annotated[str, Tag("<text>")] | Annotated[dict[str, Any], Tag("<mapping>")],
        Discriminator(_body, custom_error_type="policy_body", custom_error_message="not a body"),
    ]
    """A mapping, sent as JSON, or text that is sent as it stands."""


def _fact(value: Any) -> str | None:
    if isinstance(value, bool):
        return "<flag>"
    if isinstance(value, int | float):
        return "<number>"
    return "<label>" if isinstance(value, str) else None


Fact = Annotated[
    Annotated[bool, Tag("<flag>")] | Annotated[float, Tag("<number>")] | Annotated[str, Tag("<label>")],
    Discriminator(_fact, custom_error_type="policy_fact", custom_error_message="not a fact"),
]


class ExpectSection(Section):
    """What must become of a test's request; at least one key."""

    decision: str | None = None
    """The decision's name; `default` or `explicit-model` where no decision decided."""
    verdict: Literal["route", "reject", "answer", "pass"] | None = None
    """What happens to the request."""
    pool: str | None = None
    """The chosen pool."""
    model: str | None = None
    """What the body's `model` becomes."""
    status: Annotated[int | None, Field(ge=100, le=599)] = None
    """HTTP status of a rejection."""
    reason: str | None = None
    """A word of the reason vocabulary."""
    signals: dict[str, Fact] = {}
    """By signal: a flag's presence, a score's or number's value, a label's name."""


class TestSection(Section):
    """An embedded test: run by `check` and before every reload is accepted."""

    __test__ = False

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    """What the report calls it."""
    prompt: Annotated[str | None, StringConstraints(min_length=1)] = None
    """Short for a chat completions request with one user message and the first virtual model."""
    request: RequestSection | None = None
    """A whole request."""
    repeat: Annotated[int, Field(ge=1, le=10_000)] = 1
    """How often it comes, all in one moment; the last outcome is the test's. For rate limits, which count each test from nothing."""
    expect: ExpectSection
    """What must become of it."""


class LimitsSection(Section):
    """Bounds that every request is held to."""

    max_request_bytes: Annotated[Bytes, Field(ge=1024, le=256 * 1024**2)] = 10 * 1024**2
    """Of the body, as sent and again as decoded; larger ones get a 413."""
    max_depth: Annotated[int, Field(ge=4, le=512)] = 64
    """Nesting of the body's objects and arrays."""
    deadline_ms: Annotated[int, Field(ge=1, le=60_000)] = 200
    """From the last byte of the body to our reply; signals that are not there by then are unknown."""
    upload_timeout_ms: Annotated[int, Field(ge=100, le=3_600_000)] = 60_000
    """From the headers to the last byte of the body."""


class HeadersSection(Section):
    """Names of the headers that the router writes. Those that go upstream are removed from what callers send."""

    pool: HeaderName = "x-router-pool"
    """Carries the cluster: Envoy's `cluster_header`."""
    model: HeaderName = "x-router-model"
    """Carries the model that was chosen."""
    decision: HeaderName = "x-router-decision"
    """Carries the decision's name."""
    reason: HeaderName = "x-router-reason"
    """Carries the reason."""
    decision_id: HeaderName = "x-router-decision-id"
    """Carries the decision record's id."""
    cache: HeaderName = "x-router-cache"
    """Tells the caller what the response cache did: hit, miss or bypass; only where a decision has `action.cache`."""
    strip: Annotated[list[HeaderName], Field(max_length=64)] = []
    """Further headers that callers may not send."""


def _prefix(value: str) -> str:
    if value and not value.startswith("/"):
        raise wrong(f"the prefix {value!r} does not begin with a slash", f"write /{value}")
    if value.endswith("/"):
        raise wrong(f"the prefix {value!r} ends with a slash", f'write "{value.rstrip("/")}"')
    return value


RejectOrRoute = Literal["reject", "route"]


class RequestsSection(Section):
    """What is done with requests that are out of the ordinary."""

    malformed: RejectOrRoute = "reject"
    """Bodies that parsers could read differently: 400, or the default pool without a decision."""
    unreadable_encoding: RejectOrRoute = "route"
    """Bodies whose content-encoding cannot be read: 415, or the default pool."""
    on_error: RejectOrRoute = "reject"
    """When the router itself fails: 500, or the default pool with the body untouched."""
    path_prefixes: Annotated[
        list[Annotated[str, AfterValidator(_prefix)]],
        Field(min_length=1, max_length=32),
    ] = [""]
    """What may stand before an API's path: `/openai` for `/openai/v1/chat/completions`."""
    recipe_header: HeaderName | None = None
    """Header by which callers choose a recipe; left out, only the model name does."""


class RecordSection(Section):
    """Where decisions are told."""

    response_headers: bool = False
    """Also to the caller, in response headers."""
    observe: bool = False
    """Whether responses are observed even where no selector or signal learns from them."""


class PolicyFile(Section):
    """A router-extproc policy: where each LLM request goes, and why."""

    version: Literal[1]
    """Version of the file format."""
    virtual_models: Annotated[list[Word], Field(min_length=1, max_length=64)] = ["auto"]
    """Model names that ask the policy to choose."""
    unknown_models: RejectOrRoute = "reject"
    """What happens to a model name that is neither virtual nor a pool's: a model_not_found error, or the policy."""
    pools: Annotated[dict[Name, PoolSection], Field(min_length=1, max_length=MAX_POOLS)]
    """Where requests can go, by name."""
    default: RouteTarget
    """Where requests go that no decision routed."""
    signals: Annotated[dict[Name, PluginClause], Field(max_length=MAX_SIGNALS)] = {}
    """Facts about a request that decisions can ask for, by name."""
    decisions: Annotated[list[DecisionClause], Field(max_length=MAX_DECISIONS)] = []
    """Rules, in the order in which they are asked; the first that matches and routes, rejects or answers ends the search."""
    recipes: Annotated[dict[Name, RecipeSection], Field(max_length=MAX_RECIPES)] = {}
    """Named policies, chosen by virtual model name or by header."""
    tests: Annotated[list[TestSection], Field(max_length=MAX_TESTS)] = []
    """Requests and what must become of them."""
    limits: LimitsSection = LimitsSection()
    """Bounds."""
    headers: HeadersSection = HeadersSection()
    """Names of our headers."""
    identity: IdentitySection = IdentitySection()
    """Who calls."""
    constraints: ConstraintsSection = ConstraintsSection()
    """What callers may demand of the pool that gets their request."""
    rate_limits: Annotated[list[RateLimitSection], Field(max_length=MAX_LIMITS)] = []
    """How much callers may ask for in a stretch of time. All of them apply."""
    cache: CacheSection = CacheSection()
    """Bounds of the response cache."""
    sessions: SessionsSection = SessionsSection()
    """What sessions are known by."""
    circuits: CircuitsSection = CircuitsSection()
    """When pools that fail are left alone."""
    requests: RequestsSection = RequestsSection()
    """Requests out of the ordinary."""
    record: RecordSection = RecordSection()
    """Where decisions are told."""
