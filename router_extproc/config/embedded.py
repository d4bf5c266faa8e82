"""Embedded: runs the tests that a policy carries; a policy that fails its own tests is not accepted."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from router_extproc.config.offline import decide
from router_extproc.limits.memory import MemoryStore
from router_extproc.policy.document import read
from router_extproc.policy.expression import SEVERAL
from router_extproc.policy.problems import Findings
from router_extproc.routing import Signal, UnknownReason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router_extproc.policy.compiled import Expectation, PolicyTest
    from router_extproc.policy.problems import Problem
    from router_extproc.router import Router
    from router_extproc.routing import Outcome, SignalResult


_TURNS, _TURN_S = 100, 0.05
"""How often and how long a test waits for an overloaded model."""


def failures(router: Router, text: str) -> tuple[Problem, ...]:
    """What fails, as problems of the file with that text; empty if all tests pass."""
    if not router.policy.tests:
        return ()
    findings = Findings(read(text, source=router.policy.source))
    unhurried = router.unhurried()
    for test in router.policy.tests:
        # Each test counts from nothing, and none counts with the requests that are served.
        counting = unhurried.counting(MemoryStore()).unhurried() if router.policy.limits or router.plan.remembers else unhurried
        for _ in range(test.repeat):
            outcome = _decided(counting, test)
        for place, wanted, got in differences(test, outcome):
            message = f"the test {test.name!r} fails: expected {'.'.join(place)} {wanted}, got {got}"
            findings.error((*test.place, "expect", *place), message, _cure(outcome))
    return findings.problems


def _decided(router: Router, test: PolicyTest) -> Outcome:
    """The outcome. While requests fill the model's queue, a test waits for its turn: a reload must not fail because of them."""
    for _ in range(_TURNS):
        outcome = decide(router, path=test.path, headers=test.headers, body=test.body, proven=test.proven)
        if not any(_is_overloaded(result) for result in outcome.signals.values()):
            break
        time.sleep(_TURN_S)
    return outcome


def _is_overloaded(result: SignalResult) -> bool:
    return not isinstance(result, Signal) and result.reason is UnknownReason.OVERLOADED


def _cure(outcome: Outcome) -> str:
    decision = outcome.decision
    came = f"it came to {decision.name!r} ({decision.reason})"
    unknown = f"; unknown: {', '.join(decision.unknown)}" if decision.unknown else ""
    return f"{came}{unknown}; `router-extproc explain` shows why"


def differences(test: PolicyTest, outcome: Outcome) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Each expectation that is not met: its place in `expect`, what was wanted, what there was."""
    expect = test.expect
    for key, wanted, got in _told(expect, outcome):
        if wanted is not None and wanted != got:
            yield (key,), _shown(wanted), _shown(got)
    for name, fact in expect.signals.items():
        result = outcome.signals.get(name)
        if not _agrees(result, fact):
            yield ("signals", name), _shown(fact), _seen(result)


def _told(expect: Expectation, outcome: Outcome) -> list[tuple[str, str | int | None, str | int | None]]:
    selection = outcome.selection
    return [
        ("decision", expect.decision, outcome.decision.name),
        ("verdict", expect.verdict, outcome.verdict.value),
        ("pool", expect.pool, selection.pool.name if selection else None),
        ("model", expect.model, selection.model if selection else None),
        ("status", expect.status, outcome.status),
        ("reason", expect.reason, outcome.decision.reason.value),
    ]


def _agrees(result: SignalResult | None, fact: bool | float | str) -> bool:  # noqa: FBT001 - the fact is what the test says it is
    if not isinstance(result, Signal):
        return False
    if isinstance(fact, bool):
        return (result.value >= 0.5) == fact  # noqa: PLR2004 - as a bare name in a condition
    if isinstance(fact, str):
        return result.label == fact or (result.labels or {}).get(fact, 0.0) > SEVERAL  # as `is` in a condition
    return math.isclose(result.value if result.measure is None else result.measure, fact, rel_tol=1e-6, abs_tol=1e-6)


def _seen(result: SignalResult | None) -> str:
    if result is None:
        return "nothing: it was not computed, because another condition decided first"
    if not isinstance(result, Signal):
        return f"unknown: {result.reason}"
    return _shown(result.label if result.label is not None else result.value if result.measure is None else result.measure)


def _shown(value: object) -> str:
    return "nothing" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
