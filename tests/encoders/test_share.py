"""Share: one policy's part in an encoder that all policies use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.encoders.scores import Kind
from router_extproc.encoders.share import Share

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.encoders.encoder import Encoder


class TestShare:
    def test_reads_what_its_signals_need(self, opened: Callable[..., Encoder], later: float) -> None:
        """The sum of it, and nothing else."""
        share = Share(opened())
        share.require(("jailbreak",))
        share.require(("domain", "jailbreak"))
        reading = share.submit("what is algebra", Kind.USER, later).result(600)

        assert set(reading.classes) == {"domain"}
        assert set(reading.chances) == {"jailbreak"}
        assert not reading.embedding.size

    def test_the_order_of_the_needs_does_not_matter(self, opened: Callable[..., Encoder]) -> None:
        """Two policies that need the same share what was read."""
        first, second = Share(opened()), Share(opened())
        first.require(("domain", "tags", "embedding"))
        second.require(("embedding", "domain"))
        second.require(("tags",))

        assert first.outputs == second.outputs

    def test_what_another_policy_needs_is_not_read(self, opened: Callable[..., Encoder], later: float) -> None:
        """Not even after a policy that needed it."""
        encoder = opened()
        before, after = Share(encoder), Share(encoder)
        before.require(("domain", "embedding"))
        after.require(("difficulty",))

        assert not after.submit("the tea", Kind.USER, later).result(600).classes
        assert before.submit("the tea", Kind.USER, later).result(600).classes
