"""What commands print, as training texts."""

from __future__ import annotations

from router_extproc.encoders.scores import Kind
from router_extproc.training.printed import TEXTS, printed
from router_extproc.training.texts import lines


class TestPrinted:
    def test_are_learned_as_they_are_and_with_an_order(self) -> None:
        """Of each pair one line makes the difference, so that code as such tells nothing."""
        rows = printed(1)
        plain, ordered = rows[::2], rows[1::2]

        assert [row.text for row in plain] == list(lines(TEXTS))
        assert ({row.target for row in plain}, {row.target for row in ordered}) == ({0.0}, {1.0})
        for before, after in zip(plain, ordered, strict=True):
            rest = after.text.split("\n")
            for line in before.text.split("\n"):
                rest.remove(line)
            assert len(rest) == 1

    def test_come_from_tools(self) -> None:
        """All of them."""
        assert {row.kind for row in printed(1)} == {Kind.TOOL_RESULT}

    def test_come_as_often_as_is_asked_for(self) -> None:
        """Each of both."""
        assert len(printed(3)) == 3 * len(printed(1)) == 6 * len(lines(TEXTS))
