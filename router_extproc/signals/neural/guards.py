"""Guards: signals that read each text of a request on its own: jailbreak attempts and private data."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from router_extproc.encoders.bundle import TAGS
from router_extproc.encoders.heads import SPANS
from router_extproc.encoders.reading import Reading
from router_extproc.errors import SpecError
from router_extproc.pii.kinds import BY_PATTERN
from router_extproc.pii.trimming import trimmed
from router_extproc.routing import Cost, Signal, SignalKind, SignalShape
from router_extproc.signals.neural.heads import shared
from router_extproc.signals.neural.options import GuardOptions
from router_extproc.signals.neural.segments import begun, begun_undisguised, coverage, each
from router_extproc.signals.options import Reads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router_extproc.encoders.scores import Span
    from router_extproc.encoders.share import Share
    from router_extproc.request import Request
    from router_extproc.signals.neural.disguises import Disguises
    from router_extproc.signals.neural.patterns import Found, Patterns
    from router_extproc.signals.neural.segments import Segment
    from router_extproc.signals.services import SignalServices


class PiiOptions(GuardOptions):
    """Which private data counts."""

    types: Annotated[tuple[str, ...], Field(max_length=len(SPANS))] = ()
    """The only types that count; empty: all."""


_UNREAD: Future[Reading] = Future()
"""Of a text that no model reads: nothing in it is left out."""
_UNREAD.set_result(Reading())


class Guard:
    """An extractor that reads several texts."""

    cost = Cost.MODEL

    def __init__(self, name: str, options: GuardOptions, share: Share | None, shape: SignalShape) -> None:
        """`share` is None for a guard that needs no model."""
        self.name = name
        self.shape = shape
        self._options = options
        self._share = share

    @property
    def reads(self) -> Reads:
        """Which texts it looks at."""
        return self._options.reads

    def begin(self, request: Request, deadline: float, /) -> list[Future[Any]]:
        """Start to read those that are not being read yet."""
        return [*self._readings(request, deadline)]

    def prepare(self, request: Request, deadline: float, /) -> None:
        """Nothing goes on beside the reading."""

    def _texts(self, request: Request) -> tuple[Segment, ...]:
        """All texts that should be read, the last first."""
        key = ("texts", self._options.reads)
        found: tuple[Segment, ...] | None = request.memo.get(key)
        if found is None:
            found = request.memo[key] = each(request, self._options.reads)
        return found

    def _chosen(self, request: Request) -> tuple[Segment, ...]:
        """Those that are read."""
        return self._texts(request)[: self._options.max_texts]

    def _readings(self, request: Request, deadline: float) -> list[Future[Reading]]:
        if self._share is None:
            return [_UNREAD] * len(self._chosen(request))
        return begun(request, self._share, self._chosen(request), deadline, self._options.max_windows)

    def _read(self, request: Request) -> tuple[list[tuple[Segment, Reading]], float]:
        """The readings, and the share of all text that they cover."""
        readings = [future.result() for future in self._readings(request, 0.0)]
        texts = self._texts(request)
        return list(zip(self._chosen(request), readings, strict=True)), coverage(texts, texts[: len(readings)], readings)


class Jailbreak(Guard):
    """The probability that some text tries to override, evade or hijack the instructions: the highest of all texts."""

    def __init__(self, name: str, options: GuardOptions, share: Share, disguises: Disguises) -> None:
        super().__init__(name, options, share, SignalShape(SignalKind.SCORE, partial=True))
        self._reads_in = share
        self._disguises = disguises

    def _readings(self, request: Request, deadline: float) -> list[Future[Reading]]:
        """Of the texts without what disguises them."""
        chosen = self._chosen(request)
        return begun_undisguised(request, self._reads_in, self._disguises, chosen, deadline, self._options.max_windows)

    def extract(self, request: Request, /) -> Signal:
        """The signal. Without any text there is no attempt."""
        pairs, read = self._read(request)
        chance, kind = max(((reading.chances["jailbreak"], segment.kind.value) for segment, reading in pairs), default=(0.0, ""))
        return Signal(self.name, chance, evidence=(kind,) if kind else (), coverage=read)

    def judged(self, request: Request) -> list[tuple[Segment, float]]:
        """Each text that was read, as it was sent, with its probability; for requests whose signal was extracted."""
        pairs, _ = self._read(request)
        return [(segment, reading.chances["jailbreak"]) for segment, reading in pairs]


class Pii(Guard):
    """Types of private data that some text holds: what checksums and patterns confirm, and what the token head marks."""

    def __init__(self, name: str, options: PiiOptions, share: Share | None, patterns: Patterns) -> None:
        """`share` is None where no type that counts is one that a model may judge: then none reads."""
        self._types = wanted(options)
        self._patterns = patterns
        super().__init__(name, options, share, SignalShape(SignalKind.LABEL, labels=self._types, partial=True))

    def begin(self, request: Request, deadline: float, /) -> list[Future[Any]]:
        """Start to read those texts, and to look for patterns in them."""
        return [*self._readings(request, deadline), *self._findings(request, deadline)]

    def prepare(self, request: Request, deadline: float, /) -> None:
        """Start to look for patterns."""
        self._findings(request, deadline)

    def extract(self, request: Request, /) -> Signal:
        """The signal. Without any text there is no private data."""
        pairs, read = self._read(request)
        scores: dict[str, float] = {}
        for (segment, reading), finding in zip(pairs, self._findings(request, 0.0), strict=True):
            for kind, score in self._told(segment.text, reading, finding.result()):
                scores[kind] = max(score, scores.get(kind, 0.0))
        if not scores:
            return Signal(self.name, 0.0, label="", labels={}, coverage=read)
        best = max(scores, key=scores.__getitem__)
        return Signal(self.name, scores[best], label=best, labels=scores, evidence=tuple(sorted(scores)), coverage=read)

    def spans(self, request: Request) -> dict[str, list[Span]]:
        """Where it stands, by text that was read; for requests whose signal was extracted."""
        pairs, _ = self._read(request)
        told: dict[str, list[Span]] = {}
        for (segment, reading), finding in zip(pairs, self._findings(request, 0.0), strict=True):
            found = finding.result()
            spans = [span for span in (*found.spans, *found.nested) if span.type in self._types]
            spans += self._judged(segment.text, reading, found)
            told[segment.text] = spans
        return told

    def _told(self, text: str, reading: Reading, found: Found) -> Iterator[tuple[str, float]]:
        """Types of one text that count."""
        yield from ((kind, score) for kind, score in found.scores.items() if kind in self._types)
        yield from ((span.type, span.score) for span in self._judged(text, reading, found))

    def _judged(self, text: str, reading: Reading, found: Found) -> list[Span]:
        """What the model says of one text, where patterns leave room."""
        spans = trimmed(text, reading.spans, found.spans)
        return [span for span in spans if span.type in self._types and found.leaves_room(span)]

    def _findings(self, request: Request, deadline: float) -> list[Future[Found]]:
        memo = request.memo
        findings: list[Future[Found]] = []
        for segment in self._chosen(request):
            key = ("patterns", segment.text)
            if key not in memo:
                memo[key] = self._patterns.submit(segment.text, deadline)
            findings.append(memo[key])
        return findings


def wanted(options: PiiOptions) -> frozenset[str]:
    """The types that count."""
    return frozenset(options.types) or frozenset(SPANS)


def _check_texts(options: GuardOptions) -> None:
    if options.reads is Reads.LAST_USER and "max_texts" in options.model_fields_set:
        message = "`maxTexts` has no effect: what the user said last is one text"
        raise SpecError(("maxTexts",), message, cure="remove it, or write `reads: everything`")


def build_jailbreak(name: str, options: GuardOptions, services: SignalServices) -> Jailbreak:
    """The extractor."""
    _check_texts(options)
    return Jailbreak(name, options, shared(services, "jailbreak"), services.disguises)


def build_pii(name: str, options: PiiOptions, services: SignalServices) -> Pii:
    """The extractor."""
    unknown = sorted(set(options.types) - set(SPANS))
    if unknown:
        raise SpecError(("types",), f"unknown types: {', '.join(unknown)}", cure=f"expected among {', '.join(SPANS)}")
    for index, kind in enumerate(options.types):
        if kind in options.types[:index]:
            raise SpecError(("types", index), f"the type {kind!r} stands here twice", cure="remove one of them")
    judged = wanted(options) - BY_PATTERN
    if not judged and "max_windows" in options.model_fields_set:
        message = "`maxWindows` has no effect: patterns alone find these types, and they read all of a text"
        raise SpecError(("maxWindows",), message, cure="remove it")
    _check_texts(options)
    services.patterns.warm()
    return Pii(name, options, shared(services, TAGS) if judged else None, services.patterns)
