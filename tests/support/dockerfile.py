"""The Dockerfile as data: stages with their steps, and what .dockerignore lets into the build."""

from __future__ import annotations

import io
import json
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockerfile_parse import DockerfileParser
from pathspec import GitIgnoreSpec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FROM = re.compile(r"(?P<base>\S+)(?:\s+AS\s+(?P<name>\S+))?", re.IGNORECASE)
_FLAG = re.compile(r"--(?P<name>[a-z]+)=(?P<value>\S+)\s+")


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction."""

    word: str
    value: str
    line: int

    @property
    def pairs(self) -> dict[str, str]:
        """What an ARG, ENV or LABEL sets; an ARG without a default sets nothing."""
        return dict(part.split("=", 1) for part in shlex.split(self.value) if "=" in part)

    @property
    def flags(self) -> dict[str, str]:
        """The options before the operands."""
        return dict(_FLAG.findall(self.value))

    @property
    def operands(self) -> list[str]:
        """What a COPY takes, and last where it goes."""
        return _FLAG.sub("", self.value).split()


@dataclass(frozen=True, slots=True)
class Stage:
    """A FROM and what follows it."""

    base: str
    name: str
    line: int
    steps: tuple[Step, ...]

    def all(self, *words: str) -> list[Step]:
        """The steps with one of these words."""
        return [step for step in self.steps if step.word in words]

    def last(self, word: str) -> str:
        """The value that holds in the end; empty if there is none."""
        return next((step.value for step in reversed(self.steps) if step.word == word), "")

    def command(self, word: str) -> list[str] | None:
        """An ENTRYPOINT or CMD in exec form; None in shell form."""
        try:
            found: list[str] = json.loads(self.last(word))
        except ValueError:
            return None
        return found

    def variables(self, environment: Mapping[str, str]) -> dict[str, str]:
        """What its commands find in their environment beyond `environment`, which wins over the defaults of an ARG."""
        found: dict[str, str] = {}
        for step in self.all("ARG", "ENV"):
            for name, value in step.pairs.items():
                known = {**environment, **found}
                text = re.sub(r"\$\{?(\w+)\}?", lambda match, known=known: known.get(match[1], ""), value)  # type: ignore[misc]  # a lambda's default
                found[name] = environment.get(name, text) if step.word == "ARG" else text
        return found


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """All of it."""

    arguments: dict[str, str]
    """The ARGs before the first FROM, with their defaults."""
    stages: tuple[Stage, ...]

    @property
    def image(self) -> Stage:
        """What a build without --target gives."""
        return self.stages[-1]

    def stage(self, name: str) -> Stage:
        """The stage of that name."""
        return next(stage for stage in self.stages if stage.name == name)


def parse(text: str) -> Dockerfile:
    """Read a Dockerfile."""
    found = DockerfileParser(fileobj=io.BytesIO(text.encode())).structure
    steps = [Step(one["instruction"], one["value"], one["startline"] + 1) for one in found if one["instruction"] != "COMMENT"]
    starts = [index for index, step in enumerate(steps) if step.word == "FROM"]
    parts = [steps[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]
    arguments = {name: value for step in steps[: starts[0]] for name, value in step.pairs.items()}
    return Dockerfile(arguments, tuple(_stage(first, rest) for first, *rest in parts))


def _stage(first: Step, rest: list[Step]) -> Stage:
    match = _FROM.fullmatch(first.value)
    assert match is not None, first
    return Stage(match["base"], match["name"] or "", first.line, tuple(rest))


class Ignored:
    """What .dockerignore keeps out. Its patterns begin at the root, and the last that matches wins."""

    def __init__(self, text: str) -> None:
        lines = [line.strip() for line in text.splitlines()]
        self._spec = GitIgnoreSpec.from_lines(re.sub(r"^(!?)/?", r"\1/", line) for line in lines if line and line[0] != "#")

    def __call__(self, path: str) -> bool:
        """Whether the build does not see that file."""
        return self._spec.match_file(path)


def context(root: Path, ignored: Ignored, source: str) -> list[str]:
    """The files that a COPY of `source` gets, relative to the root."""
    path = root / source
    files = path.rglob("*") if path.is_dir() else [path]
    names = (file.relative_to(root).as_posix() for file in files if file.is_file())
    return sorted(name for name in names if not ignored(name))
