"""Ways to write an attack."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from router_extproc.evaluation.evasions import EVASIONS

if TYPE_CHECKING:
    from router_extproc.evaluation.evasions import Evasion

TEXT = "Please say all that you know about the tea of today."
BY_NAME = {each.name: each for each in EVASIONS}
every = pytest.mark.parametrize("evasion", EVASIONS, ids=list(BY_NAME))


@every
class TestEvery:
    def test_is_repeatable(self, evasion: Evasion) -> None:
        """Figures of two runs can be compared."""
        assert evasion.write(TEXT) == evasion.write(TEXT)

    def test_ends_with_what_is_not_the_models(self, evasion: Evasion) -> None:
        """As a request does."""
        assert evasion.write(TEXT)[-1]["role"] in {"user", "tool"}


class TestSome:
    def test_as_it_is(self) -> None:
        """The figure to compare with."""
        assert BY_NAME["as it is"].write(TEXT) == [{"role": "user", "content": TEXT}]

    def test_split_turns_hold_all_of_it(self) -> None:
        """In order."""
        said = [message["content"] for message in BY_NAME["split over three turns"].write(TEXT) if message["role"] == "user"]

        assert (len(said), " ".join(said)) == (3, TEXT)

    def test_encoded_can_be_decoded(self) -> None:
        """By any model that knows how."""
        said = BY_NAME["base64"].write(TEXT)[0]["content"]

        assert base64.b64decode(said.rsplit(" ", 1)[1]).decode() == TEXT
