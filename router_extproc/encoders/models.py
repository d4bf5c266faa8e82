"""Models: the encoders and classifiers of a process, shared by all policies that name the same files."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from router_extproc.breaker import worst
from router_extproc.encoders.bundle import EMBEDDING, TAGS, Bundle, bundled, fingerprint
from router_extproc.encoders.classifier import OnnxClassifier, name_of
from router_extproc.encoders.encoder import Encoder, EncoderOptions
from router_extproc.encoders.figures import Figures
from router_extproc.encoders.heads import POOLED
from router_extproc.encoders.manifest import FILE_NAME, BundleError
from router_extproc.encoders.scores import Kind
from router_extproc.encoders.stamps import stamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from router_extproc.breaker import BreakerReport
    from router_extproc.encoders.classifier import ClassifierOptions

SHARED = "shared"
"""What the bundle's encoder is called in metrics; an operator's own classifier is called by its file."""
MAX_NAMES = 50
"""Different names in metrics; later ones are `other`."""


@dataclass(frozen=True, slots=True)
class Stocks:
    """What a model has at hand just now."""

    queued: int
    cached: int = 0
    hits: int = 0
    """Since this model was loaded."""
    misses: int = 0

    def __add__(self, other: Stocks) -> Stocks:
        """What two have at hand together."""
        mine, theirs = (self.queued, self.cached, self.hits, self.misses), (other.queued, other.cached, other.hits, other.misses)
        return Stocks(*map(sum, zip(mine, theirs, strict=True)))


class Models:
    """Opens models once: a reload that names the same files gets what is in memory already. Safe from several threads.

    A model that no policy has any more is closed.
    """

    def __init__(self, options: EncoderOptions | None = None, *, folder: Path | None = None) -> None:
        """`folder`: the bundle to use in place of the one that comes with the program."""
        self.options = options or EncoderOptions()
        self.figures: dict[str, Figures] = {}
        """By name; they outlive the models."""
        self._folder = folder
        self._encoders: WeakValueDictionary[str, Encoder] = WeakValueDictionary()
        self._classifiers: WeakValueDictionary[object, OnnxClassifier] = WeakValueDictionary()
        self._lock = threading.Lock()
        self._loading = threading.Lock()
        """Held while a model is read, which takes long: gauges do not wait for it."""

    @property
    def folder(self) -> Path:
        """Where the bundle is."""
        return self._folder or bundled()

    @property
    def manifest(self) -> Path:
        """The file that changes whenever the bundle does."""
        return self.folder / FILE_NAME

    def encoder(self) -> Encoder:
        """The bundle's encoder; loaded, and run once, at the first call. Raises BundleError."""
        folder = self.folder
        with self._loading:
            key = fingerprint(folder)
            found = self._encoders.get(key)
            if found is None:
                found = self._opened(folder)
                with self._lock:
                    self._encoders[key] = found
            return found

    def classifier(self, model: Path, tokenizer: Path, options: ClassifierOptions, name: str | None = None) -> OnnxClassifier:
        """An operator's classifier; loaded, and run once, at the first call. `name` is that of `name_of`. Raises BundleError."""
        with self._loading:
            key = (model, stamp(model), tokenizer, stamp(tokenizer), options)
            found = self._classifiers.get(key)
            if found is None:
                name = name or name_of(model)
                figures = self._counted(name)
                found = OnnxClassifier(model, tokenizer, options, self.options.batch, figures, self.options.breaker, name)
                with self._lock:
                    self._classifiers[key] = found
            return found

    def stocks(self) -> Mapping[str, Stocks]:
        """What those in memory have at hand, by name."""
        found: dict[str, Stocks] = {}
        for name, stocks in self._stocks():
            found[name] = found[name] + stocks if name in found else stocks
        return found

    def breakers(self) -> Mapping[str, BreakerReport]:
        """Whether those in memory work, by name; the worst of several of one name."""
        with self._lock:
            encoders, classifiers = list(self._encoders.values()), list(self._classifiers.values())
        reports = [(SHARED, encoder.batcher.breaker) for encoder in encoders]
        reports += [(classifier.name, classifier.batcher.breaker) for classifier in classifiers]
        return worst(reports)

    def _stocks(self) -> Iterator[tuple[str, Stocks]]:
        with self._lock:
            encoders, classifiers = list(self._encoders.values()), list(self._classifiers.values())
        for encoder in encoders:
            cache = encoder.cache
            yield SHARED, Stocks(encoder.batcher.queued, len(cache), cache.hits, cache.misses)
        for classifier in classifiers:
            yield classifier.name, Stocks(classifier.batcher.queued)

    def _opened(self, folder: Path) -> Encoder:
        encoder = Encoder(Bundle(folder), self.options, self._counted(SHARED))
        try:
            # The first run allocates and touches what later ones find in place, and tells whether the model runs at all.
            encoder.read(["ready"], Kind.USER, outputs=(*POOLED, EMBEDDING, TAGS))
        except Exception as error:
            reason = str(error).partition("\n")[0]
            raise BundleError(f"{folder}: the model does not run: {reason}; restore the bundle from its release") from error
        return encoder

    def _counted(self, name: str) -> Figures:
        known = name in self.figures or len(self.figures) < MAX_NAMES
        return self.figures.setdefault(name if known else "other", Figures())
