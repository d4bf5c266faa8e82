"""Constraints: what callers may demand of the pool that gets their request, and where in the request they say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import StringConstraints

from router_extproc.policy.section import Section
from router_extproc.policy.settings import check_read_header

if TYPE_CHECKING:
    from router_extproc.policy.file import PolicyFile
    from router_extproc.policy.problems import Findings

_HEADER = "header:"

SourceText = Annotated[
    str, StringConstraints(pattern=r"^(header:[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}|metadata:[^\x00-\x1f]{1,64})$", max_length=140)
]


class ConstraintsSection(Section):
    """Where callers state hard constraints: `header:NAME`, or `metadata:KEY` of the body's `metadata`."""

    max_cost_usd: SourceText | None = None
    """Most US dollars that this request may cost, as estimated; a pool without a price is no candidate then."""
    max_seconds: SourceText | None = None
    """Most seconds to the end of the answer, as observed lately; a pool that was not seen yet stays a candidate."""
    tags: SourceText | None = None
    """Tags, separated by commas, that a pool must have, all of them."""


@dataclass(frozen=True, slots=True)
class Source:
    """A place in the request."""

    header: str = ""
    """Lower case."""
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class Constraints:
    """Where each constraint is stated, if it can be."""

    max_cost_usd: Source | None = None
    max_seconds: Source | None = None
    tags: Source | None = None


def compiled_constraints(file: PolicyFile, findings: Findings) -> Constraints | None:
    """The compiled form, None if there is none; what is wrong, or could never matter, is noted."""
    section = file.constraints
    pools = file.pools.values()
    if section.max_cost_usd is not None and all(pool.price is None for pool in pools):
        findings.error(
            ("constraints", "maxCostUsd"), "no pool has a price, so no request could be served", "give the pools a `price`"
        )
    if section.tags is not None and not any(pool.tags for pool in pools):
        findings.error(("constraints", "tags"), "no pool has tags, so no request could be served", "give the pools `tags`")
    for key, text in (("maxCostUsd", section.max_cost_usd), ("maxSeconds", section.max_seconds), ("tags", section.tags)):
        if text is not None and text.startswith(_HEADER):
            check_read_header(text.removeprefix(_HEADER), ("constraints", key), file, findings)
    found = Constraints(_source(section.max_cost_usd), _source(section.max_seconds), _source(section.tags))
    return found if found != Constraints() else None


def _source(text: str | None) -> Source | None:
    if text is None:
        return None
    kind, _, name = text.partition(":")
    return Source(header=name.lower()) if kind == "header" else Source(metadata=name)
