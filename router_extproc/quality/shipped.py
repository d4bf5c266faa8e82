"""Shipped: the quality model that comes with the program, for pools of which only a profile is known."""

from __future__ import annotations

from pathlib import Path

NAME = "default"
"""What a policy writes in place of a file's path."""
_FILE = "default.quality"
_HERE = Path(__file__).resolve().parent.parent


def shipped() -> Path:
    """Its file: in the wheel, or in a checkout."""
    inside = _HERE / "models" / "quality" / _FILE
    return inside if inside.is_file() else _HERE.parent / "models" / "quality" / _FILE
