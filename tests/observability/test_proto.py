"""The decision log is what proto/ says it is."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from grpc_tools import protoc

from router_extproc.config.offline import decide
from router_extproc.guarding import PrivateAction
from router_extproc.hooks import AnswerDetails, CacheDetails, RouteDetails
from router_extproc.learning.event import Event
from router_extproc.learning.event import Part as Piece
from router_extproc.learning.lesson import Lesson
from router_extproc.limits.limit import Limited
from router_extproc.observability.decision_log import DecisionLog
from router_extproc.request import Message, Part, PartKind, Request, Role
from router_extproc.routing import Decision, Observation, Outcome, Reason, Verdict
from router_extproc.sessions.identity import Source
from router_extproc.sessions.note import Move, Reroute, SessionNote, Spent
from router_extproc.sessions.stall import Stall

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.router import Router

PROTO = Path(__file__).parents[2] / "proto"
FILE = "router_extproc/v1/decision_log.proto"


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The messages of the file, compiled."""
    target = tmp_path_factory.mktemp("proto") / "all.pb"
    assert protoc.main(["protoc", f"-I{PROTO}", f"--descriptor_set_out={target}", FILE]) == 0
    pool = descriptor_pool.DescriptorPool()
    for each in descriptor_pb2.FileDescriptorSet.FromString(target.read_bytes()).file:
        pool.Add(each)
    names = ("Decision", "Observation", "Answer", "Learned")
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"router_extproc.v1.{name}")) for name in names}


class Kept(io.BytesIO):
    """A stream whose content can be read after it was closed."""

    def close(self) -> None:
        """Nothing."""


def formal(line: dict[str, Any]) -> dict[str, Any]:
    """A line with its signals as the message has them."""

    def fact(value: Any) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        return {"label": value} if isinstance(value, str) else {"value": value}

    if "signals" not in line:
        return line
    return {**line, "signals": {name: fact(value) for name, value in line["signals"].items()}}


