"""Heads: the signals of the shared encoder's own heads."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from router_extproc.encoders.heads import CLASSES
from router_extproc.encoders.manifest import BundleError
from router_extproc.errors import SpecError
from router_extproc.request import Role
from router_extproc.routing import Cost, Signal, SignalKind, SignalShape, Unknown, UnknownReason
from router_extproc.signals.neural.segments import begun, one
from router_extproc.signals.texts import spoken

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from router_extproc.encoders.reading import Reading
    from router_extproc.encoders.share import Share
    from router_extproc.request import Request
    from router_extproc.routing import SignalResult
    from router_extproc.signals.neural.options import NeuralOptions
    from router_extproc.signals.neural.segments import Segment
    from router_extproc.signals.services import SignalServices


def shared(services: SignalServices, *outputs: str) -> Share:
    """The policy's share in the encoder, giving these outputs. Raises SpecError if the bundle cannot be used."""
    try:
        return services.share(outputs)
    except BundleError as error:
        raise SpecError(("type",), str(error), cure="restore the model bundle, or take the neural signals out") from error


class Reader:
    """An extractor that reads one text with the shared encoder."""

    cost = Cost.MODEL

    def __init__(self, name: str, options: NeuralOptions, share: Share, shape: SignalShape) -> None:
        self.name = name
        self.shape = shape
        self._options = options
        self._share = share

    def segments(self, request: Request) -> tuple[Segment, ...]:
        """What is read: at most one text here."""
        return one(request, self._options.reads)

    def begin(self, request: Request, deadline: float, /) -> Sequence[Future[Any]]:
        """Start to read, unless another signal did."""
        return begun(request, self._share, self.segments(request), deadline, self._options.max_windows)

    def prepare(self, request: Request, deadline: float, /) -> None:
        """Nothing goes on beside the reading."""

    def extract(self, request: Request, /) -> SignalResult:
        """The signal; unknown where there is no text."""
        segments = self.segments(request)
        work = begun(request, self._share, segments, 0.0, self._options.max_windows)
        return self.judged(work[0].result(), segments[0].text) if work else Unknown(self.name, UnknownReason.NO_TEXT)

    @abstractmethod
    def judged(self, reading: Reading, text: str, /) -> SignalResult:
        """What a text says. The reading may be of an earlier request with the same text."""


class Teller(Reader):
    """A reader that needs no more than the reading."""

    def judged(self, reading: Reading, _: str, /) -> SignalResult:
        """What the reading says."""
        return self.told(reading)

    @abstractmethod
    def told(self, reading: Reading) -> SignalResult:
        """What the reading says."""


class ClassHead(Teller):
    """One of several labels, with the probability of each."""

    def __init__(self, name: str, options: NeuralOptions, share: Share, head: str) -> None:
        shape = SignalShape(SignalKind.LABEL, labels=frozenset(CLASSES[head]), partial=True, exhaustive=True)
        super().__init__(name, options, share, shape)
        self._head = head

    def told(self, reading: Reading) -> SignalResult:
        """The likeliest label."""
        labels = reading.classes[self._head]
        best = max(labels, key=labels.__getitem__)
        return Signal(self.name, labels[best], label=best, labels=labels, coverage=reading.coverage)


class Feedback(ClassHead):
    """What the user says of the answer before; only where there was one."""

    def segments(self, request: Request) -> tuple[Segment, ...]:
        """Nothing before the first answer."""
        return super().segments(request) if _answered(request) else ()

    def told(self, reading: Reading) -> SignalResult:
        """The likeliest label. A turn that cannot be read leaves it unknown: all of these sound satisfied, and bandits would learn it."""
        return (
            super().told(reading) if reading.legible else Unknown(self.name, UnknownReason.NO_TEXT, "nothing of it can be read")
        )


def _answered(request: Request) -> bool:
    """Whether the last thing that the user said came after an answer."""
    said = False
    for message in reversed(request.messages):
        if said and message.role is Role.ASSISTANT:
            return True
        said = said or (message.role is Role.USER and bool(spoken(message.text).strip()))
    return False


class ChanceHead(Teller):
    """A probability."""

    def __init__(self, name: str, options: NeuralOptions, share: Share, head: str) -> None:
        super().__init__(name, options, share, SignalShape(SignalKind.SCORE, partial=True))
        self._head = head

    def told(self, reading: Reading) -> Signal:
        """The head's probability."""
        return Signal(self.name, reading.chances[self._head], coverage=reading.coverage)


def build_domain(name: str, options: NeuralOptions, services: SignalServices) -> ClassHead:
    """The extractor."""
    return ClassHead(name, options, shared(services, "domain"), "domain")


def build_modality(name: str, options: NeuralOptions, services: SignalServices) -> ClassHead:
    """The extractor."""
    return ClassHead(name, options, shared(services, "modality"), "modality")


def build_feedback(name: str, options: NeuralOptions, services: SignalServices) -> Feedback:
    """The extractor."""
    return Feedback(name, options, shared(services, "feedback"), "feedback")


def build_difficulty(name: str, options: NeuralOptions, services: SignalServices) -> ChanceHead:
    """The extractor."""
    return ChanceHead(name, options, shared(services, "difficulty"), "difficulty")


def build_fact_check(name: str, options: NeuralOptions, services: SignalServices) -> ChanceHead:
    """The extractor."""
    return ChanceHead(name, options, shared(services, "fact_check"), "fact_check")
