"""Rate limits: the `rateLimits` section, from the file to its compiled form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, StringConstraints, Tag

from router_extproc.limits.limit import NO_BOUND, PER_DOLLAR, By, Dimension, OnMissing, RateLimit
from router_extproc.policy.clauses import AllOf, AnyOf, NotOf, SignalTest, When
from router_extproc.policy.expression import staged
from router_extproc.policy.section import HeaderName, Name, Positive, Section, wrong
from router_extproc.policy.settings import check_read_header
from router_extproc.routing import Cost

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from router_extproc.policy.compiled import Condition
    from router_extproc.policy.conditions import Conditions
    from router_extproc.policy.file import PolicyFile
    from router_extproc.policy.problems import Findings, Path
    from router_extproc.policy.vocabulary import Vocabulary

MAX_LIMITS = 64
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LONGEST_S = 30 * _SECONDS["d"]
_DURATION = re.compile(r"([1-9][0-9]{0,6})([smhd])\Z")
_IDENTITY = {
    "user": ("userHeader", "user_header"),
    "group": ("groupsHeader", "groups_header"),
    "tenant": ("tenantHeader", "tenant_header"),
}


def seconds(duration: str) -> int:
    """The seconds of a duration such as `5m`. Raises PydanticCustomError for what is none, or not within a window's bounds."""
    match = _DURATION.match(duration)
    if not match:
        raise wrong(f"{duration[:40]!r} is not a duration", "write a whole number with a unit: 30s, 1m, 12h or 30d")
    length = int(match[1]) * _SECONDS[match[2]]
    if length > _LONGEST_S:
        raise wrong(f"{duration} is longer than 30d", "write a shorter window")
    return length


def _duration(value: str) -> str:
    seconds(value)
    return value


Duration = Annotated[
    str, AfterValidator(_duration), Field(json_schema_extra={"pattern": "^[1-9][0-9]{0,6}[smhd]$", "examples": ["1m"]})
]


class HeaderDimension(Section):
    """Counts by a request header."""

    header: HeaderName
    """Its name. Callers can send any header: name one that a proxy sets, or each value is a new allowance for who invents it."""


def _form(value: Any) -> str | None:
    if isinstance(value, str):
        return "<name>"
    return "<mapping>" if isinstance(value, dict | Section) else None


DimensionClause = Annotated[
    Annotated[Literal["user", "group", "tenant", "model"], Tag("<name>")] | Annotated[HeaderDimension, Tag("<mapping>")],
    Discriminator(_form, custom_error_type="policy_dimension", custom_error_message="not a dimension"),
]


class RateLimitSection(Section):
    """How much may be asked for in a window of time. Asked before any model runs; the first limit without room ends the request: 429."""

    name: Annotated[Name, StringConstraints(max_length=64)]
    """What metrics, logs and tests call it."""
    per: Annotated[list[DimensionClause], Field(max_length=4)] = []
    """What has an allowance of its own: each `user`, `group`, `tenant`, `model` (as asked for), value of a header, or each combination of
    several; left out, all requests have one together. A request counts against every group that its caller is in."""
    when: When | None = None
    """Which requests it is for, by signals that run no model; left out, all. A condition that is unknown counts as holding."""
    requests: Positive | None = None
    """Most requests."""
    tokens: Positive | None = None
    """Most tokens, of prompts and answers together. An estimate is reserved, and corrected by what the response tells."""
    cost_usd: Annotated[float | None, Field(gt=0, le=1_000_000)] = None
    """Most US dollars, by the pools' prices."""
    window: Duration
    """A duration from 1s to 30d. In no stretch of that length more is granted."""
    on_missing: Literal["share", "reject", "skip"] | None = None
    """What becomes of requests without a user, group, tenant or header to count by: `share` (the default) one allowance of their own among
    all of them, `reject` (403), or `skip` this limit."""
    on_unknown: Literal["allow", "deny"] = "allow"
    """While the shared store does not answer: `allow` what this process alone has counted room for, or `deny` (503)."""


