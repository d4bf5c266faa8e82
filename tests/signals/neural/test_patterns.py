"""Patterns: found in their own thread, and kept by hash."""

from __future__ import annotations

import math

import pytest

from router_extproc.encoders.scores import Span
from router_extproc.pii.merging import merged
from router_extproc.signals.neural.patterns import Found, Patterns

MAIL = "write to ada@example.org"


class TestSubmit:
    def test_finds(self) -> None:
        """What checks confirm, by type and place."""
        found = Patterns().submit(MAIL, math.inf).result(600)

        assert found.scores == {"EMAIL": 1.0}
        assert [(span.start, span.end) for span in found.spans] == [(9, 24)]

    def test_a_text_that_was_seen_is_known_at_once(self) -> None:
        """Without a thread's turn."""
        patterns = Patterns()
        first = patterns.submit(MAIL, math.inf).result(600)

        again = patterns.submit(MAIL, 0.0)
        assert again.done()
        assert again.result() is first

    def test_mail_in_a_web_address_is_told_beside_it(self) -> None:
        """Of a signal that tells both types a rule may ask for either."""
        found = Patterns().submit("see https://a.example/u?mail=ada@example.org", math.inf).result(600)

        assert found.scores == {"URL": 1.0, "EMAIL": 1.0}
        assert [span.type for span in found.spans] == ["URL"]
        assert [(span.start, span.end) for span in found.nested] == [(29, 44)]

    def test_findings_that_are_many_are_not_kept(self) -> None:
        """A text of nothing but addresses must not fill the memory."""
        patterns = Patterns()
        text = " ".join(f"user{number}@example.org" for number in range(300))
        first = patterns.submit(text, math.inf).result(600)

        assert patterns.submit(text, math.inf).result(600) is not first

    @pytest.mark.parametrize(
        ("size", "lane"),
        [
            pytest.param(9_000, 0, id="a prompt"),
            pytest.param(9_001, 1, id="a file"),
            pytest.param(99_000, 1, id="a long file"),
            pytest.param(99_001, 2, id="a table of many pages"),
        ],
    )
    def test_long_texts_have_threads_of_their_own(self, size: int, lane: int) -> None:
        """Nobody's question waits for somebody's table."""
        patterns = Patterns()
        text = MAIL.ljust(size, ".")

        assert patterns.submit(text, math.inf).result(600).scores == {"EMAIL": 1.0}
        assert [bool(each._threads) for each in patterns.lanes.lanes] == [number == lane for number in range(3)]

    def test_nobody_keeps_the_text(self) -> None:
        """Only what was found, and a hash."""
        found = Patterns().submit(MAIL, math.inf).result(600)

        assert "ada" not in repr(found)


class TestFound:
    @pytest.mark.parametrize(
        ("span", "room"),
        [
            pytest.param(Span(0, 4, "PERSON", 0.9), True, id="before"),
            pytest.param(Span(0, 5, "PERSON", 0.9), True, id="up to it"),
            pytest.param(Span(4, 6, "PERSON", 0.9), False, id="over its begin"),
            pytest.param(Span(6, 7, "PERSON", 0.9), False, id="inside"),
            pytest.param(Span(8, 12, "PERSON", 0.9), False, id="over its end"),
            pytest.param(Span(9, 12, "PERSON", 0.9), True, id="behind"),
            pytest.param(Span(12, 22, "PERSON", 0.9), False, id="over the next"),
            pytest.param(Span(30, 40, "PERSON", 0.9), True, id="at the end"),
            pytest.param(Span(30, 40, "EMAIL", 0.9), False, id="of a type that only checks may say"),
        ],
    )
    def test_leaves_room_as_merging_does(self, span: Span, *, room: bool) -> None:
        """`classify` merges spans, a signal needs the types only: both come to the same."""
        checked = (Span(5, 9, "EMAIL", 1.0), Span(20, 25, "URL", 1.0))

        assert Found({}, checked).leaves_room(span) == room
        assert (span in merged(checked, [span])) == room
