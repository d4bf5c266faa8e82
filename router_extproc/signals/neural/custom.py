"""Custom: the operator's own ONNX classifier as a signal."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, StringConstraints

from router_extproc.encoders.classifier import ClassifierOptions, ExportError, name_of
from router_extproc.encoders.foreign import TokenizerError
from router_extproc.encoders.manifest import BundleError, sha256
from router_extproc.errors import SpecError
from router_extproc.routing import Cost, Signal, SignalKind, SignalShape, Unknown, UnknownReason
from router_extproc.signals.neural.segments import one
from router_extproc.signals.options import Options, Reads

if TYPE_CHECKING:
    from concurrent.futures import Future

    from router_extproc.encoders.classifier import OnnxClassifier, Verdict
    from router_extproc.request import Request
    from router_extproc.routing import SignalResult
    from router_extproc.signals.services import SignalServices


class OnnxOptions(Options):
    """Where the model is and what its outputs mean."""

    model: str
    """An ONNX file with its weights in it; a relative path is relative to the policy file."""
    tokenizer: str
    """Its tokenizer.json, of the Hugging Face tokenizers library."""
    labels: Annotated[tuple[Annotated[str, StringConstraints(min_length=1)], ...], Field(min_length=1, max_length=500)]
    """Of its outputs, in their order."""
    activation: Literal["softmax", "sigmoid"] = "softmax"
    """softmax: one of the labels holds; sigmoid: each holds or not, by its own probability."""
    window: Annotated[int, Field(ge=16, le=8192)] = 512
    """Tokens that it reads at once."""
    max_windows: Annotated[int, Field(ge=1, le=64)] = 2
    """Windows that are read of a text, from its head."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """The model file's; a file with another one is refused."""
    reads: Reads = Reads.LAST_USER
    """Which text is looked at."""


_HOLDS = 0.5
"""A label that is independent of the others is the signal's from this probability on."""


class Custom:
    """The likeliest label with its probability; none where labels are independent and none holds. Of one label its probability."""

    cost = Cost.MODEL

    def __init__(self, name: str, options: OnnxOptions, classifier: OnnxClassifier) -> None:
        self.name = name
        kind, labels = (SignalKind.LABEL, frozenset(options.labels)) if len(options.labels) > 1 else (SignalKind.SCORE, None)
        several = labels is not None and options.activation == "sigmoid"
        exclusive = labels is not None and not several
        self.shape = SignalShape(kind, labels=labels, partial=True, exhaustive=exclusive, independent=several)
        self._options = options
        self._classifier = classifier

    def begin(self, request: Request, deadline: float, /) -> list[Future[Verdict]]:
        """Start to classify, once a request."""
        key = ("verdict", self.name)
        work: list[Future[Verdict]] | None = request.memo.get(key)
        if work is None:
            segments = one(request, self._options.reads)
            work = request.memo[key] = [self._classifier.submit(segment.text, deadline) for segment in segments]
        return work

    def prepare(self, request: Request, deadline: float, /) -> None:
        """Nothing goes on beside the model's work."""

    def extract(self, request: Request, /) -> SignalResult:
        """The signal; unknown where there is no text, or no token of it."""
        work = self.begin(request, 0.0)
        if not work:
            return Unknown(self.name, UnknownReason.NO_TEXT)
        verdict = work[0].result()
        if not verdict.chances:
            return Unknown(self.name, UnknownReason.NO_TEXT, "no token stands for it")
        if self.shape.kind is SignalKind.SCORE:
            return Signal(self.name, verdict.chances[0], coverage=verdict.coverage)
        labels = dict(zip(self._options.labels, verdict.chances, strict=True))
        best = max(labels, key=labels.__getitem__)
        if self.shape.independent and labels[best] < _HOLDS:
            return Signal(self.name, 0.0, label="", labels=labels, coverage=verdict.coverage)
        return Signal(self.name, labels[best], label=best, labels=labels, coverage=verdict.coverage)


def build(name: str, options: OnnxOptions, services: SignalServices) -> Custom:
    """The extractor."""
    model, tokenizer = services.file(options.model), services.file(options.tokenizer)
    several = options.activation == "sigmoid"
    if len(options.labels) == 1 and not several:
        raise SpecError(("activation",), "softmax over one label is always 1", cure="write activation: sigmoid")
    if len(set(options.labels)) < len(options.labels):
        raise SpecError(("labels",), "a label stands there twice", cure="name the model's outputs, one by one")
    try:
        if options.sha256 is not None and sha256(model) != options.sha256:
            raise SpecError(("sha256",), f"{model}: its SHA-256 is another one", cure="restore the file, or correct the sum")
        how = ClassifierOptions(options.labels, options.window, options.max_windows, several)
        classifier = services.models.classifier(model, tokenizer, how, name_of(PurePath(options.model)))
    except TokenizerError as error:
        raise SpecError(("tokenizer",), str(error), cure="give the tokenizer.json that belongs to the model") from error
    except ExportError as error:
        raise SpecError(("model",), str(error), cure=error.cure) from error
    except BundleError as error:
        raise SpecError(
            ("model",), str(error), cure="give the model, its tokenizer and its labels as they belong together"
        ) from error
    except OSError as error:
        raise SpecError(("model",), f"{model}: {error.strerror}", cure="mount the file beside the policy") from error
    return Custom(name, options, classifier)
