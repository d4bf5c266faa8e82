"""Knowledge: exemplars in a file, in groups: which group a text is nearest to."""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from router_extproc.errors import SpecError
from router_extproc.signals.neural.options import NeuralOptions
from router_extproc.signals.neural.similarity import (
    MAX_EXAMPLES,
    MAX_LABELS,
    UNREADABLE,
    UnreadableError,
    intents,
    shared_examples,
    too_many,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from router_extproc.signals.neural.similarity import Intents
    from router_extproc.signals.services import SignalServices

_MAX_GROUP = 200
"""Characters of a name, as of a head's label."""


class KnowledgeOptions(NeuralOptions):
    """Where the exemplars are."""

    file: str
    """JSON lines of {"text": ..., "group": ...}; a relative path is relative to the policy file."""


class _Exemplar(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    group: str


@dataclass(frozen=True, slots=True)
class Exemplars:
    """What a file holds."""

    groups: Mapping[str, Sequence[str]]
    """Texts by group."""
    lines: Mapping[str, Sequence[int]]
    """Where they stand, likewise; from 1."""


def read_exemplars(path: Path) -> Exemplars:
    """The exemplars of a file. Raises SpecError that names the line."""
    groups: dict[str, list[str]] = {}
    places: dict[str, list[int]] = {}
    count = 0
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                exemplar = _exemplar(line, path, number)
                groups.setdefault(exemplar.group, []).append(exemplar.text)
                places.setdefault(exemplar.group, []).append(number)
                count += 1
                _bound(path, number, count, len(groups))
    except OSError as error:
        raise SpecError(("file",), f"{path}: {error.strerror}", cure="mount the file beside the policy") from error
    if not groups:
        raise SpecError(("file",), f"{path}: it has no exemplars", cure='write lines of {"text": ..., "group": ...}')
    return Exemplars(groups, places)


def _bound(path: Path, number: int, exemplars: int, groups: int) -> None:
    if exemplars > MAX_EXAMPLES:
        raise SpecError(("file",), f"{path}: more than {MAX_EXAMPLES} exemplars", cure="use `train-head` for that many")
    if groups > MAX_LABELS:
        cure = "give what is routed alike one group: the signal tells the group, not the exemplar"
        raise SpecError(("file",), f"{path}:{number}: more than {MAX_LABELS} groups", cure=cure)


def _exemplar(line: bytes, path: Path, number: int) -> _Exemplar:
    cure = 'write {"text": ..., "group": ...}'
    if line.startswith(BOM_UTF8):
        raise SpecError(("file",), f"{path}:{number}: the line begins with a byte order mark", cure="save the file without it")
    try:
        exemplar = msgspec.json.decode(line, type=_Exemplar)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SpecError(("file",), f"{path}:{number}: {error}", cure=cure) from error
    # Only these two keys are taken, so one that stands twice makes more than two.
    if len(json.loads(line, object_pairs_hook=list)) > len(exemplar.__struct_fields__):
        raise SpecError(("file",), f"{path}:{number}: one key stands twice", cure=cure)
    if not exemplar.text.strip() or not exemplar.group.strip():
        raise SpecError(("file",), f"{path}:{number}: empty text or group", cure=cure)
    if exemplar.group != exemplar.group.strip():
        message = "`group` has blanks around it, which make it another group than the same word without them"
        raise SpecError(("file",), f"{path}:{number}: {message}", cure="remove them")
    if len(exemplar.group) > _MAX_GROUP:
        raise SpecError(("file",), f"{path}:{number}: `group` has more than {_MAX_GROUP} characters", cure="shorten the name")
    return exemplar


def _doubt(path: Path, found: Exemplars) -> SpecError | None:
    """A warning of texts that stand in several groups."""
    several = shared_examples(found.groups)
    if not several:
        return None
    text, groups = next(iter(several.items()))
    first, second = (found.lines[group][found.groups[group].index(text)] for group in groups)
    others = f", as {len(several) - 1} more texts do" if len(several) > 1 else ""
    message = f"{path}:{max(first, second)}: the text of line {min(first, second)} again, in another group{others}"
    return SpecError(("file",), message, cure="keep each text in one group: no answer is right for both")


def build(name: str, options: KnowledgeOptions, services: SignalServices) -> Intents:
    """The extractor."""
    path = services.file(options.file)
    found = read_exemplars(path)
    excess = too_many(found.groups, "groups")
    if excess:
        raise SpecError(("file",), f"{path}: {excess}", cure="give fewer of each, or use `train-head` for that many")
    doubt = _doubt(path, found)
    if doubt is not None:
        services.doubts.append(doubt)
    try:
        return intents(name, options, services, found.groups)
    except UnreadableError as error:
        line = found.lines[error.label][error.index]
        raise SpecError(("file",), f"{path}:{line}: {error}", cure=UNREADABLE) from error
