"""Hooks: how metrics, traces and the decision log learn what happened, without the core knowing them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router_extproc.request import Request
    from router_extproc.routing import Observation, Outcome


@dataclass(frozen=True, slots=True)
class CacheDetails:
    """What came of looking a request up in the response cache."""

    status: str
    """`hit`, `miss` or `bypass`."""
    how: str
    """Of a hit: `exact`, `semantic` or `shared`; else why there was none."""
    age_s: float = 0.0
    """Of the answer."""


@dataclass(frozen=True, slots=True)
class RouteDetails:
    """One request as the ext_proc server handled it. `request` is None where the body was never parsed."""

    outcome: Outcome
    request: Request | None
    api: str
    """Request.api, or `none` for a path that is not an LLM API."""
    body_mode: str
    """`buffered`, `streamed`, `full_duplex` or `none`; `offline` outside Envoy."""
    body_bytes: int
    added_ms: float
    """Milliseconds from the last byte of the body (or from the headers, if there was none) to our reply."""
    traceparent: str = ""
    """The caller's W3C trace context, if any."""
    request_id: str = ""
    """Envoy's x-request-id."""
    unproven: str = ""
    """Which proof the identity headers lacked, if they did: `header`, `metadata` or `peers`."""
    masked: Mapping[str, int] = field(default_factory=dict)
    """Stretches of the body that gave way to placeholders, by type."""
    cache: CacheDetails | None = None
    """What the response cache did, where a decision asks for it."""


@dataclass(frozen=True, slots=True)
class AnswerDetails:
    """What a guard made of one response."""

    outcome_id: str
    pool: str
    found: Mapping[str, int]
    """How often, by type."""
    result: str
    """`passed`, `changed`, `blocked`, `refused` (it could not be looked at) or `unread` (nor could this one, which went on)."""
    sentences: int = 0
    """That say anything, where they were compared with the request's sources."""
    unsupported: int = 0
    """Of these, those that no source supports."""


@dataclass(frozen=True, slots=True)
class ReloadDetails:
    """One attempt to load a policy."""

    ok: bool
    version: str
    """Content hash of the file that was tried, and of those that it is made of."""
    source: str
    trigger: str
    """`start`, `watch`, `poll`, `sighup` or `admin`."""
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    duration_s: float = 0.0
    changed: tuple[str, ...] = ()
    """Files with another content than in the policy that was in force before: the policy's own, or those that it is made of."""


class Hook(Protocol):
    """Told of what happened. Called on the event loop after the reply was sent; must not block and must not raise."""

    def routed(self, details: RouteDetails, /) -> None: ...
    def observed(self, observation: Observation, /) -> None: ...
    def answered(self, details: AnswerDetails, /) -> None: ...
    def reloaded(self, details: ReloadDetails, /) -> None: ...


class Hooks:
    """Several hooks as one; a hook that raises is counted and never hurts a request or another hook."""

    def __init__(self, hooks: Sequence[Hook] = ()) -> None:
        self._hooks = tuple(hooks)
        self.failures = 0

    def routed(self, details: RouteDetails) -> None:
        """Tell every hook of a handled request."""
        for hook in self._hooks:
            try:
                hook.routed(details)
            except Exception:  # noqa: BLE001 - a broken hook must not break routing; the count is exported
                self.failures += 1

    def observed(self, observation: Observation) -> None:
        """Tell every hook what the response phase saw."""
        for hook in self._hooks:
            try:
                hook.observed(observation)
            except Exception:  # noqa: BLE001 - as above
                self.failures += 1

    def answered(self, details: AnswerDetails) -> None:
        """Tell every hook what a guard made of a response."""
        for hook in self._hooks:
            try:
                hook.answered(details)
            except Exception:  # noqa: BLE001 - as above
                self.failures += 1

    def reloaded(self, details: ReloadDetails) -> None:
        """Tell every hook of a policy load."""
        for hook in self._hooks:
            try:
                hook.reloaded(details)
            except Exception:  # noqa: BLE001 - as above
                self.failures += 1
