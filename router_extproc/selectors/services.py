"""Services: what selectors may use beside their options."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from router_extproc.encoders.bundle import EMBEDDING
from router_extproc.encoders.manifest import BundleError
from router_extproc.errors import SpecError
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from router_extproc.encoders.share import Share

READ = (EMBEDDING, "difficulty")
"""What a reading holds for selectors, at least."""


@dataclass(frozen=True, slots=True)
class SelectorServices:
    """What selectors share, and what outlives a policy."""

    signals: SignalServices = field(default_factory=SignalServices)
    """The policy's own, so that files and the encoder are shared with its signals."""

    def share(self) -> Share:
        """The policy's share in the encoder, giving all that a selector reads. Raises SpecError if the bundle cannot be used."""
        try:
            return self.signals.share(READ)
        except BundleError as error:
            cure = "restore the model bundle, or choose a selector that reads nothing"
            raise SpecError((), str(error), cure=cure) from error
