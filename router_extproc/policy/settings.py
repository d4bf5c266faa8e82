"""Settings: what the file says beside rules, from its sections to their compiled form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.policy.compiled import HeaderNames, Limits, RejectWhen, Settings
from router_extproc.policy.identity import IDENTITY_KEYS, ProofSection
from router_extproc.policy.rules import TOKEN

if TYPE_CHECKING:
    from router_extproc.cache.rule import CacheLimits
    from router_extproc.policy.compiled import Identity
    from router_extproc.policy.constraints import Constraints
    from router_extproc.policy.file import PolicyFile
    from router_extproc.policy.problems import Findings, Path

_HEADER_KEYS = (
    ("pool", "pool"),
    ("model", "model"),
    ("decision", "decision"),
    ("reason", "reason"),
    ("decisionId", "decision_id"),
    ("cache", "cache"),
)


def header_names(file: PolicyFile) -> HeaderNames:
    """The headers that the router writes."""
    section = file.headers
    return HeaderNames(**{field: getattr(section, field).lower() for _, field in _HEADER_KEYS})


def settings(file: PolicyFile, identity: Identity, cache: CacheLimits, constraints: Constraints | None) -> Settings:
    """The settings of a file."""
    requests, limits = file.requests, file.limits
    return Settings(
        limits=Limits(
            max_request_bytes=limits.max_request_bytes,
            max_depth=limits.max_depth,
            deadline_ms=limits.deadline_ms,
            upload_timeout_ms=limits.upload_timeout_ms,
        ),
        headers=header_names(file),
        strip=frozenset(name.lower() for name in file.headers.strip),
        identity=identity,
        virtual_models=frozenset(file.virtual_models),
        unknown_models=RejectWhen(file.unknown_models),
        malformed=RejectWhen(requests.malformed),
        unreadable_encoding=RejectWhen(requests.unreadable_encoding),
        on_error=RejectWhen(requests.on_error),
        path_prefixes=tuple(requests.path_prefixes),
        recipe_header=(requests.recipe_header or "").lower(),
        response_headers=file.record.response_headers,
        observe=file.record.observe,
        cache=cache,
        constraints=constraints,
    )


def check_headers(file: PolicyFile, findings: Findings) -> None:
    """Header names must be names, and must not be in each other's way."""
    seen: dict[str, str] = {}
    for key, field in _HEADER_KEYS:
        name = getattr(file.headers, field)
        _check_token(name, ("headers", key), findings)
        if name.lower() in seen:
            findings.error(("headers", key), f"{name!r} is already the name for {seen[name.lower()]!r}", "give it another name")
        seen.setdefault(name.lower(), key)
    for key, field in IDENTITY_KEYS:
        named = getattr(file.identity, field)
        if named is not None:
            _check_token(named, ("identity", key), findings)
            _check_kept(named, ("identity", key), file, seen, findings)
    _check_proof(file, seen, findings)
    if file.requests.recipe_header is not None:
        _check_token(file.requests.recipe_header, ("requests", "recipeHeader"), findings)
        _check_kept(file.requests.recipe_header, ("requests", "recipeHeader"), file, seen, findings)
    for key, named in (("header", file.sessions.header), ("taskHeader", file.sessions.task_header)):
        if named is not None:
            _check_token(named, ("sessions", key), findings)
            _check_kept(named, ("sessions", key), file, seen, findings)
    for index, name in enumerate(file.headers.strip):
        _check_token(name, ("headers", "strip", index), findings)


def check_read_header(name: str, path: Path, file: PolicyFile, findings: Findings) -> None:
    """A header that something reads must be one, and must still be there when it is read."""
    own = {getattr(file.headers, field).lower(): key for key, field in _HEADER_KEYS}
    proof = file.identity.proof
    if isinstance(proof, ProofSection) and proof.header:
        own[proof.header.lower()] = "proof"
    _check_token(name, path, findings)
    _check_kept(name, path, file, own, findings)


def _check_proof(file: PolicyFile, own: dict[str, str], findings: Findings) -> None:
    proof = file.identity.proof
    name = proof.header if isinstance(proof, ProofSection) else None
    if name is None:
        return
    path: Path = ("identity", "proof", "header")
    _check_token(name, path, findings)
    _check_kept(name, path, file, own, findings)
    read = {(getattr(file.identity, field) or "").lower() for _, field in IDENTITY_KEYS} | {file.requests.recipe_header or ""}
    if name.lower() in read:
        findings.error(path, f"the header {name!r} already has a meaning", "choose another header for the secret")


def _check_token(name: str, path: Path, findings: Findings) -> None:
    if not TOKEN.match(name):
        findings.error(path, f"{name!r} is not a header's name", "use letters, digits and '-'")


def _check_kept(name: str, path: Path, file: PolicyFile, own: dict[str, str], findings: Findings) -> None:
    """A header that is removed from every request before it is read never has a value."""
    if name.lower() in own or name.lower() in {strip.lower() for strip in file.headers.strip}:
        findings.error(path, f"the header {name!r} is removed from every request before it is read", "choose another header")
