"""`check`: validate a policy and run its embedded tests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer
from rich.text import Text

from router_extproc.cli.console import err, fail, out
from router_extproc.cli.exits import Exit
from router_extproc.cli.policy_file import services, show
from router_extproc.config.loader import load
from router_extproc.policy.problems import PolicyError, Severity
from router_extproc.pools import PoolStats

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from router_extproc.config.loader import Loaded
    from router_extproc.policy.problems import Problem


def run(path: Path, *, as_json: bool, strict: bool, models: Path | None = None) -> Exit:
    """Check a policy; see `router-extproc check --help`."""
    loaded: Loaded | None = None
    problems: Sequence[Problem]
    try:
        loaded = load(path, services=services(models), stats=PoolStats())
        problems = loaded.warnings
    except PolicyError as error:
        problems = error.problems
    except OSError as error:
        fail(Exit.INPUT, f"{error.filename or path}: {error.strerror or error}")
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    failed = bool(errors) or (strict and bool(problems))
    if as_json:
        typer.echo(json.dumps(_told(path, problems, loaded, ok=not failed)))
    else:
        show(problems)
        _summary(path, loaded, errors, len(problems) - errors)
    return Exit.FINDINGS if failed else Exit.OK


def _told(path: Path, problems: Sequence[Problem], loaded: Loaded | None, *, ok: bool) -> dict[str, object]:
    policy = loaded.router.policy if loaded else None
    return {
        "ok": ok,
        "file": policy.source if policy else str(path),
        "version": policy.version if policy else None,
        "tests": len(policy.tests) if policy else None,
        "problems": [
            {
                "severity": problem.severity.value,
                "file": problem.file,
                "line": problem.line,
                "column": problem.column,
                "path": problem.path,
                "message": problem.message,
                "cure": problem.cure,
            }
            for problem in problems
        ],
    }


def _summary(path: Path, loaded: Loaded | None, errors: int, warnings: int) -> None:
    counts = ", ".join(
        f"{count} {word}{'s' * (count != 1)}" for count, word in ((errors, "error"), (warnings, "warning")) if count
    )
    if loaded is None:
        err.print(Text.assemble((f"{path}: {counts}", "bold red"), "; this policy would not be loaded"), soft_wrap=True)
        return
    policy = loaded.router.policy
    parts = [f"{len(policy.main.rules)} decisions", f"{len(policy.extractors)} signals", f"{len(policy.pools)} pools"]
    tests = f"{len(policy.tests)} tests passed" if policy.tests else "it has no tests"
    facts = f" (version {policy.version}; {', '.join(parts)}; {tests}{f'; {counts}' if counts else ''})"
    out.print(Text.assemble((f"{policy.source}: good", "green"), facts), soft_wrap=True)
