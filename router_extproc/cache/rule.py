"""Rule: what a decision says about caching the answer to a request."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

THRESHOLD = 0.6
"""Cosine from which a kept question is looked at more closely. The verification decides; see docs/guards.md."""


class CacheMode(StrEnum):
    """Which requests one answer serves."""

    OFF = "off"
    """None: whatever other decisions say."""
    EXACT = "exact"
    """Those that are the same."""
    SEMANTIC = "semantic"
    """Also those whose last user text asks the same in other words."""


class CacheScope(StrEnum):
    """Whose requests one answer serves."""

    USER = "user"
    TENANT = "tenant"
    GLOBAL = "global"


@dataclass(frozen=True, slots=True)
class CacheRule:
    """How one request may be answered from the cache, and its answer kept there."""

    mode: CacheMode
    scope: CacheScope
    ttl_s: float
    wait_s: float = 0.2
    """How long a request waits for an identical one that is under way."""
    threshold: float = THRESHOLD
    sampled: bool = False
    """Whether requests that set a temperature above 0 are served, too."""
    tool_calls: bool = False
    """Whether answers with tool calls are kept."""
    truncated: bool = False
    """Whether answers are kept that a token limit ended."""
    request_control: bool = False
    """Whether callers' `cache-control` header counts."""


def together(rules: Sequence[CacheRule]) -> CacheRule | None:
    """Of several decisions' rules the last; none if one of them is off."""
    if not rules or any(rule.mode is CacheMode.OFF for rule in rules):
        return None
    return rules[-1]


@dataclass(frozen=True, slots=True)
class CacheLimits:
    """What bounds the cache."""

    max_bytes: int = 64 * 1024**2
    """Of answers, and of what semantic lookups need, together."""
    max_entry_bytes: int = 256 * 1024
    """Of one answer."""
    remote: bool = False
    """Whether answers are kept in the shared store."""
    timeout_s: float = 0.01
    """How long a request waits for the shared store."""
