"""Stages: what an answer's text passes through."""

from __future__ import annotations

import pytest

from router_extproc.guarding import ResponseAction, ResponseGuard
from router_extproc.privacy.stages import Findings, Guarding

TAG, MASK, BLOCK = ResponseAction.TAG, ResponseAction.MASK, ResponseAction.BLOCK
LINK = "see https://a.example/?to=ann@example.org now"


class TestMailInAWebAddress:
    @pytest.mark.parametrize(
        ("types", "passed"),
        [
            pytest.param({"EMAIL": MASK}, "see https://a.example/?to=[EMAIL] now", id="mail masked"),
            pytest.param({"EMAIL": MASK, "URL": TAG}, "see https://a.example/?to=[EMAIL] now", id="mail masked, link told"),
            pytest.param({"EMAIL": BLOCK, "URL": TAG}, "see https://a.example/?to=", id="mail blocked, link told"),
            pytest.param({"EMAIL": BLOCK, "URL": MASK}, "see [URL]", id="mail blocked, link masked"),
            pytest.param({"EMAIL": TAG, "URL": MASK}, "see [URL] now", id="link masked"),
            pytest.param({"EMAIL": MASK, "URL": MASK}, "see [URL] now", id="both masked"),
            pytest.param({"EMAIL": TAG, "URL": BLOCK}, "see ", id="link blocked"),
        ],
    )
    def test_the_stricter_action_holds(self, types: dict[str, ResponseAction], passed: str) -> None:
        """Whether it comes at once or in pieces."""
        guard = ResponseGuard(types, 20, refuse_unreadable=True)
        whole, parts = Guarding(guard, Findings(), code=False), Guarding(guard, Findings(), code=False)

        assert whole.feed(LINK, final=True) == passed
        pieces = [parts.feed(character, final=False) for character in LINK]
        assert "".join((*pieces, parts.feed("", final=True))) == passed
