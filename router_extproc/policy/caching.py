"""Caching: what the file says about the response cache, and what of it can do nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from router_extproc.cache.rule import THRESHOLD, CacheLimits, CacheMode, CacheRule, CacheScope
from router_extproc.encoders.bundle import EMBEDDING
from router_extproc.encoders.manifest import BundleError
from router_extproc.policy.section import Bytes, Section

if TYPE_CHECKING:
    from collections.abc import Iterable

    from router_extproc.policy.file import PolicyFile
    from router_extproc.policy.problems import Findings, Path
    from router_extproc.signals.services import SignalServices

_MS = 1000
_IDENTITY = {"user": ("user_header", "userHeader"), "tenant": ("tenant_header", "tenantHeader")}

Ttl = Annotated[int, Field(ge=1, le=31_536_000)]


class CacheSection(Section):
    """Bounds of the response cache. What may be cached, decisions say (`action.cache`)."""

    backend: Literal["memory", "redis"] = "memory"
    """Where answers are: in each process, or in the Redis or Valkey that `serve --state` names, for all replicas."""
    max_bytes: Annotated[Bytes, Field(ge=64 * 1024, le=64 * 1024**3)] = 64 * 1024**2
    """Of answers in one process, and of what semantic lookups need; those that were not used for longest go."""
    max_entry_bytes: Annotated[Bytes, Field(ge=1024, le=16 * 1024**2)] = 256 * 1024
    """Of one answer; larger ones are not kept."""
    ttl_seconds: Ttl = 3600
    """How long an answer is kept, unless a decision says otherwise."""
    timeout_ms: Annotated[int, Field(ge=1, le=1000)] | None = None
    """How long a request waits for Redis; then it goes on as if nothing were kept. 10 unless set."""


class CacheClause(Section):
    """Answers the request from the cache if it can, else keeps the answer. Guards come first, whatever their place."""

    mode: Literal["exact", "semantic", "off"]
    """Serve requests that are the same; also those whose last user text asks the same in other words; or none, whatever others say."""
    scope: Literal["user", "tenant", "global"] = "user"
    """Whose requests one answer serves: the same user's, the same tenant's, or everybody's. Without that identity nothing is cached."""
    ttl_seconds: Ttl | None = None
    """How long an answer is kept; the file's `cache.ttlSeconds` unless set."""
    wait_ms: Annotated[int, Field(ge=0, le=600_000)] | None = None
    """How long a request waits for an identical one that is under way; `limits.deadlineMs` unless set, 0: not at all."""
    threshold: Annotated[float, Field(ge=0.3, le=1)] | None = None
    """Cosine from which a kept question is compared word by word. The comparison decides; a higher value saves work."""
    sampled: bool = False
    """Whether requests with a temperature above 0 are served, too: all of them get the one answer."""
    tool_calls: bool = False
    """Whether answers with tool calls are kept."""
    truncated: bool = False
    """Whether answers are kept that a token limit ended."""
    request_control: bool = False
    """Whether a caller's `cache-control` header counts: no-cache, no-store, max-age, only-if-cached."""


class CacheRules:
    """Compiles the clauses of one file."""

    def __init__(self, file: PolicyFile, services: SignalServices, findings: Findings) -> None:
        self._file = file
        self._services = services
        self._findings = findings
        self._used = False

    def compiled(self, clause: CacheClause, path: Path) -> CacheRule:
        """The rule; what is wrong with it is noted."""
        self._used = True
        self._check_identity(clause, path)
        self._check_keys(clause, path)
        if clause.mode == "semantic":
            self._check_model(path)
        wait = clause.wait_ms if clause.wait_ms is not None else self._file.limits.deadline_ms
        return CacheRule(
            mode=CacheMode(clause.mode),
            scope=CacheScope(clause.scope),
            ttl_s=clause.ttl_seconds or self._file.cache.ttl_seconds,
            wait_s=wait / _MS,
            threshold=THRESHOLD if clause.threshold is None else clause.threshold,
            sampled=clause.sampled,
            tool_calls=clause.tool_calls,
            truncated=clause.truncated,
            request_control=clause.request_control,
        )

    def limits(self) -> CacheLimits:
        """The bounds, once all decisions were compiled."""
        section = self._file.cache
        given = section.model_fields_set
        if given and not self._used:
            self._findings.error(
                ("cache",), "no decision caches anything", "add `action: {cache: {mode: exact}}` to one, or remove it", key=True
            )
        if section.timeout_ms is not None and section.backend == "memory":
            self._findings.error(("cache", "timeoutMs"), "memory is not waited for", "remove it, or say backend: redis", key=True)
        if section.max_entry_bytes > section.max_bytes:
            self._findings.error(("cache", "maxEntryBytes"), "one answer may not be larger than all together", "lower it")
        timeout = section.timeout_ms or 10
        return CacheLimits(section.max_bytes, section.max_entry_bytes, section.backend == "redis", timeout / _MS)

    def _check_identity(self, clause: CacheClause, path: Path) -> None:
        needed = _IDENTITY.get(clause.scope)
        if clause.mode == "off" or needed is None or getattr(self._file.identity, needed[0]):
            return
        place = (*path, "scope") if "scope" in clause.model_fields_set else path
        self._findings.error(
            place,
            f"nothing is ever cached: the policy does not say which header tells the {clause.scope}",
            f"set identity.{needed[1]}, or choose another scope",
        )

    def _check_keys(self, clause: CacheClause, path: Path) -> None:
        if clause.mode == "off":
            for name in sorted(clause.model_fields_set - {"mode"}):
                key = CacheClause.model_fields[name].alias or name
                self._findings.error((*path, key), f"`{key}` has no effect where the mode is off", "remove it", key=True)
        elif clause.mode == "exact" and clause.threshold is not None:
            self._findings.error((*path, "threshold"), "`threshold` is for the mode semantic", "remove it", key=True)

    def _check_model(self, path: Path) -> None:
        try:
            self._services.share((EMBEDDING,))
        except BundleError as error:
            self._findings.error((*path, "mode"), str(error), "say mode: exact")


def asks_for_vectors(rules: Iterable[CacheRule | None]) -> bool:
    """Whether one of them looks for questions that ask the same."""
    return any(rule is not None and rule.mode is CacheMode.SEMANTIC for rule in rules)
