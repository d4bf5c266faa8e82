"""Routing vocabulary: signals, decisions, selections, outcomes and observations."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, Protocol

# All of these are part of this vocabulary.
from router_extproc.changes import BodyEdits as BodyEdits  # noqa: PLC0414
from router_extproc.changes import HeaderEdit as HeaderEdit  # noqa: PLC0414
from router_extproc.changes import HeaderOp as HeaderOp  # noqa: PLC0414
from router_extproc.changes import SystemEdit as SystemEdit  # noqa: PLC0414
from router_extproc.changes import SystemMode as SystemMode  # noqa: PLC0414
from router_extproc.observation import Observation as Observation  # noqa: PLC0414, TC001

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    from router_extproc.cache.rule import CacheRule
    from router_extproc.guarding import Masks, PrivateAction, ResponseGuard
    from router_extproc.learning.lesson import Lesson
    from router_extproc.limits.limit import Limited
    from router_extproc.request import Request
    from router_extproc.sessions.note import Reroute, SessionNote


class Reason(StrEnum):
    """Why an outcome is what it is. A closed list: metrics, logs and the decision record use these words and no others."""

    # a request was routed
    RULE = "rule"
    DEFAULT = "default"
    EXPLICIT_MODEL = "explicit_model"
    # a policy said no, or answered itself
    RULE_REJECT = "rule_reject"
    RULE_ANSWER = "rule_answer"
    UNKNOWN_DENIED = "unknown_denied"
    MODEL_NOT_FOUND = "model_not_found"
    NO_CANDIDATE = "no_candidate"
    PRIVATE_DATA = "private_data"
    UNREADABLE_RESPONSE = "unreadable_response"
    NOT_CACHED = "not_cached"
    UNPROVEN_IDENTITY = "unproven_identity"
    MISSING_IDENTITY = "missing_identity"
    RATE_LIMITED = "rate_limited"
    BUDGET_SPENT = "budget_spent"
    POOLS_EXHAUSTED = "pools_exhausted"
    # the request was left alone
    NOT_LLM = "not_llm"
    UNREADABLE_ENCODING = "unreadable_encoding"
    # the request could not be read
    BODY_TOO_LARGE = "body_too_large"
    EMPTY_BODY = "empty_body"
    MALFORMED_JSON = "malformed_json"
    DUPLICATE_KEY = "duplicate_key"
    INVALID_UTF8 = "invalid_utf8"
    LONE_SURROGATE = "lone_surrogate"
    NON_FINITE_NUMBER = "non_finite_number"
    BYTE_ORDER_MARK = "byte_order_mark"
    TOO_DEEP = "too_deep"
    WRONG_SHAPE = "wrong_shape"
    CORRUPT_ENCODING = "corrupt_encoding"
    # the router itself was at fault
    DEADLINE = "deadline"
    UNSUPPORTED_BODY_MODE = "unsupported_body_mode"
    PROTOCOL_ERROR = "protocol_error"
    INTERNAL_ERROR = "internal_error"


class UnknownReason(StrEnum):
    """Why a signal has no value. Closed list, as Reason."""

    FAILED = "failed"
    DEADLINE = "deadline"
    NO_TEXT = "no_text"
    UNAVAILABLE = "unavailable"
    """The request does not tell it, or its classifier has failed again and again and is not asked for a while."""
    OVERLOADED = "overloaded"
    """Too many texts wait for the model already."""


class Cost(IntEnum):
    """How dear a signal is to compute; a dearer one is computed only if it can still change the outcome."""

    FIELD = 0
    """Reads parsed fields: about a microsecond."""
    TEXT = 1
    """Scans text: microseconds, growing with its length."""
    HEAVY_TEXT = 2
    """Scans text with a statistical model: a fraction of a millisecond. Still runs inline."""
    MODEL = 3
    """Runs a neural model or leaves the process: takes milliseconds, in threads of its own; see Deferred."""


class SignalKind(StrEnum):
    """What a policy may ask of a signal."""

    FLAG = "flag"
    """Present or absent: a bare name is a condition; value is 0 or 1."""
    SCORE = "score"
    """A probability or degree: compared by atLeast/above/atMost/below on `value`."""
    NUMBER = "number"
    """A count or amount in its own unit: compared on `measure`."""
    LABEL = "label"
    """One of some labels: compared by `in` on `label`, with `value` its confidence."""


@dataclass(frozen=True, slots=True)
class SignalShape:
    """What a signal will look like, known before any request: the static checks of a policy rest on it."""

    kind: SignalKind
    labels: frozenset[str] | None = None
    """All labels a LABEL signal can take, or None where the set is open (model names, users)."""
    unit: str = ""
    """Unit of a NUMBER: `tokens`, `turns`, `per 100 words`."""
    minimum: float | None = 0.0
    """Lowest possible measure, None if unbounded."""
    maximum: float | None = None
    partial: bool = False
    """Whether `coverage` can be below 1. Where it cannot, `minCoverage` in a condition is an error."""
    exhaustive: bool = False
    """Whether a LABEL signal that is known always has one of `labels`: a condition that takes them all always holds."""
    independent: bool = False
    """Whether each of a LABEL signal's labels holds or not, whatever the others do: each is judged by its own confidence in `labels`."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One fact about one request."""

    name: str
    value: float
    """In [0, 1]: 0 is absent, 1 is certain. For NUMBER it is 1 if the measure is not zero."""
    measure: float | None = None
    """The amount in the signal's own unit; only for NUMBER."""
    label: str | None = None
    """The winning label; only for LABEL. Several labels of one request (groups) are in `labels`."""
    labels: Mapping[str, float] | None = None
    """Confidence in [0, 1] by label; only for LABEL."""
    evidence: tuple[str, ...] = ()
    """Why, in words from the *policy* (which configured word matched, which rule): never text from the prompt."""
    coverage: float = 1.0
    """Share of the text that was looked at, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A signal that could not be computed. It is neither true nor false."""

    name: str
    reason: UnknownReason
    detail: str = ""
    """For the log; never text from the prompt."""


