"""Overlap: texts that training must not see because an evaluation set or a field set holds them, whole or in part, whatever the task."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from hashlib import blake2b
from itertools import chain
from typing import TYPE_CHECKING, Any

from router_extproc.evaluation.datasets import field_files
from router_extproc.training.corpus import each, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_GRAM = 13
"""Words in a row that two texts share only if one has them from the other."""
_BOILERPLATE = 20
"""Evaluation rows that share their 13 words with so many others have them from a template."""
_UNPARTED = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_UNPARTED}]|[^\W{_UNPARTED}]+")
"""A word, or a character of the scripts that part none."""


class Forbidden:
    """The texts of evaluation sets and field sets, as hashes."""

    def __init__(self, data: Path) -> None:
        """Reads every eval_* file of the folder, and the field rows that come with the program. Raises OSError, DataError."""
        counts: Counter[int] = Counter()
        self._whole: set[int] = set()
        for path in (*sorted(data.glob("*/eval_*.jsonl.gz")), *field_files()):
            for said in _texts(path):
                words = normalised(said)
                self._whole.add(_hashed(words))
                counts.update(set(_grams(words)))
        self._grams = {gram for gram, count in counts.items() if count <= _BOILERPLATE}

    def holds(self, text: str) -> bool:
        """Whether one of these sets has the whole text, or 13 words in a row of it."""
        words = normalised(text)
        return _hashed(words) in self._whole or any(gram in self._grams for gram in _grams(words))


def normalised(text: str) -> list[str]:
    """Words in lower case, without punctuation."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).lower())


def _grams(words: list[str]) -> Iterator[int]:
    for at in range(len(words) - _GRAM + 1):
        yield _hashed(words[at : at + _GRAM])


def _hashed(words: list[str]) -> int:
    return int.from_bytes(blake2b(" ".join(words).encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def _texts(path: Path) -> Iterator[str]:
    return chain.from_iterable(each(path, _said))


def _said(row: Mapping[str, Any]) -> list[str]:
    said = [row[key] for key in ("text", "prompt", "a", "b") if isinstance(row.get(key), str)]
    users = [message for message in row.get("messages", ()) if message["role"] == "user"]
    return said + [text(message, "content") for message in users[-1:]]
