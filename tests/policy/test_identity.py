"""The `identity` section: what it becomes, and what is wrong with it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from router_extproc.policy.compiled import Proof
from router_extproc.policy.load import compile_policy
from router_extproc.policy.problems import PolicyError, Severity
from router_extproc.selectors.registry import SELECTORS
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from pathlib import Path

    from router_extproc.policy.compiled import Identity
    from router_extproc.policy.problems import Problem

HEAD = "version: 1\npools: {a: {cluster: a}}\ndefault: a\n"
SECRET = "correct-horse-battery-staple"  # noqa: S105 - of these tests


def compiled(identity: str, more: str = "", *, services: SignalServices | None = None) -> tuple[Identity, tuple[Problem, ...]]:
    """The identity of a policy, and its warnings."""
    text = f"{HEAD}identity: {{{identity}}}\n{more}"
    result = compile_policy(text, source="p.yaml", services=services or SignalServices(), selectors=SELECTORS)
    return result.policy.settings.identity, result.warnings


class TestProof:
    def test_no_proof_is_a_warning(self) -> None:
        """At its place, and with what it means."""
        identity, (warning,) = compiled("userHeader: x-user")

        assert identity.proof is None
        assert (warning.line, warning.column, warning.severity) == (4, 1, Severity.WARNING)
        assert "whoever reaches Envoy past the authenticating proxy can be anyone" in warning.message

    def test_none_is_an_answer(self) -> None:
        """Said, it is no oversight."""
        assert compiled("userHeader: x-user, proof: none")[1] == ()

    def test_a_secret_is_kept_as_its_digest(self, tmp_path: Path) -> None:
        """No policy object holds it, and none shows it."""
        (tmp_path / "secret").write_text(f"{SECRET}\n\n  {SECRET[::-1]}  \n")
        services = SignalServices().for_policy(tmp_path)
        identity, warnings = compiled("userHeader: x-user, proof: {header: X-Proof, secretFile: secret}", services=services)

        assert warnings == ()
        assert identity.proof == Proof(
            "x-proof", tuple(hashlib.sha256(text.encode()).digest() for text in (SECRET, SECRET[::-1]))
        )
        assert "secrets" not in repr(identity)

    def test_a_file_that_changes_makes_the_policy_be_loaded_anew(self, tmp_path: Path) -> None:
        """As other files that a policy names."""
        (tmp_path / "secret").write_text(SECRET)
        services = SignalServices().for_policy(tmp_path)
        compiled("userHeader: x-user, proof: {header: x-proof, secretFile: secret}", services=services)

        assert not services.files.changed()
        assert not services.files.sums()
        (tmp_path / "secret").write_text(SECRET + SECRET)
        assert services.files.changed()

    def test_a_secret_may_come_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As Kubernetes gives it."""
        monkeypatch.setenv("EDGE", SECRET)
        identity, _ = compiled("tenantHeader: x-t, proof: {header: x-proof, secretEnv: EDGE}, onUnproven: reject")

        assert identity.proof is not None
        assert identity.proof.secrets == (hashlib.sha256(SECRET.encode()).digest(),)
        assert identity.reject_unproven


BROKEN = [
    ("proof: none", 12, "`proof` has no effect: no identity header is named", "remove it"),
    ("onUnproven: reject", 12, "`onUnproven` has no effect: no identity header is named", "remove it"),
    ("userHeader: u, proof: none, onUnproven: reject", 40, "`onUnproven` has no effect without a proof", "add `proof:`"),
    (
        "userHeader: u, proof: {}",
        34,
        "an empty `proof` proves nothing",
        "add `header` with `secretFile`, `metadata` or `peers`",
    ),
    (
        "userHeader: u, proof: {header: x-p}",
        34,
        "`header` and its secret go together",
        "add `secretFile` or `secretEnv`",
    ),
    ("userHeader: u, proof: {secretEnv: E_LONG}", 34, "`header` and its secret go together", "add `header`"),
    (
        "userHeader: u, proof: {header: x-p, secretEnv: E_LONG, secretFile: f}",
        79,
        "the secret cannot be read: No such file or directory",
        "mount the file, or correct its path",
    ),
    (
        "userHeader: u, proof: {header: x-p, secretEnv: E_NONE}",
        59,
        "the secret is empty, so that nothing could prove an identity",
        "set it before the router starts",
    ),
    (
        "userHeader: u, proof: {header: x-p, secretEnv: E_SHORT}",
        59,
        "a secret of fewer than 16 characters can be guessed",
        "make it longer",
    ),
    ("userHeader: u, proof: {header: x-p, secretEnv: E_LONG, secretFile: f}", 48, "already a `secretFile`", "keep one of them"),
    ("userHeader: u, proof: {header: U, secretEnv: E_LONG}", 43, "the header 'U' already has a meaning", "choose another header"),
    ("userHeader: u, proof: {header: 'x p', secretEnv: E_LONG}", 43, "'x p' is not a header's name", "use letters, digits and"),
    ("userHeader: u, proof: {header: x-router-pool, secretEnv: E_LONG}", 43, "is removed from every request", "choose another"),
    ("userHeader: u, proof: {peers: ['*']}", 43, "'*' names no peers", "write a whole name, or its beginning"),
    ("userHeader: u, proof: {peers: ['a*b']}", 43, "'a*b' names no peers", "write a whole name, or its beginning"),
    ("userHeader: u, proof: some", 34, "must be none, found 'some'", "write none"),
    ("userHeader: u, proof: [none]", 34, "a list is not a proof", "write a mapping such as {header: x-proof, secretFile"),
    ("userHeader: u, proof: {metadata: {namespace: a, path: [], in: [b]}}", 66, "at least 1 item", ""),
    ("userHeader: u, proof: {header: x-p, secretenv: E}", 48, "unknown key 'secretenv'", "did you mean 'secretEnv'?"),
]


class TestBroken:
    @pytest.mark.parametrize(("identity", "column", "message", "cure"), [pytest.param(*case, id=case[0]) for case in BROKEN])
    def test_is_told_with_place_and_cure(
        self, monkeypatch: pytest.MonkeyPatch, identity: str, column: int, message: str, cure: str
    ) -> None:
        """In the operator's words."""
        monkeypatch.setenv("E_LONG", SECRET)
        monkeypatch.setenv("E_SHORT", "short")
        monkeypatch.delenv("E_NONE", raising=False)
        with pytest.raises(PolicyError) as caught:
            compiled(identity)

        problem = next(each for each in caught.value.errors if message in each.message)
        assert (problem.line, problem.column) == (4, column)
        assert cure in problem.cure
        assert SECRET not in str(caught.value)

    def test_a_test_cannot_do_without_a_proof_that_nobody_asks_for(self) -> None:
        """The key would do nothing."""
        test = "tests: [{name: t, request: {proven: false, body: {model: auto, messages: []}}, expect: {pool: a}}]\n"
        with pytest.raises(PolicyError) as caught:
            compiled("userHeader: u, proof: none", test)

        assert "`proven` has no effect" in caught.value.errors[0].message
