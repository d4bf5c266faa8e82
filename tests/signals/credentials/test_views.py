"""The ways in which a text carries a secret."""

from __future__ import annotations

import base64
import json
import time
from urllib.parse import quote

import pytest

from router_extproc.signals.credentials.marks import squeezed
from router_extproc.signals.credentials.views import forms, tokens, views

SECRET = "AKIAQ7RT2M9XV4LB8ZJD"  # noqa: S105 - it opens nothing
CARRIERS = {
    "as it is": f"key={SECRET}",
    "in JSON": json.dumps({"headers": {"authorization": f"Bearer {SECRET}"}}),
    "escaped": json.dumps({"key": "".join(f"\\u{ord(letter):04x}" for letter in SECRET)}).replace("\\\\u", "\\u"),
    "in a broken text of JSON": '{"key": "' + SECRET + "\\n",
    "split by dashes": "-".join(SECRET[start : start + 4] for start in range(0, 20, 4)),
    "split over values": json.dumps({"first": SECRET[:9], "second": SECRET[9:]}),
    "split over a list": json.dumps([*SECRET]),
    "split over lines": json.dumps({"text": SECRET[:9] + "\n" + SECRET[9:]}),
    "percent": "https://a.example/?q=" + "".join(f"%{ord(letter):02X}" for letter in SECRET),
    "percent, of all that must be": quote(f"k={SECRET}&x= y"),
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "base64 for addresses, amid others": base64.urlsafe_b64encode(f"user?>:{SECRET}:x".encode()).decode().rstrip("="),
    "base64 twice": base64.b64encode(base64.b64encode(f"it is {SECRET}".encode())).decode(),
    "hexadecimal": SECRET.encode().hex(),
    "hexadecimal in capitals": f"0x{SECRET.encode().hex().upper()}",
    "backwards": SECRET[::-1],
    "backwards in base64": base64.b64encode(SECRET[::-1].encode()).decode(),
    "base64 in JSON in JSON": json.dumps({"a": json.dumps({"b": base64.b64encode(SECRET.encode()).decode()})}),
}


class TestViews:
    @pytest.mark.parametrize("name", CARRIERS)
    def test_show_the_secret(self, name: str) -> None:
        """In one of them at least."""
        assert any(SECRET in view for view in views(forms(CARRIERS[name])))

    @pytest.mark.parametrize("name", CARRIERS)
    def test_are_few(self, name: str) -> None:
        """Each costs a search for all secrets."""
        assert len(list(views(forms(CARRIERS[name])))) <= 24

    def test_of_nothing_are_none(self) -> None:
        """No text, no view."""
        assert list(views(forms(""))) == []

    @pytest.mark.parametrize(
        "text",
        [
            "{" * 100_000,
            "[" * 100_000,
            "%41" * 30_000,
            "QUJD" * 30_000,
            "\\u0041" * 20_000,
            '["' + "a" * 100_000,
            "41" * 50_000,
            "é" * 50_000,
        ],
    )
    def test_hostile_texts_cost_little(self, text: str) -> None:
        """Deep, escaped, encoded over and over."""
        began = time.perf_counter()
        list(views(forms(text)))

        assert time.perf_counter() - began < 3


class TestTokens:
    @pytest.mark.parametrize(
        "text",
        ["x canary-7f3a9 y", "?q=canary-7f3a9&b", "a/canary-7f3a9", '{"k": "canary-7f3a9"}', "see canary-7f3a9.", "9a3f7-yranac"],
    )
    def test_has_the_canary(self, text: str) -> None:
        """By itself, as its hash is all that is known."""
        assert "canary-7f3a9" in set(tokens(forms(text)))


class TestSqueezed:
    def test_keeps_letters_and_digits(self) -> None:
        """Of ASCII."""
        assert squeezed("sk-ab_c d'1é漢") == "skabcd1"
