"""Index: which kept questions are near to a new one. Holds vectors and hashed words, no text."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router_extproc.cache.meaning import Meaning

MAX_QUESTIONS = 512
"""Of one partition; a new one takes the place of the oldest."""
CANDIDATES = 64
"""Neighbours that are looked at more closely."""


@dataclass(frozen=True, slots=True)
class Question:
    """A kept question."""

    key: bytes
    """Of its answer."""
    vector: NDArray[np.float32]
    """Of length 1."""
    meaning: Meaning
    expires_at: float

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return 2 * int(self.vector.nbytes) + self.meaning.size + 300


class Index:
    """Questions by partition. Used by one thread."""

    def __init__(self) -> None:
        self._places: OrderedDict[bytes, bytes] = OrderedDict()
        """Partition by key, in the order of arrival."""
        self._partitions: dict[bytes, dict[bytes, Question]] = {}
        self._matrices: dict[bytes, NDArray[np.float32]] = {}
        """A partition's vectors; made when it is searched."""
        self.bytes = 0
        """Taken by all of them."""

    def __len__(self) -> int:
        return len(self._places)

    def add(self, partition: bytes, question: Question) -> None:
        """Keep a question."""
        self.remove(question.key)
        questions = self._partitions.setdefault(partition, {})
        if len(questions) >= MAX_QUESTIONS:
            self.remove(next(iter(questions)))
            questions = self._partitions.setdefault(partition, {})
        questions[question.key] = question
        self._places[question.key] = partition
        self._matrices.pop(partition, None)
        self.bytes += question.size

    def remove(self, key: bytes) -> None:
        """Forget a question, if it is there."""
        partition = self._places.pop(key, None)
        if partition is None:
            return
        questions = self._partitions[partition]
        self.bytes -= questions.pop(key).size
        self._matrices.pop(partition, None)
        if not questions:
            del self._partitions[partition]

    def oldest(self) -> bytes | None:
        """The key of the question that came first."""
        return next(iter(self._places), None)

    def near(self, partition: bytes, vector: NDArray[np.float32], threshold: float, now: float) -> list[Question]:
        """The nearest questions whose cosine reaches the threshold, the nearest first."""
        questions = self._partitions.get(partition)
        if not questions:
            return []
        matrix = self._matrices.get(partition)
        if matrix is None:
            matrix = self._matrices[partition] = np.stack([question.vector for question in questions.values()])
        cosines = matrix @ vector
        listed = list(questions.values())
        best = [int(place) for place in np.argsort(-cosines)[:CANDIDATES] if cosines[place] >= threshold]
        found = [listed[place] for place in best]
        for question in found:
            if question.expires_at <= now:
                self.remove(question.key)
        return [question for question in found if question.expires_at > now]

    def clear(self) -> None:
        """Forget all."""
        self._places.clear()
        self._partitions.clear()
        self._matrices.clear()
        self.bytes = 0
