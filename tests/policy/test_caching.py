"""What a policy says about the response cache: compiled, or refused with place and cure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from router_extproc.cache.rule import CacheLimits, CacheMode, CacheRule, CacheScope
from router_extproc.policy.load import compile_policy
from router_extproc.policy.problems import PolicyError
from router_extproc.selectors.registry import SELECTORS
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from router_extproc.policy.compiled import Policy

HEAD = "version: 1\npools: {small: {cluster: a}}\ndefault: small\n"


def compiled(text: str) -> Policy:
    """The policy."""
    return compile_policy(HEAD + text, source="p", services=SignalServices().for_policy(Path()), selectors=SELECTORS).policy


def decision(cache: str, rest: str = "") -> str:
    """One that caches."""
    return f"decisions: [{{name: a, {rest}action: {{cache: {cache}}}}}]\n"


class TestCompiled:
    def test_everything(self) -> None:
        """Each key."""
        policy = compiled(
            "identity: {tenantHeader: x-tenant}\nlimits: {deadlineMs: 70}\n"
            "cache: {backend: redis, maxBytes: 1MiB, maxEntryBytes: 2KiB, ttlSeconds: 9, timeoutMs: 3}\n"
            + decision(
                "{mode: semantic, scope: tenant, ttlSeconds: 5, waitMs: 30, threshold: 0.7, sampled: true, toolCalls: true, "
                "truncated: true, requestControl: true}"
            )
        )
        assert policy.settings.cache == CacheLimits(1024**2, 2048, remote=True, timeout_s=0.003)
        assert policy.main.rules[0].cache == CacheRule(
            CacheMode.SEMANTIC,
            CacheScope.TENANT,
            5,
            0.03,
            0.7,
            sampled=True,
            tool_calls=True,
            truncated=True,
            request_control=True,
        )

    def test_defaults(self) -> None:
        """Time to live from the section, waiting from the deadline."""
        policy = compiled("limits: {deadlineMs: 70}\ncache: {ttlSeconds: 9}\n" + decision("{mode: exact, scope: global}"))
        assert policy.main.rules[0].cache == CacheRule(CacheMode.EXACT, CacheScope.GLOBAL, 9, 0.07)


class TestRefused:
    @pytest.mark.parametrize(
        ("text", "place", "message", "cure"),
        [
            (
                decision("{mode: exact}"), (4, 39),
                "nothing is ever cached: the policy does not say which header tells the user",
                "set identity.userHeader, or choose another scope",
            ),
            (
                decision("{mode: exact, scope: tenant}"), (4, 60),
                "nothing is ever cached: the policy does not say which header tells the tenant",
                "set identity.tenantHeader, or choose another scope",
            ),
            (
                decision("{mode: exact, scope: global, threshold: 0.5}"), (4, 68),
                "`threshold` is for the mode semantic", "remove it",
            ),
            (
                decision("{mode: off, ttlSeconds: 5}"), (4, 51),
                "`ttlSeconds` has no effect where the mode is off", "remove it",
            ),
            (
                "cache: {maxBytes: 1MiB}\n", (4, 1),
                "no decision caches anything", "add `action: {cache: {mode: exact}}` to one, or remove it",
            ),
            (
                "cache: {timeoutMs: 5}\n" + decision("{mode: exact, scope: global}"), (4, 9),
                "memory is not waited for", "remove it, or say backend: redis",
            ),
            (
                "cache: {maxBytes: 64KiB, maxEntryBytes: 1MiB}\n" + decision("{mode: exact, scope: global}"), (4, 41),
                "one answer may not be larger than all together", "lower it",
            ),
        ],
        ids=["no user", "no tenant", "threshold", "off", "unused", "timeout", "entry"],
    )  # fmt: skip
    def test_with_place_and_cure(self, text: str, place: tuple[int, int], message: str, cure: str) -> None:
        """Line and column are those of the key or value at fault."""
        with pytest.raises(PolicyError) as caught:
            compiled(text)
        problem = caught.value.errors[0]
        assert (problem.message, problem.cure, (problem.line, problem.column)) == (message, cure, place)

    @pytest.mark.parametrize(
        "cache", ["{}", "{mode: fuzzy}", "{mode: exact, scope: all}", "{mode: exact, size: 3}", "{mode: semantic, threshold: 2}"]
    )
    def test_by_its_shape(self, cache: str) -> None:
        """Closed keys, closed words, bounds."""
        with pytest.raises(PolicyError):
            compiled(decision(cache))

    def test_off_wins_whatever_comes_after(self) -> None:
        """And the last of several that cache holds."""
        from router_extproc.cache.rule import together  # noqa: PLC0415 - used here alone

        exact = CacheRule(CacheMode.EXACT, CacheScope.GLOBAL, 1)
        semantic = CacheRule(CacheMode.SEMANTIC, CacheScope.USER, 2)
        off = CacheRule(CacheMode.OFF, CacheScope.USER, 1)
        assert together([]) is None
        assert together([exact, semantic]) is semantic
        assert together([off, semantic]) is None
