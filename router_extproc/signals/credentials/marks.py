"""Marks: what is kept of a secret in place of itself, and how it is found again in a text.

A secret's mark is its length and two keyed hashes of its letters and digits: one that rolls over a text quickly (Rabin and Karp, 1987,
modulo 2^64), and one that proves it (BLAKE2b). The keys are drawn by lot for each process. Separators do not count, so that a secret that
is split by blanks, dashes or quotes is found.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    Words = NDArray[np.uint64]

_KEY = secrets.token_bytes(32)
# Odd, so that it has an inverse modulo 2^64.
_BASE = secrets.randbits(64) | 1
_INVERSE = pow(_BASE, -1, 1 << 64)
SHORTEST, LONGEST = 8, 512
"""Letters and digits of a secret. Shorter ones stand in ordinary words by chance; of longer ones (private keys) the beginning counts."""


class Mark(NamedTuple):
    """What is kept of a secret."""

    length: int
    rolling: int
    proof: bytes


def keyed(*parts: str) -> bytes:
    """A hash that means nothing to another process."""
    digest = hashlib.blake2b(digest_size=16, key=_KEY)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()


def squeezed(text: str) -> str:
    """Letters and digits alone, of ASCII."""
    return "".join(filter(str.isalnum, text.encode("ascii", "ignore").decode()))


def mark(secret: str) -> Mark | None:
    """The mark of a secret; None if it is too short to be told from other text."""
    core = squeezed(secret)[:LONGEST]
    if len(core) < SHORTEST:
        return None
    return Mark(len(core), int(_sums(core)[-1]), keyed(core))


def found(text: str, marks: Iterable[Mark]) -> Iterator[Mark]:
    """Which of them stand in a text of ASCII that is squeezed already, each once. What is neither letter nor digit parts it."""
    by_length: dict[int, list[Mark]] = {}
    for each in marks:
        by_length.setdefault(each.length, []).append(each)
    if not by_length or len(text) < min(by_length):
        return
    sums = _sums(text)
    scales = _powers(_INVERSE, len(text))
    for length, some in by_length.items():
        if length <= len(text):
            # Sums of all stretches of that length, each as if it stood at the beginning.
            rolled = (sums[length:] - sums[: len(sums) - length]) * scales[: len(sums) - length]
            for each in some:
                places = np.flatnonzero(rolled == np.uint64(each.rolling)).tolist()
                if any(keyed(text[place : place + length]) == each.proof for place in places[:4]):
                    yield each


def _sums(text: str) -> Words:
    """Sums of letters times powers of the base, up to each place; one more than there are letters."""
    letters = np.frombuffer(text.encode("ascii"), np.uint8).astype(np.uint64)
    sums = np.zeros(len(letters) + 1, np.uint64)
    np.cumsum(letters * _powers(_BASE, len(letters)), out=sums[1:])
    return sums


def _powers(base: int, count: int) -> Words:
    powers = np.full(count, base, np.uint64)
    powers[:1] = 1
    np.cumprod(powers, out=powers)
    return powers
