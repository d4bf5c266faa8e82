"""Clauses: the parts of a decision as they stand in the file: conditions, routes and actions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, StringConstraints, Tag

from router_extproc.encoders.heads import SPANS
from router_extproc.policy.caching import CacheClause
from router_extproc.policy.section import HeaderName, Name, Positive, Section, Word, wrong
from router_extproc.policy.sessions import FallbackClause, SessionClause

FORMS = ("all", "any", "not", "signal")
"""A condition that is no bare name has exactly one of these keys."""

MAX_PARTS = 64
MAX_CANDIDATES = 64


class AllOf(Section):
    """True if every part is; false if one is false; else unknown."""

    parts: Annotated[list[When], Field(alias="all", max_length=MAX_PARTS)]
    """Conditions that must all hold."""


class AnyOf(Section):
    """True if one part is; false if all are false; else unknown."""

    parts: Annotated[list[When], Field(alias="any", max_length=MAX_PARTS)]
    """Conditions of which one must hold."""


class NotOf(Section):
    """True if the part is false; unknown stays unknown."""

    part: Annotated[When, Field(alias="not")]
    """The condition that must not hold."""


class SignalTest(Section):
    """Asks one signal."""

    signal: Name
    """A signal's name, or the type of one that needs no options."""
    at_least: float | None = None
    """The lowest value that holds. Beside `in` or `is`: the lowest confidence."""
    above: float | None = None
    """Values above this hold."""
    at_most: float | None = None
    """The highest value that holds."""
    below: float | None = None
    """Values below this hold."""
    one_of: Annotated[list[Word] | None, Field(alias="in", max_length=1000)] = None
    """Labels that hold."""
    equals: Annotated[Word | None, Field(alias="is")] = None
    """The one label that holds."""
    min_coverage: Annotated[float | None, Field(gt=0, le=1)] = None
    """Share of the text that must have been looked at; with less the signal is unknown here. For signals that may leave text out."""


def _form(value: Any) -> str | None:
    if isinstance(value, str):
        return "<name>"
    if isinstance(value, Section):
        return next((f"<{form}>" for form, model in _MODELS.items() if isinstance(value, model)), None)
    if isinstance(value, dict):
        return next((f"<{form}>" for form in FORMS if form in value), None)
    return None


When = Annotated[
    Annotated[Name, Tag("<name>")]
    | Annotated[AllOf, Tag("<all>")]
    | Annotated[AnyOf, Tag("<any>")]
    | Annotated[NotOf, Tag("<not>")]
    | Annotated[SignalTest, Tag("<signal>")],
    # Angle brackets: no key of a file looks like that, so they can be taken out of an error's path again.
    Discriminator(_form, custom_error_type="policy_condition", custom_error_message="not a condition"),
]
"""A condition: a signal's name, or a mapping with one of `all`, `any`, `not`, `signal`."""

_MODELS: dict[str, type[Section]] = {"all": AllOf, "any": AnyOf, "not": NotOf, "signal": SignalTest}
for _model in _MODELS.values():
    _model.model_rebuild(force=True)  # they name When, which is made of them


class WeightedCandidate(Section):
    """A pool with its share."""

    pool: Word
    """A pool's name."""
    weight: Annotated[float, Field(ge=0, le=1_000_000)] = 1.0
    """Relative share for selectors that use weights; 0 takes the pool out."""


def _kind(value: Any) -> str | None:
    if isinstance(value, str):
        return "<name>"
    if isinstance(value, list):
        return "<list>"
    return "<mapping>" if isinstance(value, dict | Section) else None


CandidateClause = Annotated[
    Annotated[Word, Tag("<name>")] | Annotated[WeightedCandidate, Tag("<mapping>")],
    Discriminator(_kind, custom_error_type="policy_candidate", custom_error_message="not a candidate"),
]


class PluginClause(Section, extra="allow"):
    """A plugin with its options; which options there are, the type says."""

    type: Word
    """The plugin's type name."""


