"""Identity: what tells a session, and what its key gives away."""

from __future__ import annotations

import pytest
from agent import asked, call, result, user
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.request import Caller, Request
from router_extproc.sessions.identity import Source, identified, session_part
from router_extproc.sessions.keys import SessionKeys

CLAUDE = "user_0a1b_account_5c6d_session_9f8e-77"


class TestIdentified:
    @pytest.mark.parametrize(
        ("request_", "source", "raw"),
        [
            pytest.param(asked(user("hi"), headers={"x-s": "one"}, conversation_id="c"), "header", "one", id="header first"),
            pytest.param(asked(user("hi"), conversation_id="conv_1"), "conversation", "conv_1", id="conversation"),
            pytest.param(asked(user("hi"), api="anthropic_messages", end_user=CLAUDE), "metadata", "9f8e-77", id="metadata"),
            pytest.param(
                asked(user("hi"), api="anthropic_messages", end_user='{"device_id": "d", "session_id": "s-1"}'),
                "metadata",
                "s-1",
                id="metadata as JSON",
            ),
            pytest.param(asked(user("hi"), end_user=CLAUDE), "fingerprint", None, id="another API's user is no session"),
            pytest.param(asked(user("hi")), "fingerprint", None, id="how it began"),
        ],
    )
    def test_is_the_most_explicit(self, request_: Request, source: str, raw: str | None) -> None:
        """Header, conversation, metadata, and only then how the conversation began."""
        found = identified(request_, "x-s")

        assert found is not None
        assert found.source is Source(source)
        assert raw is None or found.raw == raw

    def test_is_nothing_where_nobody_spoke(self) -> None:
        """Such requests are no sessions."""
        assert identified(asked()) is None

    def test_stays_as_the_conversation_goes_on(self) -> None:
        """Later turns repeat the first ones."""
        begun = identified(asked(user("fix it")))

        assert begun == identified(asked(user("fix it"), call(), result(), user("and now?")))
        assert begun != identified(asked(user("break it")))

    @given(st.text())
    def test_reads_any_metadata(self, text: str) -> None:
        """Whatever callers write there."""
        assert isinstance(session_part(text), str)
        assert isinstance(session_part("{" + text), str)


class TestSessionKeys:
    def test_tell_nothing(self) -> None:
        """Another secret gives another key, and the name is not in it."""
        request = asked(user("hi"))
        one, other = SessionKeys(b"a" * 16), SessionKeys(b"b" * 16)

        assert one.session(request, "name") == SessionKeys(b"a" * 16).session(request, "name")
        assert one.session(request, "name") != other.session(request, "name")
        assert b"name" not in one.session(request, "name")

    def test_belong_to_the_caller(self) -> None:
        """Nobody spends another's budget by naming his session."""
        keys = SessionKeys()
        ann, bob = asked(caller=Caller(user="ann")), asked(caller=Caller(user="bob"))

        assert keys.session(ann, "s") != keys.session(bob, "s")
        assert keys.session(ann, "s") != keys.session(asked(caller=Caller(tenant="ann")), "s")
        assert keys.session(ann, "s") != keys.task(ann, "s")
