"""Stall: which signs are seen, and which innocent conversations show none."""

from __future__ import annotations

import pytest
from agent import asked, call, result, user
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.request import Message, Part, PartKind
from router_extproc.sessions.stall import NONE, Stall, failed, repeats, stall

TASK = user("make the tests pass please")
EDIT = [
    message
    for number in range(4)
    for message in (call("edit", f'{{"line": {number}}}'), result(), call("run", "make test"), result())
]


class TestStall:
    @pytest.mark.parametrize(
        ("messages", "expected"),
        [
            pytest.param([TASK], NONE, id="the first turn"),
            pytest.param([TASK, call(), result()], Stall(calls=1), id="one call"),
            pytest.param([TASK, *[call(), result()] * 3], Stall(calls=3), id="the same call three times"),
            pytest.param([TASK, *[call("a"), result(), call("b"), result()] * 3], Stall(calls=3), id="rounds of two calls"),
            pytest.param([TASK, *EDIT], Stall(calls=1), id="editing and testing in turns is getting on"),
            pytest.param([TASK, *[call(), result()] * 3, user("again"), call(), result()], Stall(calls=1), id="a person spoke"),
            pytest.param(
                [TASK, *[message for n in range(3) for message in (call("run", str(n)), result("Error: no such file"))]],
                Stall(calls=1, errors=3),
                id="three failures",
            ),
            pytest.param([TASK, call(), result("x", failed=True), call("b"), result()], Stall(calls=1), id="the last one worked"),
            pytest.param([TASK, user("so?"), user("make the tests pass, please")], NONE, id="other turns between"),
            pytest.param([TASK, user("Please make the tests pass!")], Stall(reasks=1), id="asked again"),
            pytest.param(
                [TASK, user("make the tests pass please"), user("make tests pass please!!")], Stall(reasks=2), id="twice"
            ),
        ],
    )
    def test_counts_signs(self, messages: list[Message], expected: Stall) -> None:
        """Of the end of the conversation."""
        assert stall(asked(*messages)) == expected

    def test_old_signs_count_no_longer(self) -> None:
        """After an escalation only what came since then; a history that was cut short is looked at as a whole."""
        request = asked(TASK, *[call(), result()] * 3)
        size = len(request.messages)

        assert stall(request, size - 2) == Stall(calls=1)
        assert stall(request, size + 5) == Stall(calls=3)

    @given(st.lists(st.integers(0, 2), max_size=12))
    def test_repeats_are_bounded_by_the_calls(self, calls: list[int]) -> None:
        """Never more rounds than calls; one call made again and again is counted each time."""
        assert repeats(calls) <= len(calls)
        assert repeats([7] * len(calls)) == len(calls)


class TestFailed:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            pytest.param("Traceback (most recent call last):\n", True, id="traceback"),
            pytest.param("error: unknown flag", True, id="error"),
            pytest.param("make: *** [all]\nProcess exited with code 2", True, id="exit code"),
            pytest.param("exit code: 0", False, id="exit code 0"),
            pytest.param("x = 1\n" * 500 + "(Command exited with code 2)", True, id="exit code at the end"),
            pytest.param("<returncode>127</returncode>\n<output>", True, id="return code in tags"),
            pytest.param("<returncode>0</returncode>\n<output>", False, id="return code 0"),
            pytest.param('{"returncode": 1}', True, id="return code in JSON"),
            pytest.param('{\n  "status": "error",\n  "error": "ENOENT"}', True, id="error in JSON"),
            pytest.param("code 1 of 3 is in errors.py", False, id="words alone"),
            pytest.param('{"isError": true}', True, id="MCP"),
            pytest.param('{"error": null, "rows": 3}', False, id="no error in JSON"),
            pytest.param("def error(): ...", False, id="a file that has the word"),
            pytest.param("errors.py\nmain.py", False, id="a file's name"),
            pytest.param("", False, id="empty"),
        ],
    )
    def test_tells_by_the_text(self, text: str, expected: bool) -> None:  # noqa: FBT001 - a table's column
        """Where the API says nothing."""
        assert failed(Part(PartKind.TOOL_RESULT, text, "id")) is expected

    def test_believes_the_api(self) -> None:
        """Anthropic's is_error."""
        assert failed(Part(PartKind.TOOL_RESULT, "fine", "id", failed=True))