SelectClause = Annotated[
    Annotated[Word, Tag("<name>")] | Annotated[PluginClause, Tag("<mapping>")],
    Discriminator(_kind, custom_error_type="policy_select", custom_error_message="not a selector"),
]


class RouteClause(Section):
    """Candidates and the selector that chooses among them."""

    candidates: Annotated[list[CandidateClause], Field(min_length=1, max_length=MAX_CANDIDATES)]
    """Pools, in the order of preference."""
    select: SelectClause | None = None
    """How one is chosen; `weighted` if a candidate has a weight, else `first`."""
    session: SessionClause | None = None
    """How turns of one session stay together; left out, each request goes its own way."""
    fallback: FallbackClause | None = None
    """Where requests go whose pool cannot be asked; left out, they go there all the same."""
    shadow: Annotated[list[SelectClause], Field(max_length=4)] = []
    """Selectors that are asked too, logged and compared, and never followed."""


RouteTarget = Annotated[
    Annotated[Word, Tag("<name>")]
    | Annotated[list[Word], Field(min_length=1, max_length=MAX_CANDIDATES), Tag("<list>")]
    | Annotated[RouteClause, Tag("<mapping>")],
    Discriminator(_kind, custom_error_type="policy_route", custom_error_message="not a route"),
]
"""Where requests go: a pool's name, a list of names, or candidates with a selector."""


class RejectClause(Section):
    """Ends the request with an error in the caller's API shape."""

    status: Annotated[int, Field(ge=400, le=599)] = 403
    """HTTP status."""
    message: Annotated[str, StringConstraints(min_length=1, max_length=2000)] = "This request was refused by policy."
    """What the caller reads."""


class AnswerClause(Section):
    """Ends the request with a completion of our own."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=65536)]
    """The assistant's words; streamed to callers that asked for a stream."""


HeaderValue = Annotated[str, StringConstraints(max_length=4096)]


class HeadersClause(Section):
    """Changes to the headers that go upstream."""

    set: Annotated[dict[HeaderName, HeaderValue], Field(max_length=32)] = {}
    """Headers that get this value, whatever they had."""
    add: Annotated[dict[HeaderName, HeaderValue], Field(max_length=32)] = {}
    """Headers that get this value beside those they have."""
    remove: Annotated[list[HeaderName], Field(max_length=32)] = []
    """Headers that are taken out."""


class CapsClause(Section):
    """Highest values; a larger one is lowered."""

    max_output_tokens: Positive | None = None
    """Tokens. Also set where the caller names none, because that asks for the model's maximum."""
    n: Positive | None = None
    """Completions of one request."""


Text = Annotated[str, StringConstraints(min_length=1, max_length=65536)]


class SystemClause(Section):
    """Changes to the system prompt."""

    prepend: Text | None = None
    """Goes before what the caller wrote."""
    append: Text | None = None
    """Goes after what the caller wrote."""
    replace: Text | None = None
    """Takes the place of what the caller wrote."""


Effort = Literal["none", "minimal", "low", "medium", "high"]


class PrivateClause(Section):
    """What is done with private data that a `pii` signal finds."""

    signal: Name = "pii"
    """A signal of the type `pii`; the bare type reads everything."""
    types: Annotated[
        dict[str, Literal["allow", "mask", "restore", "trusted", "reject"]], Field(min_length=1, max_length=len(SPANS) + 1)
    ]
    """By type, or `other` for the rest: leave it; put a placeholder in its place; put one there and the value back into the answer; send
    the request to a trusted pool; refuse the request."""
    at_least: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Confidence from which a finding counts."""
    min_coverage: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Share of the text that must have been looked at; with less, `onUnknown` decides."""
    message: Annotated[str, StringConstraints(min_length=1, max_length=2000)] = (
        "This request holds private data that may not be sent."
    )
    """What the caller reads who is refused; the types follow."""


