"""Routing data made up for tests, in the layout of the real one, with words that the tiny bundle knows."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("gemma-2-9b-it", "codegemma-7b", "gpt-4o-2024-05-13")
"""Of which the package holds estimates: small, small and large."""
_CHANCES = {"cells": (0.95, 0.1, 0.9), "algebra": (0.1, 0.95, 0.9)}


def rows(count: int, source: str, seed: int, *, costed: bool = False) -> list[dict[str, Any]]:
    """Outcome rows: one small model is good at cells, the other at algebra, the large one at both."""
    chance = np.random.default_rng(seed)
    made = []
    for number in range(count):
        word = ("cells", "algebra")[number % 2]
        right = chance.random(3) < _CHANCES[word]
        made.append(
            {
                "id": f"{source}-{seed}-{number}",
                "prompt": f"tell me about {word} {' '.join(chance.choice(['the', 'a', 'of', 'song', 'tea', 'card'], 5))} {number}",
                "task": word,
                "scores": dict(zip(NAMES, right.astype(float).tolist(), strict=True)),
                "cost": dict(zip(NAMES, (0.001, 0.001, 0.01), strict=True)) if costed else dict.fromkeys(NAMES),
                "source": source,
            }
        )
    return made


def steps(count: int) -> list[dict[str, Any]]:
    """Agents' steps: those about algebra need the highest tier."""
    return [
        {
            "id": f"step-{number}",
            "benchmark": "swebench" if number % 2 else "qmsum",
            "scenario": "made",
            "instance_id": f"instance {number // 2}",
            "step_index": 1,
            "total_steps": 2,
            "messages": [
                {"role": "user", "content": f"please tell me about {('cells', 'algebra')[number % 2]} {number}"},
                *([{"role": "tool", "content": [{"type": "text", "text": "the song"}]}] if number % 2 else []),
            ],
            "target_tier": ("low", "high")[number % 2],
            "target_tier_id": (0, 3)[number % 2],
            "label": "made",
            "source": "made",
        }
        for number in range(count)
    ]


def graded(count: int) -> list[dict[str, Any]]:
    """Requests of two of the four grades."""
    return [
        {
            "id": f"graded-{number}",
            "text": f"{('cells', 'algebra')[number % 2]} and tea {number}",
            "label": ("SIMPLE", "REASONING")[number % 2],
        }
        for number in range(count)
    ]


def written(path: Path, made: list[dict[str, Any]]) -> Path:
    """Rows as a gzipped file; the folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(b"".join(json.dumps(row).encode() + b"\n" for row in made)))
    return path


def folder(root: Path) -> Path:
    """A whole data folder: two sources, one of them without a licence, and agents' steps."""
    parts = {"train": 120, "dev": 60}
    for seed, (split, count) in enumerate(parts.items()):
        made = [*rows(count, "zeroeval", seed, costed=True), *rows(count, "routerdc_split2", seed + 10)]
        written(root / "routing" / f"{split}.jsonl.gz", made)
    written(root / "routing" / "eval_zeroeval.jsonl.gz", rows(60, "zeroeval", 5, costed=True))
    written(root / "routing" / "eval_routerdc_split2.jsonl.gz", rows(40, "routerdc_split2", 6))
    written(root / "agentic" / "train_twin.jsonl.gz", steps(64))
    written(root / "agentic" / "dev_twin.jsonl.gz", steps(16))
    written(root / "agentic" / "train_uncommonroute.jsonl.gz", graded(80))
    written(root / "agentic" / "dev_uncommonroute.jsonl.gz", graded(20))
    return root
