"""Similarity: intents that the operator gives examples of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints

from router_extproc.encoders.bundle import EMBEDDING, embedder
from router_extproc.encoders.cache import key_of
from router_extproc.encoders.prototypes import OTHER, Example, Prototypes, fitted
from router_extproc.encoders.scores import Kind
from router_extproc.errors import RouterError, SpecError
from router_extproc.routing import Signal, SignalKind, SignalShape, Unknown, UnknownReason
from router_extproc.signals.neural.comparisons import AT_ONCE
from router_extproc.signals.neural.heads import Reader, shared
from router_extproc.signals.neural.options import NeuralOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Future

    from router_extproc.encoders.encoder import Encoder
    from router_extproc.encoders.reading import Reading
    from router_extproc.encoders.share import Share
    from router_extproc.request import Request
    from router_extproc.routing import SignalResult
    from router_extproc.signals.neural.comparisons import Comparisons
    from router_extproc.signals.services import SignalServices

Sentence = Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]

MAX_LABELS = 500
MAX_EXAMPLES = 20_000
"""Of all labels together: reading them takes a minute."""
_MAX_WEIGHED = 4_000_000
"""Labels times examples: what weighing them up takes grows with it, to some ten seconds of a free core."""

Intent = Annotated[str, StringConstraints(min_length=1, max_length=100)]

UNREADABLE = "write it in words that the model bundle can read (docs/signals.md says which scripts it cannot), or take it out"


class UnreadableError(RouterError):
    """The encoder can read nothing of an example: every other text that it cannot read would be like it."""

    def __init__(self, label: str, index: int, more: int) -> None:
        others = f", and nothing of {more} more" if more else ""
        super().__init__(f"nothing of this example of {label!r} can be read{others}")
        self.label = label
        self.index = index
        """Of the first such example among those of the label."""


class EmbeddingOptions(NeuralOptions):
    """Intents, each with examples of what people say."""

    intents: Annotated[
        dict[Intent, Annotated[tuple[Sentence, ...], Field(min_length=1, max_length=500)]],
        Field(min_length=1, max_length=MAX_LABELS),
    ]
    """Example sentences by intent; ten of each are enough. What is like none of them is no intent."""


class Intents(Reader):
    """The likeliest intent with its probability; none where the text is more like ordinary requests than like any example.

    Nor is a text that cannot be read like any: its embedding is that of all such texts.
    """

    def __init__(self, name: str, options: NeuralOptions, share: Share, prototypes: Prototypes) -> None:
        labels = frozenset(prototypes.labels) - {OTHER}
        super().__init__(name, options, share, SignalShape(SignalKind.LABEL, labels=labels, partial=True))
        self._prototypes = prototypes
        self._none = dict.fromkeys(sorted(labels), 0.0)

    def judged(self, reading: Reading, text: str) -> Signal:
        """What the text is nearest to, by its embedding and its words."""
        if not reading.legible:
            return Signal(self.name, 0.0, label="", labels=self._none, coverage=reading.coverage)
        chances = self._prototypes.chances(reading.embedding, text)
        other = chances.pop(OTHER, 0.0)
        best = max(chances, key=chances.__getitem__)
        label = best if chances[best] > other else ""
        return Signal(self.name, chances[best] if label else 0.0, label=label, labels=chances, coverage=reading.coverage)


class ManyExamples(Intents):
    """The same with so many examples that a text is compared with them off the event loop."""

    def __init__(self, name: str, options: NeuralOptions, share: Share, prototypes: Prototypes, comparisons: Comparisons) -> None:
        super().__init__(name, options, share, prototypes)
        self._comparisons = comparisons

    def begin(self, request: Request, deadline: float, /) -> Sequence[Future[SignalResult]]:
        """Start to read, unless another signal did, and to compare after that."""
        key = ("compared", self)
        work: list[Future[SignalResult]] | None = request.memo.get(key)
        if work is None:
            readings, effort = super().begin(request, deadline), self._prototypes.scorer.effort
            work = request.memo[key] = [
                self._comparisons.submit(reading, segment.text, self.judged, effort, deadline)
                for reading, segment in zip(readings, self.segments(request), strict=True)
            ]
        return work

    def extract(self, request: Request, /) -> SignalResult:
        """The signal; unknown where there is no text."""
        work = self.begin(request, 0.0)
        return work[0].result() if work else Unknown(self.name, UnknownReason.NO_TEXT)


def intents(name: str, options: NeuralOptions, services: SignalServices, examples: Mapping[str, Sequence[str]]) -> Intents:
    """The extractor for examples by label. Reads them now, some 3 ms each, unless a policy before had the same ones.

    Raises UnreadableError.
    """
    share = shared(services, EMBEDDING)
    bundle = share.encoder.bundle
    key = key_of(embedder(bundle.manifest), *(part for label, texts in examples.items() for part in ("", label, *texts)))
    prototypes = services.prototypes.get(key)
    if prototypes is None:
        prototypes = fitted(_embedded(share.encoder, examples), bundle.background)
        services.prototypes.put(key, prototypes)
    if prototypes.scorer.effort > AT_ONCE:
        return ManyExamples(name, options, share, prototypes, services.comparisons)
    return Intents(name, options, share, prototypes)


def _embedded(encoder: Encoder, examples: Mapping[str, Sequence[str]]) -> dict[str, list[Example]]:
    found: dict[str, list[Example]] = {}
    unread: list[tuple[str, int]] = []
    for label, texts in examples.items():
        readings = encoder.read(texts, Kind.USER, outputs=(EMBEDDING,))
        unread += [(label, index) for index, reading in enumerate(readings) if not reading.legible]
        found[label] = [Example(text, reading.embedding) for text, reading in zip(texts, readings, strict=True)]
    if unread:
        raise UnreadableError(*unread[0], len(unread) - 1)
    return found


def too_many(examples: Mapping[str, Sequence[str]], what: str) -> str:
    """Why they would take too long to load, `what` being what they are called; empty if they do not."""
    labels, count = len(examples), sum(map(len, examples.values()))
    if count > MAX_EXAMPLES:
        return f"{count:,} examples, at most {MAX_EXAMPLES:,}"
    if labels * count > _MAX_WEIGHED:
        return f"{labels:,} {what} with {count:,} examples take too long to load: with so many {what} at most {_MAX_WEIGHED // labels:,}"
    return ""


def shared_examples(examples: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, str]]:
    """Texts that stand under several labels, with two of these: no reading of them can be right for both."""
    first: dict[str, str] = {}
    found: dict[str, tuple[str, str]] = {}
    for label, texts in examples.items():
        for text in texts:
            if first.setdefault(text, label) != label:
                found.setdefault(text, (first[text], label))
    return found


def build(name: str, options: EmbeddingOptions, services: SignalServices) -> Intents:
    """The extractor."""
    _check(options, services)
    try:
        return intents(name, options, services, options.intents)
    except UnreadableError as error:
        raise SpecError(("intents", error.label, error.index), str(error), cure=UNREADABLE) from error


def _check(options: EmbeddingOptions, services: SignalServices) -> None:
    excess = too_many(options.intents, "intents")
    if excess:
        raise SpecError(("intents",), excess, cure="give fewer of each, or use `train-head` for that many")
    for label in options.intents:
        if label != label.strip():
            message = f"{label!r} has blanks around it, which make it another intent than the same word without them"
            raise SpecError(("intents", label), message, cure="remove them")
    for text, (one, other) in shared_examples(options.intents).items():
        place = ("intents", other, options.intents[other].index(text))
        services.doubts.append(
            SpecError(
                place, f"the same example stands under {one!r}: no answer is right for both", cure="keep it under one intent"
            )
        )
