"""Problems: what is wrong with a policy file, where, and what to write instead."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from router_extproc.errors import RouterError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from router_extproc.policy.document import Document

Path = tuple[str | int, ...]
"""Keys and list indexes from the root of the file."""

MAX_PROBLEMS = 100
"""So many are kept; a file with more has one cause."""

_MAX_EXCERPT = 160


class Severity(StrEnum):
    """Whether a policy with this problem can be run."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a policy file."""

    severity: Severity
    file: str
    line: int
    """From 1."""
    column: int
    """From 1, in characters."""
    path: str
    """As an operator reads it: `decisions[2].when.all[0]`; empty for the whole file."""
    message: str
    cure: str = ""
    """What to do about it; may be empty."""
    excerpt: str = ""
    """The line of the file, without its end; empty if there is none."""

    @property
    def place(self) -> str:
        """`file:line:column`, which terminals and editors turn into a link."""
        return f"{self.file}:{self.line}:{self.column}"

    @property
    def headline(self) -> str:
        """The first line of what is printed."""
        where = f" ({self.path})" if self.path else ""
        return f"{self.place}: {self.severity}: {self.message}{where}"

    def __str__(self) -> str:
        return render(self)


class PolicyError(RouterError):
    """The policy cannot be run: at least one of its problems is an error."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(render, problems)))
        self.problems = problems
        """Errors and warnings, in the order of the file."""

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Those that keep the policy from being run."""
        return tuple(problem for problem in self.problems if problem.severity is Severity.ERROR)


class Findings:
    """Collects the problems of one document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._problems: dict[Problem, None] = {}
        self.failed = False
        """Whether there was an error."""

    def error(self, path: Path, message: str, cure: str = "", *, key: bool = False) -> None:
        """Note what keeps the policy from being run. `key` points at the key instead of its value."""
        self.failed = True
        self._note(Severity.ERROR, path, message, cure, key=key)

    def warn(self, path: Path, message: str, cure: str = "", *, key: bool = False) -> None:
        """Note what is probably a mistake."""
        self._note(Severity.WARNING, path, message, cure, key=key)

    def line(self, path: Path) -> int:
        """The line at which a value stands, to tell of it in another's message."""
        return self._document.mark(path, key=True).line

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All of them in the order of the file, each once, and at most MAX_PROBLEMS."""
        ordered = sorted(self._problems, key=lambda problem: (problem.line, problem.column, problem.severity))
        if len(ordered) <= MAX_PROBLEMS:
            return tuple(ordered)
        # Errors first: a flood of warnings must not push the one error out.
        ordered.sort(key=lambda problem: problem.severity)
        return tuple(ordered[:MAX_PROBLEMS])

    def _note(self, severity: Severity, path: Path, message: str, cure: str, *, key: bool) -> None:
        mark = self._document.mark(path, key=key)
        excerpt = self._document.line(mark.line)
        self._problems[Problem(severity, self._document.source, mark.line, mark.column, dotted(path), message, cure, excerpt)] = (
            None
        )


def dotted(path: Path) -> str:
    """A path as an operator reads it: `decisions[2].when`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.replace("_", "").replace("-", "").isalnum():
            text += f".{step}" if text else step
        else:
            text += f'["{step}"]'
    return text


def render(problem: Problem) -> str:
    """A problem as plain text: the headline, the cure, and the line of the file with a caret under the place."""
    lines = [problem.headline]
    if problem.cure:
        lines.append(f"  {problem.cure}")
    lines += [f"  {line}" for line in _pointed(problem.excerpt, problem.column)]
    return "\n".join(lines)


def listed(words: Iterable[object]) -> str:
    """Words as a list for a message: `a, b or c`."""
    *most, last = [str(word) for word in words] or ["nothing"]
    return f"{', '.join(most)} or {last}" if most else last


def _pointed(excerpt: str, column: int) -> list[str]:
    if not excerpt.strip():
        return []
    start = max(0, column - 1 - _MAX_EXCERPT // 2)
    # Nothing in a file may steer the terminal that its errors are shown in.
    shown = "".join(character if character.isprintable() else " " for character in excerpt[start : start + _MAX_EXCERPT])
    return [shown, " " * (column - 1 - start) + "^"]
