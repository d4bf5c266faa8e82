"""Identity: whether the headers that tell who calls are the authenticating proxy's. Pure."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router_extproc.extproc.events import Evidence
    from router_extproc.policy.compiled import MetadataProof, Proof

_URI = "connection.uri_san_peer_certificate"
_DNS = "connection.dns_san_peer_certificate"


def lacking(headers: Mapping[str, str], proof: Proof, evidence: Evidence) -> str:
    """The first part of the proof that does not hold: `header`, `metadata` or `peers`; empty if all do."""
    if evidence.vouched is not None:
        return "" if evidence.vouched else "header" if proof.header else "metadata" if proof.metadata else "peers"
    if proof.header and not _is_secret(headers.get(proof.header, ""), proof.secrets):
        return "header"
    if proof.metadata is not None and not _is_told(evidence.metadata, proof.metadata):
        return "metadata"
    if proof.peers and not _is_peer(evidence.attributes, proof.peers):
        return "peers"
    return ""


def _is_secret(given: str, secrets: tuple[bytes, ...]) -> bool:
    """Digests are compared, all of them and in constant time, so that the time tells neither a secret's letters nor its length."""
    digest = hashlib.sha256(given.encode("utf-8", "surrogatepass")).digest()
    found = False
    for secret in secrets:
        found |= hmac.compare_digest(digest, secret)
    return found


def _is_told(metadata: Mapping[str, Any], proof: MetadataProof) -> bool:
    value = metadata.get(proof.namespace)
    for step in proof.path:
        value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, list):
        return any(isinstance(each, str) and each in proof.values for each in value)
    return isinstance(value, str) and value in proof.values


def _is_peer(attributes: Mapping[str, str], peers: tuple[str, ...]) -> bool:
    names = [name for name in (attributes.get(_URI), attributes.get(_DNS)) if name]
    return any(_fits(name, peer) for name in names for peer in peers)


def _fits(name: str, peer: str) -> bool:
    return name.startswith(peer[:-1]) if peer.endswith("*") else name == peer