SignalResult = Signal | Unknown


class Extractor(Protocol):
    """Computes one signal. Called concurrently from several threads; must not keep the request.

    Raising is allowed: the router turns it into Unknown(FAILED), counts it and logs it once.
    """

    @property
    def name(self) -> str:
        """The signal's name in the policy."""
        ...

    @property
    def cost(self) -> Cost: ...

    @property
    def shape(self) -> SignalShape: ...

    def extract(self, request: Request, /) -> SignalResult: ...


class Deferred(Extractor, Protocol):
    """What every extractor of Cost.MODEL is. Work is started, goes on elsewhere, and is picked up by `extract`, which never blocks."""

    def begin(self, request: Request, deadline: float, /) -> Sequence[Future[Any]]:
        """Start what is needed and was not started yet; all of it, done or not. `deadline` is on time.perf_counter's clock.

        Never blocks. A future that fails makes the signal unknown.
        """
        ...

    def prepare(self, request: Request, deadline: float, /) -> None:
        """Start what `begin` will ask for and takes no model, if there is anything, while another signal is waited for. Never blocks."""
        ...


class OnUnknown(StrEnum):
    """What a rule does when its condition is unknown."""

    SKIP = "skip"
    MATCH = "match"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for one million tokens."""

    input: float = 0.0
    output: float = 0.0
    cached: float | None = None
    """Of the prompt, where it is read from the pool's prompt cache; None: as the rest of it."""


class Modality(StrEnum):
    """What a model can read."""

    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What is known of a model beforehand, for quality models."""

    known_as: str = ""
    """What the quality model's outcomes call it; empty: as the pool's `model`."""
    parameters_b: float | None = None
    """Billions of parameters."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """By benchmark, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class ModelPool:
    """Interchangeable endpoints that serve one model: an Envoy cluster."""

    name: str
    cluster: str
    """The Envoy cluster's name: the value of the routing header."""
    model: str
    """What the body's `model` is set to; empty leaves the caller's."""
    aliases: frozenset[str] = frozenset()
    """Further model names by which callers may ask for this pool."""
    context_window: int | None = None
    """Tokens, prompt and output together; None if not told, which fits everything."""
    max_output_tokens: int | None = None
    modalities: frozenset[Modality] = frozenset({Modality.TEXT})
    tools: bool = True
    """Whether its model can call tools."""
    price: Price | None = None
    energy: Price | None = None
    """Watt-hours for one million tokens."""
    facts: ModelFacts = field(default_factory=ModelFacts)
    reasoning: str = ""
    """The model family's way to set reasoning effort (see docs/policy.md); empty if it has none."""
    apis: frozenset[str] = frozenset()
    """APIs the endpoints speak, by Request.api names; empty means all."""
    tags: frozenset[str] = frozenset()
    trusted: bool = False
    """Whether requests may go there whose private data must go to trusted pools only."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pool that a route may choose, with what the route says about it."""

    pool: ModelPool
    weight: float = 1.0
    """Relative share for weighted selectors; 0 takes the candidate out."""


