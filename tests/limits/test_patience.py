"""Patience with a shared store that fails."""

from __future__ import annotations

from router_extproc.limits.patience import ALONE_S, GIVEN_UP_AFTER, Patience


class TestPatience:
    def test_gives_up_after_some_failures_and_asks_again_later(self) -> None:
        """Once a while; an answer forgets them all."""
        now = [10.0]
        patience = Patience(lambda: now[0])

        assert [patience.failed() for _ in range(GIVEN_UP_AFTER + 1)] == [*(False,) * (GIVEN_UP_AFTER - 1), True, False]
        assert not patience.up
        now[0] += ALONE_S
        assert patience.up
        assert patience.answered()
        assert patience.up
        assert not patience.answered()

    def test_is_not_tried_by_failures_between_answers(self) -> None:
        """Only those in a row count."""
        patience = Patience()
        for _ in range(3 * GIVEN_UP_AFTER):
            assert not patience.failed()
            patience.answered()

        assert patience.up
