"""Classifier: an operator's own ONNX text classifier, with its own tokenizer and its own queue."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Tokenizer

from router_extproc.encoders.batching import Batcher, BatchOptions
from router_extproc.encoders.errors import StrangeError
from router_extproc.encoders.figures import Figures
from router_extproc.encoders.graph import Graph
from router_extproc.encoders.manifest import BundleError
from router_extproc.encoders.softmax import sigmoid, softmax
from router_extproc.encoders.tokens import writable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from numpy.typing import NDArray

    from router_extproc.breaker import BreakerOptions

    Floats = NDArray[np.float32]

_CHARACTERS = 8
"""Read per token of the budget."""
_EVERY = 40
"""Characters that take as long as what every text costs, however short."""
_KNOWN = ("input_ids", "attention_mask", "token_type_ids")


class TokenizerError(BundleError):
    """The tokenizer's file is at fault, not the model's."""


@dataclass(frozen=True, slots=True)
class ClassifierOptions:
    """How the model is to be used."""

    labels: tuple[str, ...]
    window: int
    """Tokens that it reads at once, special ones included."""
    windows: int
    """Of one text at most, from its head."""
    several: bool
    """Whether labels are independent of each other (sigmoid) and the highest window counts, or exclusive (softmax) and the mean does."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the model says of a text."""

    chances: tuple[float, ...]
    """By label, in [0, 1]."""
    coverage: float
    """Share of the text that was read, in [0, 1]."""


def name_of(model: Path) -> str:
    """What a model is called in metrics and among threads."""
    return f"onnx-{model.stem}"


class OnnxClassifier:
    """A model that takes input_ids (and attention_mask, token_type_ids) and gives logits, (B, labels). Safe from several threads.

    Each window is run alone: a model whose activations are quantised per run would make a text's scores depend on its batch.
    """

    def __init__(
        self,
        model: Path,
        tokenizer: Path,
        options: ClassifierOptions,
        batch: BatchOptions,
        figures: Figures | None = None,
        breaker: BreakerOptions | None = None,
    ) -> None:
        """`figures` are given, if they are to outlive it. Raises BundleError."""
        figures = figures or Figures()
        reader = _Reader(model, tokenizer, options, figures)
        self.name = name_of(model)
        # One text at a time: taken together they would only wait for each other.
        self.batcher: Batcher[str, Verdict] = Batcher(
            reader.run,
            replace(batch, max_batch=1),
            name=self.name,
            figures=figures,
            size=partial(_size, options),
            usual=_EVERY + options.window * _CHARACTERS // 2,
            breaker=breaker,
        )

    def submit(self, text: str, deadline: float) -> Future[Verdict]:
        """Start to classify a text; see Batcher.submit. The future fails with StrangeError if the model gives no numbers."""
        return self.batcher.submit(text, deadline)


class _Reader:
    """The model and its tokenizer."""

    def __init__(self, model: Path, tokenizer: Path, options: ClassifierOptions, figures: Figures) -> None:
        self._options = options
        self._figures = figures
        for path, kind in ((model, BundleError), (tokenizer, TokenizerError)):
            if not path.is_file():
                raise kind(f"{path}: no such file")
        self._graph = Graph(model)
        self._output = _output(self._graph, model, len(options.labels))
        try:
            self._tokenizer = Tokenizer.from_file(str(tokenizer))
            self._tokenizer.enable_truncation(options.window, stride=options.window // 4)
        except Exception as error:
            raise TokenizerError(f"{tokenizer}: not a tokenizer: {error}") from error
        self._tokenizer.no_padding()
        self._try(model)

    def run(self, texts: Sequence[str]) -> list[Verdict]:
        """The verdict on each text."""
        return [self._one(text) for text in texts]

    def _try(self, model: Path) -> None:
        """A model that cannot run at all, or not on a full window, is told of now."""
        window = self._options.window
        try:
            self._logits(self._tokenizer.encode("a " * window).ids)
        except Exception as error:
            # onnxruntime raises classes of its own that have no common public base
            reason = str(error).partition("\n")[0]
            raise BundleError(f"{model}: it cannot read a window of {window} tokens: {reason}") from error

    def _one(self, text: str) -> Verdict:
        options = self._options
        reach = options.window * options.windows * _CHARACTERS
        first = self._tokenizer.encode(writable(text[:reach]))
        windows = [first, *first.overflowing][: options.windows]
        self._figures.read(len(windows))
        logits = np.concatenate([self._logits(window.ids) for window in windows])
        chances = sigmoid(logits.max(0)) if options.several else softmax(logits).mean(0)
        read = max((end for window in windows for _, end in window.offsets), default=0)
        return Verdict(tuple(chances.tolist()), min(1.0, read / len(text.rstrip())) if text.strip() else 1.0)

    def _logits(self, ids: list[int]) -> Floats:
        known = {"input_ids": np.array([ids], np.int64), "attention_mask": np.ones((1, len(ids)), np.int64)}
        known["token_type_ids"] = np.zeros((1, len(ids)), np.int64)
        logits = self._graph.run((self._output,), {name: known[name] for name in self._graph.inputs})[self._output]
        if logits.shape != (1, len(self._options.labels)):
            raise BundleError(f"it gives outputs of the shape {logits.shape} for {len(self._options.labels)} labels")
        if not np.isfinite(logits).all():
            raise StrangeError("the model gave numbers that are not finite")
        return logits


def _size(options: ClassifierOptions, text: str) -> int:
    """How long a text takes, in characters."""
    return _EVERY + min(len(text), options.window * options.windows * _CHARACTERS)


def _output(graph: Graph, model: Path, labels: int) -> str:
    """The name of the output that has the logits. Raises BundleError unless inputs and outputs are as they must be."""
    strange = sorted(set(graph.inputs) - set(_KNOWN))
    if strange or "input_ids" not in graph.inputs:
        raise BundleError(f"{model}: expected the inputs {', '.join(_KNOWN)}, it has {', '.join(graph.inputs)}")
    name, shape = next(iter(graph.outputs.items()))
    if len(shape) != 2 or (isinstance(shape[1], int) and shape[1] != labels):  # noqa: PLR2004 - rows and labels
        raise BundleError(f"{model}: its output {name} has the shape {shape}, not (rows, {labels} labels)")
    return name
