"""Readings: embedding and difficulty of texts by the encoder, kept on disk under the hash of the text: never the text."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.encoders.bundle import EMBEDDING, embedder
from router_extproc.encoders.cpus import available_cpus
from router_extproc.encoders.scores import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from router_extproc.encoders.encoder import Encoder
    from router_extproc.quality.outcomes import Singles

_HEAD = "difficulty"
_SAVED_EVERY = 2000
"""New texts after which the file is written: a run that is interrupted loses no more."""


class Readings:
    """Reads texts with an encoder, each once ever if there is a folder to keep what was read."""

    def __init__(self, encoder: Encoder, folder: Path | None = None) -> None:
        self.graph = embedder(encoder.bundle.manifest)
        """Readings of another embedder are never taken for this one's: the file has its name."""
        self._encoder = encoder
        self._path = folder / f"{self.graph[:16]}.npz" if folder is not None else None
        self._known = _loaded(self._path)

    def inputs(self, texts: Sequence[str], tick: Callable[[int], None] = lambda _: None) -> Singles:
        """(len(texts), d + 1), as Outcomes holds them; `tick` is told how many texts are done."""
        keys = [_key(text) for text in texts]
        wanted = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        tick(len(texts) - len(wanted))
        with ThreadPoolExecutor(available_cpus()) as pool:
            for number, (key, row) in enumerate(zip(wanted, pool.map(self._read, wanted.values()), strict=True), 1):
                self._known[key] = row
                tick(1)
                if number % _SAVED_EVERY == 0:
                    self._save()
        if wanted:
            self._save()
        return np.stack([self._known[key] for key in keys])

    def _read(self, text: str) -> Singles:
        (reading,) = self._encoder.read([text], Kind.USER, outputs=(_HEAD, EMBEDDING))
        return np.append(reading.embedding, np.float32(reading.chances[_HEAD])).astype(np.float32)

    def _save(self) -> None:
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_name(f".{self._path.stem}.{os.getpid()}.npz")
        keys = np.frombuffer(b"".join(self._known), np.uint8).reshape(len(self._known), -1)
        np.savez(fresh, keys=keys, rows=np.stack(list(self._known.values())))
        fresh.replace(self._path)


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _loaded(path: Path | None) -> dict[bytes, Singles]:
    if path is None or not path.is_file():
        return {}
    try:
        with np.load(path, allow_pickle=False) as file:
            return {key.tobytes(): row for key, row in zip(file["keys"], file["rows"], strict=True)}
    except (OSError, ValueError, KeyError, EOFError):
        return {}  # a damaged cache is made anew
