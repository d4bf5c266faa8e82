"""Linear: a head that `train-head` made of the operator's own labels, on the shared embedding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.encoders.bundle import EMBEDDING, embedder
from router_extproc.encoders.headfile import read_head
from router_extproc.encoders.manifest import BundleError
from router_extproc.errors import SpecError
from router_extproc.routing import Signal, SignalKind, SignalShape, Unknown, UnknownReason
from router_extproc.signals.neural.heads import Teller, shared
from router_extproc.signals.neural.options import NeuralOptions

if TYPE_CHECKING:
    from router_extproc.encoders.reading import Reading
    from router_extproc.encoders.share import Share
    from router_extproc.encoders.softmax import Softmax
    from router_extproc.routing import SignalResult
    from router_extproc.signals.services import SignalServices


class LinearOptions(NeuralOptions):
    """Where the head is."""

    file: str
    """What `router-extproc train-head` wrote; a relative path is relative to the policy file."""


class Linear(Teller):
    """The likeliest label with its probability.

    Of a text that cannot be read it is unknown: its embedding is that of all such texts, and one of the labels would always win.
    """

    def __init__(self, name: str, options: LinearOptions, share: Share, head: Softmax, labels: tuple[str, ...]) -> None:
        shape = SignalShape(SignalKind.LABEL, labels=frozenset(labels), partial=True, exhaustive=True)
        super().__init__(name, options, share, shape)
        self._head = head
        self._labels = labels

    def told(self, reading: Reading) -> SignalResult:
        """What the head says of the embedding."""
        if not reading.legible:
            return Unknown(self.name, UnknownReason.NO_TEXT, "nothing of it can be read")
        chances = dict(zip(self._labels, self._head.chances(reading.embedding).tolist(), strict=True))
        best = max(chances, key=chances.__getitem__)
        return Signal(self.name, chances[best], label=best, labels=chances, coverage=reading.coverage)


def build(name: str, options: LinearOptions, services: SignalServices) -> Linear:
    """The extractor."""
    share = shared(services, EMBEDDING)
    path = services.file(options.file)
    try:
        head, labels = read_head(path, embedder(share.encoder.bundle.manifest))
    except BundleError as error:
        raise SpecError(("file",), str(error), cure="make the file with `router-extproc train-head`") from error
    return Linear(name, options, share, head, labels)