class Verdict(StrEnum):
    """What happens to a request."""

    ROUTE = "route"
    REJECT = "reject"
    ANSWER = "answer"
    PASS = "pass"  # noqa: S105 - a verdict's name, not a secret
    """Left alone: Envoy's own routing applies."""


class Truth(IntEnum):
    """Kleene's strong three-valued logic: `all` is the minimum, `any` the maximum, `not` is 2 - x."""

    FALSE = 0
    UNKNOWN = 1
    TRUE = 2


@dataclass(frozen=True, slots=True)
class Decision:
    """Which rule of the policy applied, and why."""

    name: str
    """The rule's name; `default`, or `explicit-model` where no rule decided; `-` before a policy was asked."""
    reason: Reason
    recipe: str = ""
    """The recipe in force; empty for the main policy."""
    unknown: tuple[str, ...] = ()
    """Signals that were unknown, or of too small a coverage, and mattered to this decision."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which candidate was chosen."""

    pool: ModelPool
    model: str
    """What the body's model becomes (the pool's, or the caller's where the pool names none)."""
    selector: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    """By pool name, in [0, 1], higher is better; only for those that passed the filters."""
    filtered: Mapping[str, str] = field(default_factory=dict)
    """Why the other candidates were dropped, by pool name: `context_window`, `modality`, `tools`, `api`, `weight`."""
    quality: Mapping[str, float] = field(default_factory=dict)
    """Chance in [0, 1] that each candidate answers well, by pool name; only where a quality model was asked."""
    propensity: float | None = None
    """Chance with which the selector would choose this pool for this request, in (0, 1]; None where it was not told. Estimates of what
    another policy would have brought need it."""
    notes: tuple[str, ...] = ()
    """What else led to it, in words of a closed list: `unread: deadline`, ..."""
    shadows: Mapping[str, str] = field(default_factory=dict)
    """What each shadow of the route would have chosen, by its name: a pool, `-` (nobody), or `!` (it failed)."""
    lesson: Lesson | None = field(default=None, repr=False, compare=False)
    """What is to be remembered so that feedback can teach the selector; None where it does not learn from any."""
    heard: str = ""
    """What the feedback head hears in the last user turn, for a selector that learns from it: a word on the answer before."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A signal of the policy that was not computed."""

    name: str
    why: str
    """`not needed: NAME decided first`, `deadline`, ..."""


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """How one rule came out."""

    rule: str
    truth: Truth
    effect: str
    """`matched`, `modified`, `no match`, `unknown: skipped`, `unknown: denied`, `unknown: taken as match`,
    `not for explicit models`, `nothing found`."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that was decided about one request, for the mutation and for the hooks."""

    id: str
    """Unique; also the decision record's id."""
    verdict: Verdict
    decision: Decision
    selection: Selection | None = None
    headers: tuple[HeaderEdit, ...] = ()
    edits: BodyEdits = field(default_factory=BodyEdits)
    status: int = 200
    """HTTP status of a REJECT."""
    message: str = ""
    """What the caller reads: a REJECT's message or an ANSWER's text."""
    signals: Mapping[str, SignalResult] = field(default_factory=dict)
    skipped: tuple[Skipped, ...] = ()
    rules: tuple[RuleTrace, ...] = ()
    private: Mapping[str, PrivateAction] = field(default_factory=dict)
    """Types of private data that were found and what is done with them, as far as a rule asks."""
    masks: Masks | None = field(default=None, repr=False, compare=False)
    """What is replaced in the body."""
    stripped: int = 0
    """Texts that are taken out of the body as a whole."""
    guard: ResponseGuard | None = None
    """What is looked for in the answer."""
    cache: CacheRule | None = None
    observe: bool = False
    """Whether the response phase is wanted for this request."""
    policy: str = ""
    """Version (content hash) of the policy that decided."""
    route_us: float = 0.0
    """Time spent in Router.route, microseconds."""
    signal_us: Mapping[str, float] = field(default_factory=dict)
    """Time by signal, microseconds; only when timings are asked for (explain)."""
    limited: Limited | None = None
    session: SessionNote | None = None
    """Why a turn of a session went where it went; None where the route does not look at sessions."""
    reroutes: tuple[Reroute, ...] = ()
    """Pools that were left because they cannot be asked."""
    settle: Callable[[Observation], None] | None = field(default=None, compare=False, repr=False)
    """Corrects what rate limits reserved and what a session was expected to take; told of the response, if one is observed."""
