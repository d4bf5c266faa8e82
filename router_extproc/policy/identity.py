"""Identity: which headers tell who calls, and what proves that the proxy in front wrote them."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag

from router_extproc.policy.compiled import Identity, MetadataProof, Proof
from router_extproc.policy.section import HeaderName, Section, Word

if TYPE_CHECKING:
    from router_extproc.policy.problems import Findings
    from router_extproc.signals.services import SignalServices

MIN_SECRET = 16
"""Characters. A shorter secret can be guessed by trying."""
_LEFT_OUT = "identity headers are believed without proof: whoever reaches Envoy past the authenticating proxy can be anyone"

IDENTITY_KEYS = (("userHeader", "user_header"), ("groupsHeader", "groups_header"), ("tenantHeader", "tenant_header"))
"""The keys that name identity headers, in the file's spelling and the section's."""


class MetadataProofSection(Section):
    """A value that an Envoy filter before ext_proc wrote into the request's dynamic metadata, where no caller can write."""

    namespace: Word
    """The filter's, such as `envoy.filters.http.jwt_authn`. Envoy must forward it: `metadata_options.forwarding_namespaces`."""
    path: Annotated[list[Word], Field(min_length=1, max_length=16)]
    """Keys that lead to the value: `[payload, iss]`."""
    one_of: Annotated[list[Word], Field(alias="in", min_length=1, max_length=64)]
    """Values that prove it. Of a list in the metadata, one is enough."""


class ProofSection(Section):
    """What proves that the identity headers are the authenticating proxy's. All that is named must hold."""

    header: HeaderName | None = None
    """A header in which the proxy sends the secret. It goes no further than this router."""
    secret_file: Annotated[str | None, StringConstraints(min_length=1, max_length=1024)] = None
    """A file with the secret; of several lines each is one, so that it can be changed without a gap. Read anew when it changes."""
    secret_env: Annotated[str | None, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")] = None
    """The environment variable that holds the secret."""
    metadata: MetadataProofSection | None = None
    """What a filter before ext_proc found out, such as the issuer of a verified token."""
    peers: Annotated[list[Word], Field(max_length=64)] = []
    """Peers of mutual TLS that may say who calls: the first URI name (`spiffe://...`) or DNS name of their certificate; a `*` at the end
    stands for any rest."""


def _form(value: Any) -> str | None:
    if isinstance(value, str):
        return "<none>"
    return "<mapping>" if isinstance(value, dict | Section) else None


ProofClause = Annotated[
    Annotated[Literal["none"], Tag("<none>")] | Annotated[ProofSection, Tag("<mapping>")],
    Discriminator(_form, custom_error_type="policy_proof", custom_error_message="not a proof"),
]


class IdentitySection(Section):
    """Which request headers tell who calls. Name only headers that a trusted proxy overwrites, and have it prove that it did."""

    user_header: HeaderName | None = None
    """The user."""
    groups_header: HeaderName | None = None
    """The user's groups, separated by commas."""
    tenant_header: HeaderName | None = None
    """The tenant."""
    proof: ProofClause | None = None
    """What proves that these headers come from that proxy; `none` if only it can reach Envoy."""
    on_unproven: Literal["ignore", "reject"] | None = None
    """What becomes of identity headers without proof: `ignore` (the default) removes them and the caller is nobody, `reject` is a 403."""


def compiled_identity(section: IdentitySection, services: SignalServices, findings: Findings) -> Identity:
    """The compiled form; what is wrong is noted."""
    named = any(getattr(section, field) for _, field in IDENTITY_KEYS)
    proof = section.proof if isinstance(section.proof, ProofSection) else None
    if not named:
        for key, there in (("proof", section.proof), ("onUnproven", section.on_unproven)):
            if there is not None:
                findings.error(("identity", key), f"`{key}` has no effect: no identity header is named", "remove it", key=True)
    elif section.proof is None:
        cure = "add `proof:`, or write `proof: none` if nobody can reach Envoy past that proxy"
        findings.warn(("identity",), _LEFT_OUT, cure, key=True)
    if named and proof is None and section.on_unproven is not None:
        findings.error(("identity", "onUnproven"), "`onUnproven` has no effect without a proof", "add `proof:`", key=True)
    return Identity(
        user=(section.user_header or "").lower(),
        groups=(section.groups_header or "").lower(),
        tenant=(section.tenant_header or "").lower(),
        proof=_proof(proof, services, findings) if proof is not None else None,
        reject_unproven=section.on_unproven == "reject",
    )


def _proof(section: ProofSection, services: SignalServices, findings: Findings) -> Proof:
    path = ("identity", "proof")
    secret = section.secret_file or section.secret_env
    if not (section.header or secret or section.metadata or section.peers):
        findings.error(path, "an empty `proof` proves nothing", "add `header` with `secretFile`, `metadata` or `peers`")
    if section.secret_file and section.secret_env:
        findings.error((*path, "secretEnv"), "there is already a `secretFile`", "keep one of them", key=True)
    if bool(section.header) != bool(secret):
        cure = "add `secretFile` or `secretEnv`" if section.header else "add `header`"
        findings.error(path, "`header` and its secret go together", cure)
    for index, peer in enumerate(section.peers):
        if peer == "*" or "*" in peer[:-1]:
            cure = 'write a whole name, or its beginning and one `*`: "spiffe://example.org/ns/edge/*"'
            findings.error((*path, "peers", index), f"{peer!r} names no peers: a `*` stands at the end of a beginning", cure)
    metadata = section.metadata
    return Proof(
        header=(section.header or "").lower(),
        secrets=_secrets(section, services, findings) if secret else (),
        metadata=MetadataProof(metadata.namespace, tuple(metadata.path), frozenset(metadata.one_of)) if metadata else None,
        peers=tuple(section.peers),
    )


def _secrets(section: ProofSection, services: SignalServices, findings: Findings) -> tuple[bytes, ...]:
    """Digests of the secrets. One that cannot be read is an error where requests are served, and a warning in a pipeline's `check`."""
    key = "secretFile" if section.secret_file else "secretEnv"
    tell = findings.error if services.needs_secrets else findings.warn
    try:
        text = _text(section, services)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not UTF-8"
        tell(("identity", "proof", key), f"the secret cannot be read: {why}", "mount the file, or correct its path")
        return ()
    secrets = [line.strip() for line in text.splitlines() if line.strip()]
    if not secrets:
        cure = "set it before the router starts" if section.secret_env else "write the secret into the file"
        tell(("identity", "proof", key), "the secret is empty, so that nothing could prove an identity", cure)
    if any(len(secret) < MIN_SECRET for secret in secrets):
        findings.error(
            ("identity", "proof", key), f"a secret of fewer than {MIN_SECRET} characters can be guessed", "make it longer"
        )
    return tuple(hashlib.sha256(secret.encode()).digest() for secret in secrets)


def _text(section: ProofSection, services: SignalServices) -> str:
    if section.secret_file:
        return services.secret_file(section.secret_file).read_text(encoding="utf-8")
    return os.environ.get(section.secret_env or "", "")
