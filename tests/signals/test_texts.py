"""Which text a signal reads."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.request import Message, Part, PartKind, Request, Role, Tool
from router_extproc.signals.options import Reads
from router_extproc.signals.texts import defined, spoken, texts, user_turns

Ask = Callable[..., Request]

RESULT = Part(PartKind.TOOL_RESULT, "42 degrees", tool="call_1")
REMINDER = "<system-reminder>Be brief.</system-reminder>"


@pytest.fixture
def conversation(ask: Ask) -> Request:
    """One turn of everything."""
    return ask(
        (Role.SYSTEM, "You help."),
        (Role.DEVELOPER, "Be kind."),
        "Hello",
        (Role.ASSISTANT, (Part(PartKind.TEXT, "Hi"), Part(PartKind.TOOL_CALL, '{"a": 1}', tool="weather"))),
        (Role.TOOL, (RESULT,)),
        f"And now?{REMINDER}",
        tools=(Tool("weather", "Tells the weather"),),
    )


class TestDefined:
    def test_a_description_stands_alone_and_short_strings_together(self, ask: Ask) -> None:
        """The schema's in texts of some 400 characters behind what the tool does; a longer one has no other beside it."""
        properties = {"a": {"description": "A city."}, "b": {"description": "x " * 300}, "c": {"enum": ["one", "two"]}}
        tool = Tool("f", "Finds.", 1, {"description": "Finds.", "parameters": {"properties": properties}})
        request = ask("a", tools=(tool,), answer_format={"json_schema": {"schema": {"title": "An answer"}}})

        assert defined(request) == (
            "Finds.",
            "Finds.\nA city.",
            "Finds.\n" + "x " * 300,
            "Finds.\none\ntwo",
            "An answer",
        )
        assert texts(request, Reads.EVERYTHING) == ("a", *defined(request))

    def test_without_any_there_is_nothing(self, ask: Ask) -> None:
        """No empty text."""
        assert defined(ask("a", tools=(Tool("f"),))) == ()


class TestTexts:
    @pytest.mark.parametrize(
        ("reads", "expected"),
        [
            pytest.param(Reads.LAST_USER, ("And now?",), id="last user"),
            pytest.param(Reads.ALL_USER, ("Hello", "And now?"), id="all user"),
            pytest.param(Reads.CONVERSATION, ("Hello", "Hi", "And now?"), id="conversation"),
            pytest.param(Reads.SYSTEM, ("You help.", "Be kind."), id="system"),
            pytest.param(Reads.TOOL_RESULTS, ("42 degrees",), id="tool results"),
            pytest.param(
                Reads.EVERYTHING,
                ("You help.", "Be kind.", "Hello", "Hi", '{"a": 1}', "42 degrees", f"And now?{REMINDER}", "Tells the weather"),
                id="everything",
            ),
        ],
    )
    def test_each_reading_gives_its_texts_in_order(self, conversation: Request, reads: Reads, expected: tuple[str, ...]) -> None:
        """Every text of the request is in the readings that name it, and in no other."""
        assert texts(conversation, reads) == expected

    @pytest.mark.parametrize("reads", list(Reads))
    def test_an_empty_request_has_no_text(self, ask: Ask, reads: Reads) -> None:
        """Nothing is read where nothing is, rather than an empty text."""
        assert texts(ask(), reads) == ()

    @pytest.mark.parametrize(
        "last",
        [
            pytest.param((Role.USER, (RESULT,)), id="tool result in a user turn"),
            pytest.param((Role.TOOL, (RESULT,)), id="tool turn"),
            pytest.param(REMINDER, id="harness text"),
            pytest.param(f"\n {REMINDER} \n", id="harness text and blanks"),
            pytest.param((Role.USER, (Part(PartKind.IMAGE),)), id="image alone"),
            pytest.param("", id="empty"),
        ],
    )
    def test_a_last_turn_without_words_falls_back(self, ask: Ask, last: object) -> None:
        """In an agent's loop the task is what the person said last, not what a tool brought."""
        request = ask("Fix the bug", (Role.ASSISTANT, "On it"), last)
        assert texts(request, Reads.LAST_USER) == ("Fix the bug",)

    @pytest.mark.parametrize("reads", list(Reads))
    def test_hostile_text_is_read(self, ask: Ask, hostile: str, reads: Reads) -> None:
        """No text makes the reading fail."""
        assert all(texts(ask(hostile), reads))


class TestSpoken:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            pytest.param("plain", "plain", id="plain"),
            pytest.param(" plain ", " plain ", id="blanks of plain text stay"),
            pytest.param("<system-reminder>x</system-reminder>Do it", "Do it", id="reminder"),
            pytest.param("Do it\n<environment_details>\nfiles\n</environment_details>", "Do it", id="environment details"),
            pytest.param("<command-name>/x</command-name><command-args></command-args>Do", "Do", id="two blocks"),
            pytest.param("a<rules>b</rules>c<rules>d</rules>e", "ace", id="the same tag twice"),
            pytest.param("<rules>a<user_info>b</user_info>c</rules>d", "d", id="a block in a block"),
            pytest.param("<system-reminder>never closed </b>", "<system-reminder>never closed </b>", id="never closed"),
            pytest.param("</system-reminder>Do it", "</system-reminder>Do it", id="never opened"),
            pytest.param("<b>bold</b>", "<b>bold</b>", id="the person's own tags"),
            pytest.param("<rules><user_info>x</user_info>y", "<rules>y", id="closed in an open one"),
        ],
    )
    def test_harness_blocks_are_taken_out(self, text: str, expected: str) -> None:
        """What a harness put in is gone, and all else stays."""
        assert spoken(text) == expected

    @given(st.lists(st.sampled_from(["<rules>", "</rules>", "<user_info>", "</user_info>", "</", "a", "\n", "<"]), max_size=30))
    def test_nothing_is_invented(self, pieces: list[str]) -> None:
        """Whatever the nesting, the words that stay stand in the text in the same order."""
        text = "".join(pieces)
        rest = iter(text)
        assert all(character in rest for character in spoken(text))

    def test_many_open_tags_are_searched_once(self) -> None:
        """A tag that is never closed is looked for once, so that the time stays linear."""
        text = "</x>" + "<system-reminder>" * 100_000
        assert spoken(text) == text


class TestUserTurns:
    def test_the_last_comes_first(self, conversation: Request) -> None:
        """Signals that look back stop early."""
        assert list(user_turns(conversation)) == ["And now?", "Hello"]

    def test_several_parts_are_one_turn(self) -> None:
        """A turn of several text parts is one text."""
        message = Message(Role.USER, (Part(PartKind.TEXT, "a"), Part(PartKind.IMAGE), Part(PartKind.TEXT, "b")))
        assert list(user_turns(Request("openai_chat", "m", (message,)))) == ["a\nb"]
