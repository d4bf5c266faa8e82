"""Similarity: intents that the operator gives examples of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints

from router_extproc.encoders.bundle import EMBEDDING, embedder
from router_extproc.encoders.cache import key_of
from router_extproc.encoders.prototypes import OTHER, Example, Prototypes, fitted
from router_extproc.encoders.scores import Kind
from router_extproc.routing import Signal, SignalKind, SignalShape
from router_extproc.signals.neural.heads import Reader, shared
from router_extproc.signals.neural.options import NeuralOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router_extproc.encoders.encoder import Encoder
    from router_extproc.encoders.reading import Reading
    from router_extproc.encoders.share import Share
    from router_extproc.signals.services import SignalServices

Sentence = Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]

Intent = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class EmbeddingOptions(NeuralOptions):
    """Intents, each with examples of what people say."""

    intents: Annotated[
        dict[Intent, Annotated[tuple[Sentence, ...], Field(min_length=1, max_length=500)]], Field(min_length=1, max_length=500)
    ]
    """Example sentences by intent; ten of each are enough. What is like none of them is no intent."""


class Intents(Reader):
    """The likeliest intent with its probability; none where the text is more like ordinary requests than like any example."""

    def __init__(self, name: str, options: NeuralOptions, share: Share, prototypes: Prototypes) -> None:
        labels = frozenset(prototypes.labels) - {OTHER}
        super().__init__(name, options, share, SignalShape(SignalKind.LABEL, labels=labels, partial=True))
        self._prototypes = prototypes

    def judged(self, reading: Reading, text: str) -> Signal:
        """What the text is nearest to, by its embedding and its words."""
        chances = self._prototypes.chances(reading.embedding, text)
        other = chances.pop(OTHER, 0.0)
        best = max(chances, key=chances.__getitem__)
        label = best if chances[best] > other else ""
        return Signal(self.name, chances[best] if label else 0.0, label=label, labels=chances, coverage=reading.coverage)


def intents(name: str, options: NeuralOptions, services: SignalServices, examples: Mapping[str, Sequence[str]]) -> Intents:
    """The extractor for examples by label. Reads them now, some 3 ms each, unless a policy before had the same ones."""
    share = shared(services, EMBEDDING)
    bundle = share.encoder.bundle
    key = key_of(embedder(bundle.manifest), *(part for label, texts in examples.items() for part in ("", label, *texts)))
    prototypes = services.prototypes.get(key)
    if prototypes is None:
        embedded = {label: _embedded(share.encoder, texts) for label, texts in examples.items()}
        prototypes = fitted(embedded, bundle.background)
        services.prototypes.put(key, prototypes)
    return Intents(name, options, share, prototypes)


def _embedded(encoder: Encoder, texts: Sequence[str]) -> list[Example]:
    readings = encoder.read(texts, Kind.USER, outputs=(EMBEDDING,))
    return [Example(text, reading.embedding) for text, reading in zip(texts, readings, strict=True)]


def build(name: str, options: EmbeddingOptions, services: SignalServices) -> Intents:
    """The extractor."""
    return intents(name, options, services, options.intents)
