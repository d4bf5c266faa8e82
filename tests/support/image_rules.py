"""Rules that our Dockerfile keeps, each a function that tells what breaks it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dockerfile import context, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dockerfile import Dockerfile, Ignored

LABELS = frozenset(f"org.opencontainers.image.{name}" for name in ("title", "description", "licenses", "version", "source"))
_SECRET = re.compile(r"pass|token|secret|credential|api_?key|private|index_url", re.IGNORECASE)
_PINNED = re.compile(r"[\w./-]+:(?!latest\b)[\w.-]+(@sha256:[0-9a-f]{64})?|[\w./-]+@sha256:[0-9a-f]{64}")
_UNPRIVILEGED = re.compile(r"[1-9]\d*:[1-9]\d*")


def bases(file: Dockerfile) -> Iterator[str]:
    """Every base is a stage, nothing at all, or an ARG whose default has a tag or a digest."""
    known = {"scratch"}
    for stage in file.stages:
        argument = re.fullmatch(r"\$\{(\w+)\}", stage.base)
        if argument and not _PINNED.fullmatch(file.arguments.get(argument[1], "")):
            yield f"{stage.line}: {argument[1]} names no tag or digest"
        if not argument and stage.base not in known:
            yield f"{stage.line}: the base {stage.base} is neither an ARG nor a stage"
        known.add(stage.name)


def user(file: Dockerfile) -> Iterator[str]:
    """The image runs as somebody who is not root, told by number."""
    if not _UNPRIVILEGED.fullmatch(file.image.last("USER")):
        yield f"USER is {file.image.last('USER') or 'not set'}, expected UID:GID, neither 0"


def commands(file: Dockerfile) -> Iterator[str]:
    """No shell is asked for, so none needs to be there, and signals reach the program."""
    for word in ("ENTRYPOINT", "CMD"):
        if file.image.command(word) is None:
            yield f"{word} is not in exec form"


def downloads(file: Dockerfile) -> Iterator[str]:
    """Nothing comes in unseen: no ADD, no recommended packages."""
    for step in (step for stage in file.stages for step in stage.steps):
        if step.word == "ADD":
            yield f"{step.line}: ADD"
        for part in re.split(r"&&|;|\|\|", step.value) if step.word == "RUN" else ():
            if re.search(r"\bapt(-get)?\b.*\binstall\b", part) and "--no-install-recommends" not in part:
                yield f"{step.line}: apt-get install without --no-install-recommends"


def secrets(file: Dockerfile) -> Iterator[str]:
    """An image's history and environment are public."""
    names = dict.fromkeys(file.arguments, 1)
    for step in (step for stage in file.stages for step in stage.all("ARG", "ENV")):
        names |= dict.fromkeys(re.findall(r"(\w+)(?==|$)", step.value) if step.word == "ARG" else step.pairs, step.line)
    yield from (f"{line}: {name} looks like a secret" for name, line in names.items() if _SECRET.search(name))


def labels(file: Dockerfile) -> Iterator[str]:
    """Registries and scanners read them."""
    found = {name for step in file.image.all("LABEL") for name in step.pairs}
    yield from (f"no label {name}" for name in sorted(LABELS - found))


def image_only(file: Dockerfile) -> Iterator[str]:
    """The image takes what a stage made, and nothing runs in it."""
    yield from (f"{step.line}: {step.word} in the image" for step in file.image.all("RUN"))
    yield from (f"{step.line}: COPY without --from in the image" for step in file.image.all("COPY") if "from" not in step.flags)


RULES: tuple[Callable[[Dockerfile], Iterator[str]], ...] = (
    bases,
    user,
    commands,
    downloads,
    secrets,
    labels,
    image_only,
)


def copies(file: Dockerfile, root: Path, ignored: Ignored) -> Iterator[str]:
    """Every COPY finds something: an earlier stage, or files that .dockerignore lets in."""
    known: set[str] = set()
    for stage in file.stages:
        for step in stage.all("COPY"):
            origin = step.flags.get("from")
            if origin and origin not in known:
                yield f"{step.line}: no stage {origin} before"
            for source in () if origin else step.operands[:-1]:
                if not context(root, ignored, source):
                    yield f"{step.line}: the build does not see {source}"
        known.add(stage.name)


def problems(text: str, root: Path, ignored: Ignored) -> list[str]:
    """All that is wrong with a Dockerfile whose build context is `root`."""
    file = parse(text)
    return [problem for rule in RULES for problem in rule(file)] + list(copies(file, root, ignored))
