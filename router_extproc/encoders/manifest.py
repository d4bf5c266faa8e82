"""Manifest: what a model bundle says of itself, and the check that its files are what it says."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from router_extproc.encoders.heads import CHANCES, CLASSES, OUTPUTS, POOLED, SPANS
from router_extproc.encoders.scores import Kind

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "manifest.json"
FORMAT = 2
"""1 had one output for all texts of the jailbreak head."""
_BLOCK = 1 << 20


class BundleError(Exception):
    """A model bundle that cannot be used. The text names the file and the cure."""


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class FileEntry(_Closed):
    """One file of the bundle."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    bytes: Annotated[int, Field(ge=1)]


class Calibration(_Closed):
    """Makes logits probabilities: of (logit + bias) / temperature, per Guo et al. 2017 and Platt 1999."""

    temperature: Annotated[float, Field(gt=0)] = 1.0
    bias: float = 0.0
    """Chances only."""


class ExpertEntry(_Closed):
    """What a head hears beside the graph."""

    weight: Annotated[float, Field(gt=0)]
    """Of its logits; chosen on the dev set."""
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)]
    """Texts that it is asked about."""


class _Format(BaseModel):
    """What of a manifest tells whether this program knows the rest of it."""

    format: int


class Manifest(_Closed):
    """The manifest.json of a bundle."""

    format: int
    name: str
    version: str
    files: dict[str, FileEntry]
    window: Annotated[int, Field(ge=16, le=512)]
    """Tokens that the encoder reads at once, special ones included."""
    overlap: Annotated[int, Field(ge=0, lt=256)]
    """Tokens that neighbouring windows share."""
    classes: dict[str, tuple[str, ...]]
    """Labels of each class head, in the order of its outputs."""
    chances: tuple[str, ...]
    spans: tuple[str, ...]
    """Types of the token head, in the order of its outputs."""
    experts: dict[str, dict[str, ExpertEntry]] = {}
    """By head, then by the expert's name. Bundles made before there were any have none."""
    calibration: dict[str, Calibration]
    """Of each of OUTPUTS, and what a head's experts add to it. That of CONTENTS is such that the head's threshold fits it, too."""
    thresholds: dict[str, Annotated[float, Field(ge=0, le=1)]]
    """Of each chance head: from this probability on it says yes; chosen on the dev set."""
    span_threshold: Annotated[float, Field(ge=0, le=1)] = 0.5
    embedder: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """SHA-256 of the graph that gives the same embeddings and difficulties bit by bit, if another: a head was refitted since."""
    training: dict[str, Any]
    """What it was made of: sources, recipe, licences."""
    evaluation: dict[str, Any]
    """Figures of the shipped int8 model; see EVAL.md."""


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a bundle, after every file has been checked against it. Raises BundleError."""
    path = folder / FILE_NAME
    try:
        text = path.read_bytes()
        _check_format(_Format.model_validate_json(text).format, path)
        manifest = Manifest.model_validate_json(text)
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror}: no model bundle is there; `make models` makes one") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise BundleError(f"{path}: {where}: {first['msg']}; restore the bundle from its release") from error
    _check_heads(manifest, path)
    for name, entry in manifest.files.items():
        _check_file(folder / name, entry)
    return manifest


def _check_format(found: int, path: Path) -> None:
    if found != FORMAT:
        raise BundleError(f"{path}: bundle format {found}, this program reads {FORMAT}; use a bundle of this release")


def _check_heads(manifest: Manifest, path: Path) -> None:
    """The bundle must be for this program: its heads and labels are part of what policies are written against."""
    if manifest.classes != CLASSES or manifest.chances != CHANCES or manifest.spans != SPANS:
        raise BundleError(f"{path}: its heads or labels are not those of this program; use a bundle of this release")
    if manifest.overlap > manifest.window // 2:
        raise BundleError(f"{path}: windows that overlap by more than half; restore the bundle from its release")
    if strange := sorted(set(manifest.experts) - set(POOLED)):
        raise BundleError(f"{path}: experts of {', '.join(strange)}, which are no heads; use a bundle of this release")
    missing = sorted(set(OUTPUTS) - set(manifest.calibration)) + sorted(set(CHANCES) - set(manifest.thresholds))
    if missing:
        raise BundleError(f"{path}: no calibration or threshold for {', '.join(missing)}; restore the bundle from its release")


def _check_file(path: Path, entry: FileEntry) -> None:
    try:
        size = path.stat().st_size
        if size != entry.bytes:
            raise BundleError(
                f"{path}: {size} bytes, the manifest says {entry.bytes}; the file is truncated or swapped: restore it"
            )
        if sha256(path) != entry.sha256:
            raise BundleError(f"{path}: its SHA-256 is not the manifest's; the file is corrupt or swapped: restore it")
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror}; the bundle is incomplete: restore it") from error


def sha256(path: Path) -> str:
    """The file's SHA-256, in hexadecimal. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
