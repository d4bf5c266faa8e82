"""Texts that only look like attacks."""

from __future__ import annotations

import json
import re
from random import Random

import pytest

from router_extproc.encoders.scores import Kind
from router_extproc.training.lookalikes import Lookalikes, lookalikes

KINDS = tuple(Lookalikes(Random(0)).makers)


class TestLookalikes:
    @pytest.mark.parametrize("kind", [pytest.param(kind, id=kind) for kind in KINDS])
    def test_every_kind_can_be_made_again(self, kind: str) -> None:
        """With no placeholder left, and not the same twice in a row."""
        first, second = Lookalikes(Random(1)), Lookalikes(Random(1))
        made = [first.text(kind) for _ in range(10)]

        assert made == [second.text(kind) for _ in range(10)]
        assert len(set(made)) > 5
        assert not any(re.search(r"\{[abcx]\}(?!\})", text) for text in made if kind == "code")

    @pytest.mark.parametrize(
        ("kind", "form"),
        [
            pytest.param("hash", r"[0-9a-f]{32}", id="hash"),
            pytest.param("uuid", r"[0-9a-f]{8}-[0-9a-f]{4}-", id="uuid"),
            pytest.param("iban", r"[A-Z]{2}\d\d \d{4}", id="iban"),
            pytest.param("trace", r"Traceback|java\.lang", id="trace"),
            pytest.param("url", r"https://", id="url"),
        ],
    )
    def test_a_kind_looks_like_it(self, kind: str, form: str) -> None:
        """Else it teaches nothing."""
        assert re.search(form, Lookalikes(Random(2)).makers[kind]())

    def test_objects_are_valid(self) -> None:
        """They are what people paste."""
        made = Lookalikes(Random(3))

        assert all(json.loads(made.makers["json"]()) for _ in range(20))

    def test_none_is_an_attack(self) -> None:
        """As users write them, as many of each kind."""
        made = list(lookalikes(Random(4)))

        assert {(row.task, row.target, row.kind) for row in made} == {("jailbreak", 0.0, Kind.USER)}
        assert len(made) % len(KINDS) == 0
