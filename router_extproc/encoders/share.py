"""Share: one policy's part in an encoder that all policies use together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.encoders.encoder import WINDOWS, ordered

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Future

    from router_extproc.encoders.encoder import Encoder
    from router_extproc.encoders.reading import Reading
    from router_extproc.encoders.scores import Kind


class Share:
    """Reads texts for the signals of one policy: one pass over a text gives what all of them need, and nothing else."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.outputs: tuple[str, ...] = ()
        """What a reading holds: the sum of what the policy's signals need."""

    def require(self, outputs: Iterable[str]) -> None:
        """Have readings hold these, too. Only while the policy is being built."""
        self.outputs = ordered((*self.outputs, *outputs))

    def submit(self, text: str, kind: Kind, deadline: float, *, windows: int = WINDOWS) -> Future[Reading]:
        """Start to read a text; see Encoder.submit."""
        return self.encoder.submit(text, kind, deadline, windows=windows, outputs=self.outputs)