class RateLimits:
    """Compiles the limits of one file."""

    def __init__(self, file: PolicyFile, conditions: Conditions, vocabulary: Vocabulary, findings: Findings) -> None:
        self._file = file
        self._conditions = conditions
        self._vocabulary = vocabulary
        self._findings = findings

    def compiled(self) -> tuple[RateLimit, ...]:
        """The limits; what is wrong with one is noted."""
        limits = [self._limit(section, ("rateLimits", index)) for index, section in enumerate(self._file.rate_limits)]
        self._check_names()
        if limits:
            self._check_unread()
        return tuple(limits)

    def _limit(self, section: RateLimitSection, path: Path) -> RateLimit:
        cost = section.cost_usd
        if section.requests is None and section.tokens is None and cost is None:
            self._findings.error(path, f"the limit {section.name!r} limits nothing", "add `requests`, `tokens` or `costUsd`")
        if cost is not None:
            self._check_prices((*path, "costUsd"))
        dimensions = self._per(section, path)
        if section.on_missing is not None and all(each.by is By.MODEL for each in dimensions):
            why = "`onMissing` has no effect: there is nothing in `per` that a request can lack"
            self._findings.error((*path, "onMissing"), why, "remove it", key=True)
        return RateLimit(
            name=section.name,
            per=dimensions,
            most=(
                section.requests or NO_BOUND,
                section.tokens or NO_BOUND,
                max(1, round(cost * PER_DOLLAR)) if cost is not None else NO_BOUND,
            ),
            window_s=seconds(section.window),
            when=self._when(section.when, (*path, "when")) if section.when is not None else None,
            on_missing=OnMissing(section.on_missing or "share"),
            deny_unknown=section.on_unknown == "deny",
        )

    def _per(self, section: RateLimitSection, path: Path) -> tuple[Dimension, ...]:
        made: list[Dimension] = []
        for index, clause in enumerate(section.per):
            place = (*path, "per", index)
            if isinstance(clause, HeaderDimension):
                dimension = Dimension(By.HEADER, clause.header.lower())
                check_read_header(clause.header, (*place, "header"), self._file, self._findings)
            else:
                dimension = Dimension(By(clause))
                self._check_identity(clause, place)
            if dimension in made:
                self._findings.error(place, f"the limit already counts by {dimension.label}", "remove one of them")
            made.append(dimension)
        return tuple(made)

    def _check_identity(self, clause: str, place: Path) -> None:
        key, field = _IDENTITY.get(clause, ("", ""))
        if key and not getattr(self._file.identity, field):
            message = f"no request has a {clause}: the policy does not say which header to trust"
            self._findings.error(place, message, f"set identity.{key}")

    def _when(self, when: When, path: Path) -> Condition | None:
        node = self._conditions.compiled(when, path)
        if node is None:
            return None
        costs = {name: extractor.cost for name, extractor in self._vocabulary.used.items()}
        for name, place in _asked(when, path):
            if costs.get(name) is Cost.MODEL:
                message = f"the signal {name!r} runs a model, and limits are asked before any model runs"
                self._findings.error(place, message, "use signals that run none (docs/signals.md tells the cost of each)")
        return staged(node, costs)

    def _check_names(self) -> None:
        taken = {clause.name: "a decision" for clause in self._file.decisions} | {
            "default": "reserved",
            "explicit-model": "reserved",
        }
        for recipe in self._file.recipes.values():
            taken |= {clause.name: "a decision" for clause in recipe.decisions}
        for index, section in enumerate(self._file.rate_limits):
            owner = taken.get(section.name)
            if owner is not None:
                message = f"the name {section.name!r} is already {owner if owner != 'a limit' else 'that of another limit'}"
                self._findings.error(("rateLimits", index, "name"), message, "give it another name")
            taken.setdefault(section.name, "a limit")

    def _check_prices(self, path: Path) -> None:
        unpriced = [name for name, pool in self._file.pools.items() if pool.price is None]
        if len(unpriced) == len(self._file.pools):
            self._findings.error(path, "no pool has a price, so nothing ever costs anything", "give the pools a `price`")
        elif unpriced:
            names = ", ".join(unpriced)
            self._findings.warn(path, f"requests to pools without a price cost nothing here: {names}", "give them a `price`")

    def _check_unread(self) -> None:
        """Requests that are routed unread pass limits as they pass guards; where the file does not say so itself, it is told."""
        requests = self._file.requests
        if requests.unreadable_encoding == "route" and "unreadable_encoding" not in requests.model_fields_set:
            message = "requests whose content-encoding cannot be read are routed unread, past every limit"
            self._findings.warn(("rateLimits",), message, "set requests.unreadableEncoding: reject, or route to say so", key=True)


def _asked(when: When, path: Path) -> Iterator[tuple[str, Path]]:
    """Signals that a condition asks, with their places."""
    if isinstance(when, str):
        yield when, path
    elif isinstance(when, SignalTest):
        yield when.signal, (*path, "signal")
    elif isinstance(when, NotOf):
        yield from _asked(when.part, (*path, "not"))
    elif isinstance(when, AllOf | AnyOf):
        key = "all" if isinstance(when, AllOf) else "any"
        parts: Sequence[When] = when.parts
        for index, part in enumerate(parts):
            yield from _asked(part, (*path, key, index))