class TestDecisionLog:
    @pytest.mark.parametrize("text", ["Why this traceback?", "hunter2", "hello"])
    @pytest.mark.parametrize("model", ["auto", "big", "gpt-9"])
    def test_decisions_have_the_published_form(
        self, messages: dict[str, Any], router: Router, chat: Callable[..., bytes], text: str, model: str
    ) -> None:
        """Every field is known, and has its type."""
        stream = Kept()
        log = DecisionLog(stream)
        outcome = decide(router, path="/v1/chat/completions", headers={}, body=chat(text, model=model))
        request = Request("openai_chat", model, (Message(Role.USER, (Part(PartKind.TEXT, text),)),), stream=True)
        log.routed(RouteDetails(outcome, request, "openai_chat", "buffered", 100, 0.5, request_id="r"))
        log.close()

        line = json.loads(stream.getvalue())
        parsed = json_format.ParseDict(formal(line), messages["Decision"]())

        assert (parsed.event, parsed.id, parsed.requested_model, parsed.stream) == ("decision", outcome.id, model, True)
        assert text not in stream.getvalue().decode()

    def test_limits_and_proofs_have_the_published_form(self, messages: dict[str, Any], router: Router) -> None:
        """What was refused and why."""
        stream = Kept()
        log = DecisionLog(stream)
        outcome = decide(router, path="/v1/chat/completions", headers={}, body=b"{")
        for after in (7, None):
            limited = replace(outcome, limited=Limited("it", "tokens", after))
            log.routed(RouteDetails(limited, None, "openai_chat", "buffered", 1, 0.5, unproven="peers"))
        log.close()

        lines = [json.loads(line) for line in stream.getvalue().splitlines()]
        first, second = (json_format.ParseDict(formal(line), messages["Decision"]()) for line in lines)

        assert (first.limited, first.retry_after_s, first.unproven) == ("tokens", 7, "peers")
        assert "retry_after_s" not in lines[1]
        assert second.limited == "tokens"

    def test_sessions_have_the_published_form(self, messages: dict[str, Any]) -> None:
        """All fields at once, and the pools that were left."""
        stream = Kept()
        log = DecisionLog(stream)
        stall, budget = Stall(3, 1, 0), Spent.OK
        note = SessionNote(
            "ab12", Source.HEADER, 7, Move.SWITCHED, "small", "worth it", 0.5, 0.1, 900, 2.5, stall, budget, usd=0.25, tokens=12
        )
        reroutes = (Reroute("small", "circuit_open", "large"),)
        outcome = Outcome("id-4", Verdict.ROUTE, Decision("a", Reason.RULE), session=note, reroutes=reroutes)
        log.routed(RouteDetails(outcome, None, "openai_chat", "buffered", 100, 0.5))
        log.close()

        parsed = json_format.ParseDict(json.loads(stream.getvalue()), messages["Decision"]())
        told = parsed.session
        assert (told.key, told.by, told.turn, told.move, told.why) == ("ab12", "header", 7, "switched", "worth it")
        assert (told.gain_usd, told.loss_usd, told.cached_tokens, told.idle_s) == (0.5, 0.1, 900, 2.5)
        assert (told.before, told.stall.calls, told.budget, told.spent_usd, told.spent_tokens) == ("small", 3, "ok", 0.25, 12)
        assert [(each.pool, each.why, each.to) for each in parsed.reroutes] == [("small", "circuit_open", "large")]

    def test_feedback_has_the_published_form(self, messages: dict[str, Any]) -> None:
        """All fields at once."""
        stream = Kept()
        log = DecisionLog(stream)
        log.learned(
            Event("told", "score", 1.0, 0.0, (Piece("id-1", Lesson("default", 0, 0.0, "small/m", b"12345678", 0.5), 0.25),))
        )
        log.close()

        parsed = json_format.ParseDict(json.loads(stream.getvalue()), messages["Learned"]())

        assert (parsed.id, parsed.kind, parsed.reward, parsed.weight) == ("id-1", "score", 0.25, 1.0)

    def test_observations_have_the_published_form(self, messages: dict[str, Any]) -> None:
        """All fields at once."""
        stream = Kept()
        log = DecisionLog(stream)
        log.observed(Observation("id-1", "small", "m", 200, 1, 2, 3, 0.1, 0.5, 40.0, 0.001, "stop", complete=True))
        log.close()

        parsed = json_format.ParseDict(json.loads(stream.getvalue()), messages["Observation"]())

        assert (parsed.id, parsed.output_tokens, parsed.complete) == ("id-1", 2, True)

    def test_answers_have_the_published_form(self, messages: dict[str, Any]) -> None:
        """Also private data of a decision; values are nowhere."""
        stream = Kept()
        log = DecisionLog(stream, sample=0.0)
        log.answered(AnswerDetails("id-1", "small", {"IBAN": 2}, "changed"))
        log.answered(AnswerDetails("id-2", "small", {}, "passed"))
        private = {"EMAIL": PrivateAction.RESTORE}
        outcome = Outcome("id-3", Verdict.ANSWER, Decision("a", Reason.RULE_ANSWER), private=private)
        log.routed(
            RouteDetails(
                outcome, None, "openai_chat", "buffered", 100, 0.5, masked={"EMAIL": 3}, cache=CacheDetails("hit", "exact", 3.5)
            )
        )
        log.close()

        first, second = map(json.loads, stream.getvalue().splitlines())
        answer = json_format.ParseDict(first, messages["Answer"]())
        decision = json_format.ParseDict(second, messages["Decision"]())
        assert (answer.id, answer.result, dict(answer.found)) == ("id-1", "changed", {"IBAN": 2})
        assert (decision.cache.status, decision.cache.how, decision.cache.age_s) == ("hit", "exact", 3.5)
        assert (dict(decision.private), dict(decision.masked)) == ({"EMAIL": "restore"}, {"EMAIL": 3})