class StripClause(Section):
    """Which texts are taken out: those in which a `jailbreak` signal sees an attempt."""

    signal: Name = "jailbreak"
    """A signal of the type `jailbreak`; the bare type reads everything."""
    at_least: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Probability from which a text goes."""
    texts: Annotated[list[Literal["tool_results", "user"]], Field(min_length=1, max_length=2)] = ["tool_results"]
    """Whose: what tools and documents bring in, or what anybody in the chat says."""
    min_coverage: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Share of the text that must have been looked at; with less, `onUnknown` decides."""
    notice: Annotated[str, StringConstraints(min_length=1, max_length=2000)] = (
        "[This text was removed: it looked like an attempt to give instructions.]"
    )
    """What takes its place."""


class GroundingClause(Section):
    """Compares the answer's sentences with the request's sources, and tells which none of them supports."""

    min_support: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Support below which a sentence is told; on our own examples 0.5 tells 97 % of the unsupported and 6 % of the supported ones."""
    sources: Literal["tool_results", "everything"] = "tool_results"
    """What counts as a source: what tools and documents brought in, or all that was said."""


class ResponseClause(Section):
    """What is looked for in the answer: private data that patterns and checksums tell, and sentences without support."""

    grounding: GroundingClause | None = None
    """For requests that bring sources along; others are left alone."""
    pii: Annotated[dict[str, Literal["tag", "mask", "block"]], Field(max_length=len(SPANS))] = {}
    """By type: tell of it; put the type's name in its place; end the answer before it, in the API's own words for "filtered"."""
    hold_back: Annotated[int, Field(ge=32, le=4096)] = 160
    """Characters at the end of a stream's text that wait for what follows."""
    on_unreadable: Literal["refuse", "allow"] = "refuse"
    """What becomes of answers that cannot be looked at: compressed, of another content type, too large."""


class ActionClause(Section):
    """What a decision does beside, or instead of, routing."""

    reject: RejectClause | None = None
    """End the request with an error."""
    answer: AnswerClause | None = None
    """End the request with a canned completion."""
    headers: HeadersClause | None = None
    """Change headers on their way upstream."""
    caps: CapsClause | None = None
    """Lower parameters."""
    block: Annotated[list[Word], Field(max_length=64)] = []
    """Top-level body fields that are taken out."""
    system: SystemClause | None = None
    """Change the system prompt."""
    reasoning_effort: Effort | None = None
    """Set the effort, spelt as the chosen pool's `reasoning` family spells it."""
    strip: StripClause | None = None
    """Take texts out that look like injected instructions. Also for requests that name an explicit model."""
    response: ResponseClause | None = None
    """Look at the answer. Also for requests that name an explicit model."""
    cache: CacheClause | None = None
    """Answer from the response cache, and keep answers there."""
    pii: PrivateClause | None = None
    """Mask, restore or refuse private data, or keep it among trusted pools. Also for requests that name an explicit model."""


def _not_reserved(name: str) -> str:
    if name in {"default", "explicit-model"}:
        raise wrong(f"{name!r} is what the router calls requests that no rule decided", "give the decision another name")
    return name


class DecisionClause(Section):
    """One rule. It ends the search if it routes, rejects or answers; else it modifies, and the search goes on."""

    name: Annotated[Name, AfterValidator(_not_reserved)]
    """What metrics, logs and tests call it."""
    description: Annotated[str, StringConstraints(max_length=1000)] = ""
    """For people."""
    when: When | None = None
    """When it applies; left out, it always does."""
    on_unknown: Literal["skip", "match", "deny"] | None = None
    """What it does when its condition, or what its guards must know, is unknown; `deny` if it rejects, masks or strips, else `skip`."""
    route: RouteTarget | None = None
    """Where requests go. Skipped for requests that name an explicit model."""
    action: ActionClause | None = None
    """What else is done."""
