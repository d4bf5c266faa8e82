"""Services: what selectors may use beside their options."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from router_extproc.encoders.bundle import EMBEDDING
from router_extproc.encoders.manifest import BundleError
from router_extproc.errors import SpecError
from router_extproc.learning.ledger import Ledger
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from collections.abc import Iterable

    from router_extproc.encoders.share import Share
    from router_extproc.learning.learner import Experience

READ = (EMBEDDING, "difficulty")
"""What a reading holds for selectors, at least."""


@dataclass(frozen=True, slots=True)
class SelectorServices:
    """What selectors share, and what outlives a policy."""

    signals: SignalServices = field(default_factory=SignalServices)
    """The policy's own, so that files and the encoder are shared with its signals."""

    experience: Experience = field(default_factory=lambda: Ledger(ttl_s=0.0, most=0))
    """What was learned so far; nothing, where nobody is served."""

    def share(self, more: Iterable[str] = ()) -> Share:
        """The policy's share in the encoder, giving all that a selector reads, and more. Raises SpecError if the bundle cannot be used."""
        try:
            return self.signals.share((*READ, *more))
        except BundleError as error:
            cure = "restore the model bundle, or choose a selector that reads nothing"
            raise SpecError((), str(error), cure=cure) from error
