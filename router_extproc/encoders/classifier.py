"""Classifier: an operator's own ONNX text classifier, with its own tokenizer and its own queue."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.encoders.batching import Batcher, BatchOptions
from router_extproc.encoders.errors import StrangeError
from router_extproc.encoders.external import external_data
from router_extproc.encoders.figures import Figures
from router_extproc.encoders.foreign import CHARACTERS, ForeignTokens, TokenizerError
from router_extproc.encoders.graph import Graph
from router_extproc.encoders.manifest import BundleError
from router_extproc.encoders.softmax import sigmoid, softmax

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future
    from pathlib import Path, PurePath

    from numpy.typing import NDArray

    from router_extproc.breaker import BreakerOptions

    Floats = NDArray[np.float32]

_EVERY = 40
"""Characters that take as long as what every text costs, however short."""
_NUMBERS = "fiu"
"""Kinds of arrays: floats and integers."""
_KNOWN = ("input_ids", "attention_mask", "token_type_ids")


_STRANGER = "\U00010600"
"""A letter of Linear A, which next to no vocabulary has."""
_LONGEST_REASON = 400


class ExportError(BundleError):
    """The model was exported in a form that is not served."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(message)
        self.cure = cure


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
    """By label, in [0, 1]; none of a text that no token stands for: the model was not asked."""
    coverage: float
    """Share of the text that was read, in [0, 1]."""


def name_of(model: PurePath) -> str:
    """What a model is called in metrics, the log and among threads: by its file with the folder, because most are a `model.onnx`."""
    return f"onnx-{str(model).removesuffix('.onnx')}"


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
        name: str | None = None,
    ) -> None:
        """`figures` are given, if they are to outlive it; `name` is that of `name_of`. Raises BundleError."""
        figures = figures or Figures()
        reader = _Reader(model, tokenizer, options, figures)
        self.name = name or name_of(model)
        # One text at a time: taken together they would only wait for each other.
        self.batcher: Batcher[str, Verdict] = Batcher(
            reader.run,
            replace(batch, max_batch=1),
            name=self.name,
            figures=figures,
            size=partial(_size, options),
            usual=_EVERY + options.window * CHARACTERS // 2,
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
        _check_whole(model)
        self._graph = Graph(model)
        self._output = _output(self._graph, model, len(options.labels))
        self._tokens = ForeignTokens(tokenizer, options.window)
        self._try(model, tokenizer)

    def run(self, texts: Sequence[str]) -> list[Verdict]:
        """The verdict on each text."""
        return [self._one(text) for text in texts]

    def _try(self, model: Path, tokenizer: Path) -> None:
        """A model that cannot run at all, or not on every text, is told of now."""
        try:
            texts = ("a " * self._options.window, "a", _STRANGER)
            full, *others = [next(iter(self._tokens.read(text, 1).windows), []) for text in texts]
        except Exception as error:
            # The tokenizers library raises Exception itself.
            raise TokenizerError(f"{tokenizer}: it cannot read a text: {_told(error)}") from error
        self._run(model, full, f"a window of {len(full)} tokens")
        for ids in filter(None, others):
            self._run(model, ids, f"a text of {len(ids)} tokens")
        highest = self._tokens.highest
        self._run(model, [*others[0], highest], f"the token {highest}, which {tokenizer.name} gives")

    def _run(self, model: Path, ids: list[int], what: str) -> None:
        try:
            self._logits(ids)
        except Exception as error:
            # onnxruntime raises classes of its own that have no common public base
            raise BundleError(f"{model}: it cannot read {what}: {_told(error)}") from error

    def _one(self, text: str) -> Verdict:
        options = self._options
        excerpt = self._tokens.read(text, options.windows)
        self._figures.read(len(excerpt.windows))
        if not excerpt.windows:
            return Verdict((), excerpt.coverage)
        logits = np.concatenate([self._logits(ids) for ids in excerpt.windows])
        chances = sigmoid(logits.max(0)) if options.several else softmax(logits).mean(0)
        return Verdict(tuple(chances.tolist()), excerpt.coverage)

    def _logits(self, ids: list[int]) -> Floats:
        known = {"input_ids": np.array([ids], np.int64), "attention_mask": np.ones((1, len(ids)), np.int64)}
        known["token_type_ids"] = np.zeros((1, len(ids)), np.int64)
        logits = self._graph.run((self._output,), {name: known[name] for name in self._graph.inputs})[self._output]
        if logits.shape != (1, len(self._options.labels)):
            raise BundleError(f"it gives outputs of the shape {logits.shape} for {len(self._options.labels)} labels")
        if logits.dtype.kind not in _NUMBERS:
            raise BundleError(f"it gives outputs of the type {logits.dtype}, which are no logits")
        if not np.isfinite(logits).all():
            raise StrangeError("the model gave numbers that are not finite")
        return logits


def _size(options: ClassifierOptions, text: str) -> int:
    """How long a text takes, in characters."""
    return _EVERY + min(len(text), options.window * options.windows * CHARACTERS)


def _told(error: Exception) -> str:
    """What a library says, in one line: the numbers are in its second."""
    return " ".join(str(error).split())[:_LONGEST_REASON]


def _check_whole(model: Path) -> None:
    location = external_data(model)
    if location is not None:
        message = f"{model}: its weights are in another file, {location}, which is neither watched nor part of its SHA-256"
        raise ExportError(message, 'make it one file: onnx.save(onnx.load("model.onnx"), "one.onnx")')


def _output(graph: Graph, model: Path, labels: int) -> str:
    """The name of the output that has the logits. Raises BundleError unless inputs and outputs are as they must be."""
    strange = sorted(set(graph.inputs) - set(_KNOWN))
    if strange or "input_ids" not in graph.inputs:
        raise BundleError(f"{model}: expected the inputs {', '.join(_KNOWN)}, it has {', '.join(graph.inputs)}")
    for name, shape in graph.inputs.items():
        if len(shape) == 2 and isinstance(shape[1], int):  # noqa: PLR2004 - rows and tokens
            message = f"{model}: its input {name} has the fixed length {shape[1]}, and texts have others"
            raise ExportError(message, "export it with a dynamic length (dynamic_axes or dynamic_shapes of torch.onnx.export)")
    name, shape = next(iter(graph.outputs.items()))
    if len(shape) != 2 or (isinstance(shape[1], int) and shape[1] != labels):  # noqa: PLR2004 - rows and labels
        raise BundleError(f"{model}: its output {name} has the shape {shape}, not (rows, {labels} labels)")
    return name
