"""Loader: a policy file becomes a Router that passed the policy's own tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from router_extproc.config.embedded import failures
from router_extproc.errors import SpecError
from router_extproc.policy.document import read
from router_extproc.policy.load import compile_policy, version_of
from router_extproc.policy.problems import Findings, PolicyError, Problem, Severity
from router_extproc.router import Router
from router_extproc.selectors.registry import SELECTORS
from router_extproc.signals.files import Files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from router_extproc.health import PoolHealth
    from router_extproc.learning.learner import Experience
    from router_extproc.limits.store import Store
    from router_extproc.pools import PoolStats
    from router_extproc.sessions.sessions import Sessions
    from router_extproc.signals.services import SignalServices

FILE_NAME = "policy.yaml"
"""In a directory, this is the policy."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A policy that can be served."""

    router: Router
    warnings: tuple[Problem, ...]
    version: str
    """Of the file and of all that it was made of beside it."""
    files: Files = field(default_factory=Files)
    """What it was made of beside that file."""
    sums: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of these, by path; of secrets none."""
    secret_sums: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Those of secrets, to compare and never to show."""


class UnfitPolicyError(PolicyError):
    """A policy that was read and cannot be served."""

    def __init__(self, problems: tuple[Problem, ...], files: Files, text: str) -> None:
        super().__init__(problems)
        self.files = files
        """What it would be made of beside its own file, as that was."""
        self.version = version_of(text, files.sums().values())
        """Of its file and of those that were looked for before it failed."""


def policy_file(path: Path) -> Path:
    """The policy's file: the path itself, or policy.yaml in the directory that a ConfigMap is mounted at."""
    return path / FILE_NAME if path.is_dir() else path


def read_text(path: Path) -> str:
    """The file's text. Raises OSError, or PolicyError if it is not UTF-8."""
    source = policy_file(path)
    data = source.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        cure = "save the file as UTF-8"
        problem = Problem(Severity.ERROR, str(source), line, column, "", f"byte 0x{data[error.start]:02x} is not UTF-8", cure)
        raise PolicyError((problem,)) from None


def version_at(path: Path) -> str:
    """The version of what the file itself holds now, be it a policy or not, whatever it is made of beside. Raises OSError."""
    return version_of(policy_file(path).read_bytes().decode("utf-8-sig", "surrogateescape"))


def load(
    path: Path,
    *,
    services: SignalServices,
    stats: PoolStats,
    store: Store | None = None,
    sessions: Sessions | None = None,
    health: PoolHealth | None = None,
    experience: Experience | None = None,
) -> Loaded:
    """Read, compile, build and test. Raises OSError if the file cannot be read, PolicyError for everything wrong with it.

    A PolicyError names the files beside the policy that it may be due to: mending one of them may mend the policy.
    """
    text = read_text(path)
    source = policy_file(path)
    own = services.for_policy(source.parent)
    try:
        result = compile_policy(text, source=str(source), services=own, selectors=SELECTORS)
    except PolicyError as error:
        raise UnfitPolicyError(error.problems, own.files, text) from error
    try:
        router = Router(
            result.policy, services=own, stats=stats, store=store, sessions=sessions, health=health, experience=experience
        )
    except SpecError as error:
        raise UnfitPolicyError((*result.warnings, *_placed(error, text, str(source))), own.files, text) from error
    failed = failures(router, text)
    if failed:
        raise UnfitPolicyError((*result.warnings, *failed), own.files, text)
    sums = own.files.sums()
    version = version_of(text, sums.values())
    return Loaded(router.versioned(version), result.warnings, version, own.files, sums, own.files.secret_sums())


def _placed(error: SpecError, text: str, source: str) -> tuple[Problem, ...]:
    findings = Findings(read(text, source=source))
    findings.error(error.path, error.message, error.cure)
    return findings.problems
