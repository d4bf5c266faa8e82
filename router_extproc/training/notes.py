"""Notes: a bundle's manifest as it is written, and figures that are added to it later. Needs no torch."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from router_extproc.encoders.bundle import BACKGROUND, GRAPH, TOKENIZER
from router_extproc.encoders.experts import file_of
from router_extproc.encoders.manifest import FILE_NAME, BundleError, FileEntry, Manifest, read_manifest, sha256
from router_extproc.training.card import CARD, card

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write(folder: Path, manifest: Manifest) -> None:
    """The manifest, and the card that says the same to people. Raises OSError; BundleError as `page`.

    A router may watch the manifest, so that it is replaced whole.
    """
    text = json.dumps(manifest.model_dump(mode="json"), indent=2, ensure_ascii=False)
    (folder / CARD).write_text(page(folder, manifest), encoding="utf-8")
    place = folder / FILE_NAME
    fresh = folder / f".{FILE_NAME}.{os.getpid()}.new"
    try:
        fresh.write_text(text + "\n", encoding="utf-8")
        if place.exists():
            shutil.copymode(place, fresh)
        fresh.replace(place)
    finally:
        with suppress(OSError):
            fresh.unlink()


def page(folder: Path, manifest: Manifest) -> str:
    """The card of a bundle that is in `folder`. Raises BundleError if the manifest does not tell what it says."""
    try:
        return card(manifest)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        lacking = f"lacks {error}" if isinstance(error, KeyError) else f"has something strange: {type(error).__name__}: {error}"
        raise BundleError(
            f"{folder / FILE_NAME}: it {lacking}, which {CARD} is to tell of; only bundles of `train` have all of it"
        ) from error


def check_told(folder: Path) -> None:
    """Before what takes long and ends with a card. Raises BundleError if the bundle's manifest does not tell what that says."""
    page(folder, read_manifest(folder))


def files_of(folder: Path, experts: Mapping[str, Mapping[str, Any]]) -> dict[str, FileEntry]:
    """The entries of a bundle's files; `experts` by head, then by name. Raises OSError."""
    names = [GRAPH, TOKENIZER, BACKGROUND, *(file_of(name, head) for head, found in experts.items() for name in found)]
    return {name: FileEntry(sha256=sha256(folder / name), bytes=(folder / name).stat().st_size) for name in names}


def note(folder: Path, figures: Mapping[str, Any]) -> None:
    """Add figures to the `evaluation` of a bundle's manifest. Raises OSError, BundleError."""
    manifest = read_manifest(folder)
    write(folder, manifest.model_copy(update={"evaluation": {**manifest.evaluation, **figures}}))
