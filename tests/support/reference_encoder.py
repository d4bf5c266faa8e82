"""The network as a few lines of numpy, with weights by chance: what the exported graph is held to."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from tagged import types_of

from router_extproc.encoders.heads import OUTPUTS, TAGS, width
from router_extproc.encoders.tokens import CASES
from router_extproc.training.quantisation import Range, range_of
from router_extproc.training.shape import BOTTLENECK, EPSILON, HEADS, HIDDEN, MAXIMA, SEEKING, WIDE_BOTTLENECK

if TYPE_CHECKING:
    from collections.abc import Mapping

    Floats = np.ndarray[Any, np.dtype[np.float32]]
    Ints = np.ndarray[Any, np.dtype[np.int64]]

VOCABULARY, POSITIONS, INNER = 50, 40, 64
_erf = np.vectorize(math.erf, otypes=[np.float64])


def random_weights(layers: int, seed: int = 0) -> dict[str, Floats]:
    """All weights of a small network, by the names that torch gives them."""
    chance = np.random.default_rng(seed)

    def table(*shape: int) -> Floats:
        return chance.standard_normal(shape, np.float32) * np.float32(0.08)

    def linear(name: str, outputs: int, inputs: int) -> dict[str, Floats]:
        return {f"{name}.weight": table(outputs, inputs), f"{name}.bias": table(outputs)}

    def norm(name: str) -> dict[str, Floats]:
        return {f"{name}.weight": 1 + table(HIDDEN), f"{name}.bias": table(HIDDEN)}

    # The graph keeps words as int8 with a scale a row: these fit without loss.
    words = chance.integers(-127, 128, (VOCABULARY, HIDDEN)).astype(np.float32)
    words[:, 0] = 127
    found = {
        "encoder.words.weight": words / 1024,
        "encoder.positions.weight": table(POSITIONS, HIDDEN),
        "encoder.marks.weight": table(2 * CASES, HIDDEN),
        **norm("encoder.norm"),
        **linear("tags", TAGS, HIDDEN),
    }
    for number in range(layers):
        at = f"encoder.layers.{number}"
        found |= linear(f"{at}.qkv", 3 * HIDDEN, HIDDEN) | linear(f"{at}.out", HIDDEN, HIDDEN)
        found |= linear(f"{at}.up", INNER, HIDDEN) | linear(f"{at}.down", HIDDEN, INNER)
        found |= norm(f"{at}.norm_attention") | norm(f"{at}.norm_inner")
    for head in OUTPUTS:
        at = f"heads.{head}"
        found |= linear(f"{at}.attend", 1, HIDDEN)
        if head in SEEKING:
            found |= linear(f"{at}.inner", WIDE_BOTTLENECK, 2 * HIDDEN + MAXIMA) | linear(
                f"{at}.outer", width(head), WIDE_BOTTLENECK
            )
            found[f"{at}.maxima.weight"] = table(MAXIMA, HIDDEN)
        else:
            found |= linear(f"{at}.inner", BOTTLENECK, 2 * HIDDEN) | linear(f"{at}.outer", width(head), BOTTLENECK)
    return found


class Reference:
    """Reads one window at a time, without padding."""

    def __init__(self, weights: Mapping[str, Floats], layers: int) -> None:
        self._weights = weights
        self._layers = layers
        self.seen: dict[tuple[int, str], list[Floats]] = {}
        """What went into each product of a layer, window by window, (tokens, inputs)."""

    def read(self, ids: Ints, marks: Ints) -> dict[str, Floats]:
        """All outputs of one window; ids and marks are (tokens,)."""
        known = self._weights
        rows = known["encoder.words.weight"][ids] + known["encoder.positions.weight"][: len(ids)]
        hidden = self._norm("encoder.norm", rows + known["encoder.marks.weight"][marks])
        for number in range(self._layers):
            hidden = self._layer(number, hidden)
        mean = hidden.mean(0)
        pooled = {head: self._head(head, hidden, mean) for head in OUTPUTS}
        tags = self._linear("tags", hidden)
        types = types_of(tags)
        return {"embedding": mean / np.linalg.norm(mean), "tags": tags, "types": types, "peaks": types.max(0), **pooled}

    def _layer(self, number: int, hidden: Floats) -> Floats:
        at = f"encoder.layers.{number}"
        parts = np.split(self._product(number, "qkv", hidden), 3, -1)
        query, key, value = (part.reshape(len(hidden), HEADS, -1).transpose(1, 0, 2) for part in parts)
        shares = _softmax(query @ key.transpose(0, 2, 1) / math.sqrt(HIDDEN // HEADS))
        mixed = (shares @ value).transpose(1, 0, 2).reshape(len(hidden), HIDDEN)
        hidden = self._norm(f"{at}.norm_attention", hidden + self._product(number, "out", mixed))
        inner = self._product(number, "down", _gelu(self._product(number, "up", hidden)))
        return self._norm(f"{at}.norm_inner", hidden + inner)

    def _head(self, head: str, hidden: Floats, mean: Floats) -> Floats:
        shares = _softmax(self._linear(f"heads.{head}.attend", hidden)[:, 0])
        heard = [shares @ hidden, mean]
        if head in SEEKING:
            heard.append((hidden @ self._weights[f"heads.{head}.maxima.weight"].T).max(0))
        features = np.concatenate(heard)
        return self._linear(f"heads.{head}.outer", _gelu(self._linear(f"heads.{head}.inner", features)))

    def _product(self, number: int, product: str, value: Floats) -> Floats:
        self.seen.setdefault((number, product), []).append(value)
        return self._linear(f"encoder.layers.{number}.{product}", value)

    def _linear(self, name: str, value: Floats) -> Floats:
        found: Floats = value @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return found

    def _norm(self, name: str, value: Floats) -> Floats:
        centred = value - value.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + EPSILON)
        found: Floats = scaled * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        return found


def ranges_of(weights: Mapping[str, Floats], layers: int) -> dict[tuple[int, str], Range]:
    """Of each product, from a sample by chance."""
    chance, reference = np.random.default_rng(9), Reference(weights, layers)
    length = len(weights["encoder.positions.weight"])
    for _ in range(20):
        words = len(weights["encoder.words.weight"])
        reference.read(chance.integers(0, words, length), chance.integers(0, 2 * CASES, length))
    return {
        (number, product): range_of(
            np.concatenate(rows), weights[f"encoder.layers.{number}.{product}.weight"], smoothed=product != "down"
        )
        for (number, product), rows in reference.seen.items()
    }


def _softmax(value: Floats) -> Floats:
    grown = np.exp(value - value.max(-1, keepdims=True))
    found: Floats = grown / grown.sum(-1, keepdims=True)
    return found


def _gelu(value: Floats) -> Floats:
    found: Floats = value * (1 + _erf(value / math.sqrt(2))).astype(np.float32) / 2
    return found
