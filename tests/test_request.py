"""The neutral request."""

from router_extproc.request import Message, Part, PartKind, Role


class TestMessage:
    def test_one_text_part_is_the_text(self) -> None:
        """The common case needs no joining."""
        assert Message(Role.USER, (Part(PartKind.TEXT, "hello"),)).text == "hello"

    def test_text_parts_are_joined_and_the_rest_is_left_out(self) -> None:
        """Tool calls, results and images are no text of the message."""
        parts = (Part(PartKind.TEXT, "a"), Part(PartKind.IMAGE), Part(PartKind.TOOL_CALL, "{}", "f"), Part(PartKind.TEXT, "b"))

        assert Message(Role.USER, parts).text == "a\nb"

    def test_a_message_without_text_is_empty(self) -> None:
        """An image alone has no text."""
        assert Message(Role.USER, (Part(PartKind.IMAGE),)).text == ""
