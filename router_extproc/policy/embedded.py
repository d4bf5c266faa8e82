"""Embedded: the tests that a policy file carries, made ready to run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from router_extproc.policy.compiled import Expectation, PolicyTest
from router_extproc.policy.identity import ProofSection
from router_extproc.policy.suggest import suggestion
from router_extproc.routing import Reason

if TYPE_CHECKING:
    from collections.abc import Collection

    from router_extproc.policy.file import ExpectSection, PolicyFile, TestSection
    from router_extproc.policy.problems import Findings, Path

_NO_RULE = frozenset({"default", "explicit-model", "-"})


def embedded_tests(file: PolicyFile, findings: Findings, *, signals: Collection[str], repeats: bool) -> tuple[PolicyTest, ...]:
    """The tests of a file; what is wrong with one is noted, and it is left out. `signals` are those that some rule uses.

    `repeats`: whether a request that comes again may fare otherwise: something counts, or remembers.
    """
    decisions = {clause.name for clause in file.decisions}
    decisions |= {section.name for section in file.rate_limits}
    decisions |= {clause.name for recipe in file.recipes.values() for clause in recipe.decisions} | _NO_RULE
    made: list[PolicyTest] = []
    seen: set[str] = set()
    for index, section in enumerate(file.tests):
        path: Path = ("tests", index)
        if section.name in seen:
            findings.error((*path, "name"), f"there is already a test named {section.name!r}", "give it another name")
        seen.add(section.name)
        _check_expectation(section.expect, (*path, "expect"), findings, decisions=decisions, pools=file.pools, signals=signals)
        if section.repeat > 1 and not repeats:
            why = "`repeat` has no effect without `rateLimits` or a route with `session`"
            findings.error((*path, "repeat"), why, "remove it", key=True)
        test = _test(section, path, file, findings)
        if test is not None:
            made.append(test)
    return tuple(made)


def _test(section: TestSection, path: Path, file: PolicyFile, findings: Findings) -> PolicyTest | None:
    if (section.prompt is None) == (section.request is None):
        findings.error(path, "a test has either `prompt` or `request`", "keep one of them" if section.prompt else "add `prompt:`")
        return None
    expect = section.expect
    expectation = Expectation(
        decision=expect.decision,
        verdict=expect.verdict,
        pool=expect.pool,
        model=expect.model,
        status=expect.status,
        reason=expect.reason,
        signals=dict(expect.signals),
    )
    request = section.request
    if request is None:
        body = {"model": file.virtual_models[0], "messages": [{"role": "user", "content": section.prompt}]}
        raw = msgspec.json.encode(body)
        return PolicyTest(section.name, "/v1/chat/completions", {}, raw, expectation, path, repeat=section.repeat)
    raw = request.body.encode() if isinstance(request.body, str) else msgspec.json.encode(request.body)
    headers = {name.lower(): value for name, value in request.headers.items()}
    if not request.proven and not isinstance(file.identity.proof, ProofSection):
        cure = "remove it, or add `identity.proof`"
        findings.error((*path, "request", "proven"), "`proven` has no effect: the policy asks for no proof", cure, key=True)
    return PolicyTest(section.name, request.path, headers, raw, expectation, path, request.proven, section.repeat)


def _check_expectation(
    expect: ExpectSection,
    path: Path,
    findings: Findings,
    *,
    decisions: Collection[str],
    pools: Collection[str],
    signals: Collection[str],
) -> None:
    if not expect.model_fields_set or (expect.model_fields_set == {"signals"} and not expect.signals):
        findings.error(path, "a test that expects nothing cannot fail", "add `pool`, `decision`, `reason`, ...")
    for key, value, known in (
        ("decision", expect.decision, decisions),
        ("pool", expect.pool, pools),
        ("reason", expect.reason, {reason.value for reason in Reason}),
    ):
        if value is not None and value not in known:
            findings.error((*path, key), f"there is no {key} {value!r}", suggestion(value, known))
    for name in expect.signals:
        if name not in signals:
            cure = suggestion(name, signals, otherwise="expect a signal that some decision uses")
            findings.error((*path, "signals", name), f"no decision uses the signal {name!r}", cure, key=True)
