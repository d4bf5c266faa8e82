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


class TestSecretInAWebAddress:
    LINK = "see https://a.example/?token=Zk4vQ9xT2bLm8RwY7nHc now"

    @pytest.mark.parametrize(
        ("types", "passed"),
        [
            pytest.param({"API_KEY": MASK}, "see https://a.example/?token=[API_KEY] now", id="secret masked"),
            pytest.param({"URL": MASK}, "see [URL] now", id="link masked"),
            pytest.param(
                {"API_KEY": MASK, "URL": TAG}, "see https://a.example/?token=[API_KEY] now", id="secret masked, link told"
            ),
            pytest.param({"API_KEY": TAG, "URL": MASK}, "see [URL] now", id="link masked, secret told"),
            pytest.param({"API_KEY": MASK, "URL": BLOCK}, "see ", id="link blocked"),
        ],
    )
    def test_the_stricter_action_holds(self, types: dict[str, ResponseAction], passed: str) -> None:
        """A secret must not hide the link that it stands in."""
        guard = ResponseGuard(types, 64, refuse_unreadable=True)

        assert Guarding(guard, Findings(), code=False).feed(self.LINK, final=True) == passed
