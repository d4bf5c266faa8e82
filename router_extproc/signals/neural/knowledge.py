"""Knowledge: exemplars in a file, in groups: which group a text is nearest to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from router_extproc.errors import SpecError
from router_extproc.signals.neural.options import NeuralOptions
from router_extproc.signals.neural.similarity import intents

if TYPE_CHECKING:
    from pathlib import Path

    from router_extproc.signals.neural.similarity import Intents
    from router_extproc.signals.services import SignalServices

_MAX_EXEMPLARS = 20_000


class KnowledgeOptions(NeuralOptions):
    """Where the exemplars are."""

    file: str
    """JSON lines of {"text": ..., "group": ...}; a relative path is relative to the policy file."""


class _Exemplar(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    group: str


def read_exemplars(path: Path) -> dict[str, list[str]]:
    """Texts by group. Raises SpecError that names the line."""
    groups: dict[str, list[str]] = {}
    count = 0
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                exemplar = _exemplar(line, path, number)
                groups.setdefault(exemplar.group, []).append(exemplar.text)
                count += 1
                if count > _MAX_EXEMPLARS:
                    raise SpecError(
                        ("file",), f"{path}: more than {_MAX_EXEMPLARS} exemplars", cure="use `train-head` for that many"
                    )
    except OSError as error:
        raise SpecError(("file",), f"{path}: {error.strerror}", cure="mount the file beside the policy") from error
    if not groups:
        raise SpecError(("file",), f"{path}: it has no exemplars", cure='write lines of {"text": ..., "group": ...}')
    return groups


def _exemplar(line: bytes, path: Path, number: int) -> _Exemplar:
    cure = 'write {"text": ..., "group": ...}'
    try:
        exemplar = msgspec.json.decode(line, type=_Exemplar)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SpecError(("file",), f"{path}:{number}: {error}", cure=cure) from error
    # Only these two keys are taken, so one that stands twice makes more than two.
    if len(json.loads(line, object_pairs_hook=list)) > len(exemplar.__struct_fields__):
        raise SpecError(("file",), f"{path}:{number}: one key stands twice", cure=cure)
    if not exemplar.text.strip() or not exemplar.group.strip():
        raise SpecError(("file",), f"{path}:{number}: empty text or group", cure=cure)
    return exemplar


def build(name: str, options: KnowledgeOptions, services: SignalServices) -> Intents:
    """The extractor."""
    return intents(name, options, services, read_exemplars(services.file(options.file)))
