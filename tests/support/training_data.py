"""A small folder of data sets to train on, in words of the tiny bundle's vocabulary."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from labelled import write, write_all
from tiny_bundle import PLAIN, WORDS

from router_extproc.encoders.heads import CLASSES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MANY = 1600
"""Rows of domain and fact_check: made examples are drawn from 1,500 of each."""
FEW = 64
_SAID = (*WORDS, *PLAIN)


def write_training(data: Path) -> Path:
    """Rows in every file that training reads, and those that `eval` reads; the same ones each time. Returns the folder."""
    write_all(data)
    random = Random(1)
    for name, rows in _files(random).items():
        write(data / f"{name}.jsonl.gz", rows)
    return data


def sentence(random: Random) -> str:
    """Some words; no two are alike but by a rare chance."""
    return " ".join(random.choices(_SAID, k=random.randint(8, 12))).capitalize() + "."


def _files(random: Random) -> dict[str, list[dict[str, Any]]]:
    kinds = ("user", "user", "document", "tool_result")
    return {
        "domain/train": list(_rows(random, "clinc150", MANY, CLASSES["domain"])),
        "fact_check/train": [
            *_rows(random, "nq_open_dev", MANY, (0, 1)),
            *_rows(random, "boolq+passage", 50, (1,)),
            *_rows(random, "alpaca", 50, (0,)),
        ],
        "modality/train": list(_rows(random, "imagereward_refl", FEW, CLASSES["modality"])),
        "feedback/train": [_conversation(row) for row in _rows(random, "sgd_weak", FEW, CLASSES["feedback"])],
        "jailbreak/train": [
            row | {"kind": kinds[number % 4], "label": number // 4 % 2, "text": f"{row['text']} {sentence(random)}"}
            for number, row in enumerate(_rows(random, "verazuo", 4 * FEW, (0,)))
        ],
        "jailbreak/train_harmful": list(_rows(random, "advbench", FEW, ("harmful_request",))),
        "pii/train": [_private(random) for _ in range(FEW)],
        "pii/train_ner": [_private(random) for _ in range(FEW)],
        "routing/train": [_asked(random, number) for number in range(FEW)],
        "intent/train_clinc150": list(_rows(random, "clinc150", FEW, ("play", "alarm"))),
        "intent/train_banking77": list(_rows(random, "banking77", FEW, ("card", "refund"))),
    }


def _rows(random: Random, source: str, count: int, labels: tuple[Any, ...]) -> Iterator[dict[str, Any]]:
    for number in range(count):
        yield {"id": str(number), "text": sentence(random), "label": labels[number % len(labels)], "source": source}


def _conversation(row: dict[str, Any]) -> dict[str, Any]:
    told = [
        {"role": "user", "content": "tea"},
        {"role": "assistant", "content": "song"},
        {"role": "user", "content": row["text"]},
    ]
    return {**row, "messages": told}


def _private(random: Random) -> dict[str, Any]:
    before, after = sentence(random), sentence(random)
    start = len(before) + 1
    spans = [{"start": start, "end": start + len("Alice Smith"), "type": "PERSON"}]
    return {"text": f"{before} Alice Smith {after}", "spans": spans, "types": ["PERSON"], "source": "wikigold"}


def _asked(random: Random, number: int) -> dict[str, Any]:
    hard = float(number % 2 == 0)
    return {"prompt": sentence(random), "scores": {"small": 1 - hard, "large": 1.0}, "source": "zeroeval"}
