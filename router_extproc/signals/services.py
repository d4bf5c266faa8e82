"""Services: what signals share, and what outlives a policy."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from router_extproc.encoders.cache import Cache
from router_extproc.encoders.models import Models
from router_extproc.encoders.share import Share
from router_extproc.request import PartKind
from router_extproc.signals.credentials import tracker
from router_extproc.signals.credentials.tracker import Tracker
from router_extproc.signals.files import Files
from router_extproc.signals.lengthy import Searches
from router_extproc.signals.neural import comparisons, disguises, patterns
from router_extproc.signals.neural.comparisons import Comparisons
from router_extproc.signals.neural.disguises import Disguises
from router_extproc.signals.neural.patterns import Patterns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from router_extproc.breaker import BreakerReport
    from router_extproc.encoders.prototypes import Prototypes
    from router_extproc.errors import SpecError
    from router_extproc.request import Request

_SAMPLE = 600
"""Characters looked at to tell a long text's scripts."""
_ASCII = 1 / 4.1
"""Tokens per character: byte-pair vocabularies of 100,000 to 200,000 take 4.1 characters of English prose a token."""
_WIDE = 0.85
"""Of CJK and other scripts above U+2E80."""
_OTHER = 1 / 2.6
"""Of other letters beyond ASCII: Cyrillic, Greek, Arabic, Indic."""
_WIDE_FROM = "\u2e80"
_PER_MESSAGE = 4
"""Tokens of a chat template around one message."""
_PER_IMAGE = 800
"""Tokens of one image of middling size, as most vision models count it."""
_LEARN_FROM = 64
"""Shorter prompts say more about the chat template than about the text."""
_STEP = 0.02
_RANGE = (0.4, 2.5)
_MEDIA = frozenset({PartKind.IMAGE, PartKind.AUDIO, PartKind.FILE, PartKind.OTHER})


def text_tokens(text: str) -> float:
    """An estimate of a text's tokens from its length and a sample of its scripts. Microseconds, whatever the length."""
    size = len(text)
    if text.isascii():
        return size * _ASCII
    if size > _SAMPLE:
        third = _SAMPLE // 3
        sample = text[:third] + text[size // 2 : size // 2 + third] + text[-third:]
    else:
        sample = text
    wide = sum(character >= _WIDE_FROM for character in sample)
    ascii_ = len(sample.encode("ascii", "ignore"))
    share = 1 / len(sample)
    other = len(sample) - wide - ascii_
    return size * share * (wide * _WIDE + ascii_ * _ASCII + other * _OTHER)


def raw_tokens(request: Request) -> float:
    """The estimate for a whole prompt before calibration: messages, tool definitions, images."""
    total = 0.0
    for message in request.messages:
        total += _PER_MESSAGE
        for part in message.parts:
            if part.text:
                total += text_tokens(part.text)
            if part.kind is PartKind.IMAGE:
                total += _PER_IMAGE
    for tool in request.tools:
        total += tool.size * _ASCII
    return total


class TokenRatio:
    """Estimates prompt sizes in tokens, and learns from the usage that model servers report. Safe from several threads."""

    def __init__(self) -> None:
        self._scale = 1.0
        self._lock = threading.Lock()

    @property
    def scale(self) -> float:
        """Reported over estimated tokens, averaged; 1 until something was learned."""
        return self._scale

    def prompt_tokens(self, request: Request) -> int:
        """Estimated tokens of the prompt."""
        return round(raw_tokens(request) * self._scale)

    def learn(self, request: Request, input_tokens: int) -> None:
        """Move the scale a little towards what a server reported. One odd report cannot move it by more than 4 %."""
        if input_tokens < _LEARN_FROM or any(part.kind in _MEDIA for message in request.messages for part in message.parts):
            return
        estimate = raw_tokens(request)
        if estimate < _LEARN_FROM:
            return
        low, high = _RANGE
        seen = min(max(input_tokens / estimate, low), high)
        with self._lock:
            self._scale *= (seen / self._scale) ** _STEP


@dataclass(frozen=True, slots=True)
class SignalServices:
    """What extractors may use beside their options."""

    token_ratio: TokenRatio = field(default_factory=TokenRatio)
    models: Models = field(default_factory=Models)
    """Opens the model bundle when a policy first needs it."""
    patterns: Patterns = field(default_factory=Patterns)
    """Finds private data."""
    disguises: Disguises = field(default_factory=Disguises)
    """Undoes what disguises texts."""
    lengthy: Searches = field(default_factory=Searches)
    """Searches long texts."""
    comparisons: Comparisons = field(default_factory=Comparisons)
    """Compares texts with very many examples."""
    credentials: Tracker = field(default_factory=Tracker)
    """Follows secrets through conversations."""
    prototypes: Cache[Prototypes] = field(default_factory=partial(Cache, 64))
    """What examples became, by their hash: a reload with the same ones does not read them again."""
    needs_secrets: bool = True
    """Whether a secret that cannot be read keeps a policy from being loaded; False where no request is served by it."""
    folder: Path = field(default_factory=Path)
    """What relative paths in the policy are relative to: the policy file's folder."""
    files: Files = field(default_factory=Files)
    """What this one policy was made of beside its own file."""
    doubts: list[SpecError] = field(default_factory=list)
    """What extractors found odd in the options that they were built of: warnings, each with its place there."""
    _shares: list[Share] = field(default_factory=list)

    def for_policy(self, folder: Path) -> SignalServices:
        """The same services for one more policy."""
        return replace(self, folder=folder, files=self.files.another(), doubts=[], _shares=[])

    def breakers(self) -> Mapping[str, BreakerReport]:
        """Whether each classifier in memory works, by its name in metrics."""
        return {
            **self.models.breakers(),
            patterns.NAME: self.patterns.lanes.breaker,
            disguises.NAME: self.disguises.batcher.breaker,
            comparisons.NAME: self.comparisons.batcher.breaker,
            tracker.NAME: self.credentials.batcher.breaker,
        }

    def turns(self) -> Mapping[str, Mapping[str, int]]:
        """Transitions of each classifier's breaker, by its name and the state that it went to; they outlive the classifier."""
        figures = {
            **self.models.figures,
            patterns.NAME: self.patterns.lanes.figures,
            disguises.NAME: self.disguises.batcher.figures,
            comparisons.NAME: self.comparisons.batcher.figures,
            tracker.NAME: self.credentials.batcher.figures,
        }
        return {name: dict(each.turns) for name, each in figures.items()}

    def file(self, name: str) -> Path:
        """A file that the policy names; a change of it makes the policy be loaded anew."""
        return self.files.add(self.folder / name)

    def secret_file(self, name: str) -> Path:
        """The same for one that holds secrets: no version and no status tells anything of its content."""
        return self.files.add_secret(self.folder / name)

    def share(self, outputs: Iterable[str]) -> Share:
        """The policy's share in the encoder, which gives these outputs, too. Raises BundleError."""
        self.files.add(self.models.manifest)
        if not self._shares:
            self._shares.append(Share(self.models.encoder()))
        self._shares[0].require(outputs)
        return self._shares[0]
