"""Decision log: one line for each decision, written without the event loop's waiting, and never the prompt."""

from __future__ import annotations

import io
import json
import os
import re
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.hooks import ReloadDetails, RouteDetails
from router_extproc.learning.event import Event, Part
from router_extproc.learning.lesson import Lesson
from router_extproc.observability import decision_log as module
from router_extproc.observability.decision_log import DecisionLog, opened
from router_extproc.routing import Decision, Observation, Reason, Signal, Unknown, UnknownReason

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Handled = Callable[..., RouteDetails]
    Chat = Callable[..., bytes]


class Kept(io.BytesIO):
    """A stream whose content outlives it."""

    kept = b""

    def close(self) -> None:
        """Keep what was written."""
        self.kept = self.kept or self.getvalue()
        super().close()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What was written, line by line."""
        return [json.loads(line) for line in self.kept.splitlines()]


class Stuck(Kept):
    """A pipe that nobody reads until `goes_on` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = threading.Event()
        self.goes_on = threading.Event()

    def write(self, data: Any) -> int:
        """Wait first."""
        self.waits.set()
        self.goes_on.wait()
        return super().write(data)


class Full(Kept):
    """A disk without room for as many writes."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = failures

    def write(self, data: Any) -> int:
        """Fail first."""
        if self.failures:
            self.failures -= 1
            raise OSError(28, "No space left on device")
        return super().write(data)


class Slow(Kept):
    """Takes three bytes at a time."""

    def write(self, data: Any) -> int:
        """Take the beginning."""
        return super().write(data[:3])


def logged(*details: RouteDetails | Observation, sample: float = 1.0) -> list[dict[str, Any]]:
    """The lines written about these."""
    stream = Kept()
    log = DecisionLog(stream, sample=sample)
    for one in details:
        log.observed(one) if isinstance(one, Observation) else log.routed(one)
    log.close()
    return stream.lines


def numbered(details: RouteDetails, count: int) -> list[RouteDetails]:
    """As many, each with its own id."""
    return [replace(details, outcome=replace(details.outcome, id=f"3f2a-{number:x}")) for number in range(count)]


class TestDecision:
    def test_a_routed_request(self, handled: Handled, chat: Chat) -> None:
        """What was asked, what was decided and what it cost."""
        details = handled(chat("a traceback", stream=True), request_id="r-1", added_ms=0.21234)
        (line,) = logged(details)

        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
        assert line.pop("route_us") > 0
        assert line.pop("selector") == details.outcome.selection.selector  # type: ignore[union-attr]  # it was routed
        assert line == {
            "event": "decision",
            "id": details.outcome.id,
            "request_id": "r-1",
            "api": "openai_chat",
            "verdict": "route",
            "decision": "code",
            "reason": "rule",
            "policy": details.outcome.policy,
            "body_bytes": details.body_bytes,
            "added_ms": 0.212,
            "requested_model": "auto",
            "stream": True,
            "pool": "large",
            "model": "qwen-large",
            "propensity": 1.0,
            "signals": {"secret": 0.0, "topic": "", "code_words": 1.0},
        }

    def test_what_a_policy_would_need_to_decide_it_again(self, handled: Handled, chat: Chat) -> None:
        """What the request asks of a model, every candidate's score, and how sure signals are."""
        details = handled(chat("hello", max_tokens=7, tools=[{"type": "function", "function": {"name": "f"}}]))
        outcome = details.outcome
        assert outcome.selection is not None
        selection = replace(outcome.selection, scores={"small": 0.25, "large": 0.75}, propensity=0.3)
        signals = {"domain": Signal("domain", 0.61, label="math", coverage=0.5), "user": Signal("user", 1.0, label="u")}
        (line,) = logged(replace(details, outcome=replace(outcome, selection=selection, signals=signals)))

        assert (line["max_output_tokens"], line["tools"], "modalities" in line) == (7, 1, False)
        assert (line["scores"], line["propensity"]) == ({"small": 0.25, "large": 0.75}, 0.3)
        assert (line["confidence"], line["coverage"]) == ({"domain": 0.61}, {"domain": 0.5})

    def test_feedback(self) -> None:
        """Of decisions in the sample, each of a pair by itself."""
        stream = Kept()
        log = DecisionLog(stream)
        lesson = Lesson("default", 0, 0.0, "small/m", b"12345678", 0.5)
        log.learned(Event("pair:a:b", "pair", 0.5, 0.0, (Part("a", lesson, 1.0), Part("b", lesson, 0.0))))
        log.close()

        told = [{key: line[key] for key in ("event", "id", "kind", "reward", "weight")} for line in stream.lines]
        same = {"event": "feedback", "kind": "pair", "weight": 0.5}
        assert told == [{**same, "id": "a", "reward": 1.0}, {**same, "id": "b", "reward": 0.0}]

    def test_a_rejected_request(self, handled: Handled, chat: Chat) -> None:
        """Its status, and no pool."""
        (line,) = logged(handled(chat("hunter2")))

        assert (line["verdict"], line["decision"], line["status"]) == ("reject", "no-secrets", 403)
        assert "pool" not in line

    def test_a_request_that_was_not_read(self, handled: Handled) -> None:
        """There is no model and no signal to tell."""
        (line,) = logged(handled(b"{"))

        assert (line["reason"], line["status"]) == ("malformed_json", 400)
        assert not {"requested_model", "stream", "signals"} & set(line)

    def test_recipe_and_unknown_signals(self, handled: Handled, chat: Chat) -> None:
        """Only where there are any."""
        details = handled(chat())
        decision = Decision("default", Reason.DEFAULT, recipe="cheap", unknown=("topic",))
        (line,) = logged(replace(details, outcome=replace(details.outcome, decision=decision)))

        assert (line["recipe"], line["unknown"]) == ("cheap", ["topic"])

    @pytest.mark.parametrize(
        ("result", "fact"),
        [
            pytest.param(Signal("s", 0.123456), 0.1235, id="score"),
            pytest.param(Signal("s", 1.0, measure=812.0), 812.0, id="number"),
            pytest.param(Signal("s", 0.9, label="de"), "de", id="label"),
            pytest.param(Signal("s", 0.9, label="x" * 500), "x" * 200, id="long label"),
            pytest.param(Unknown("s", UnknownReason.DEADLINE, "detail"), {"unknown": "deadline"}, id="unknown"),
        ],
    )
    def test_a_signal_is_one_fact(self, handled: Handled, chat: Chat, result: Signal | Unknown, fact: object) -> None:
        """Measure, label or value, or why there is none."""
        details = handled(chat())
        (line,) = logged(replace(details, outcome=replace(details.outcome, signals={"s": result})))

        assert line["signals"] == {"s": fact}

    def test_the_prompt_is_not_in_it(self, handled: Handled, chat: Chat) -> None:
        """Nothing that a caller wrote but the model's name, and the request's id."""
        words = [f"canary{number}" for number in range(8)]
        tools = [{"type": "function", "function": {"name": words[3], "description": words[4]}}]
        body = chat(words[0], model=words[1], user=words[2], tools=tools, metadata={words[5]: words[6]}, stop=words[7])
        text = json.dumps(logged(handled(body), handled(b'{"model": "canary9')))

        assert [word for word in words if word in text] == [words[1]]
        assert "canary9" not in text

    def test_long_words_of_callers_are_cut(self, handled: Handled, chat: Chat) -> None:
        """A line's length is not theirs to choose."""
        (line,) = logged(handled(chat(model="m" * 10_000), request_id="r" * 10_000))

        assert (len(line["requested_model"]), len(line["request_id"])) == (200, 200)


class TestObservation:
    def test_tells_what_is_known(self) -> None:
        """Unknown figures are left out; the id joins it with its decision."""
        (line,) = logged(Observation("3f2a-1", "small", "m", 200, input_tokens=10, output_tokens=0, cost_usd=0.5))

        del line["time"]
        assert line == {
            "event": "observation",
            "id": "3f2a-1",
            "pool": "small",
            "model": "m",
            "status": 200,
            "input_tokens": 10,
            "output_tokens": 0,
            "cost_usd": 0.5,
            "complete": True,
        }


class TestSample:
    def test_a_share_of_routed_requests(self, handled: Handled, chat: Chat) -> None:
        """About as many as asked for."""
        lines = logged(*numbered(handled(chat()), 4000), sample=0.25)

        assert 800 < len(lines) < 1200

    @pytest.mark.parametrize(("sample", "count"), [pytest.param(0.0, 0, id="none"), pytest.param(1.0, 100, id="all")])
    def test_none_and_all(self, handled: Handled, chat: Chat, sample: float, count: int) -> None:
        """The ends are exact."""
        assert len(logged(*numbered(handled(chat()), 100), sample=sample)) == count

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param({"text": "hunter2"}, id="rejected"),
            pytest.param({"topic": "hello"}, id="answered"),
        ],
    )
    def test_all_others_are_written(self, handled: Handled, chat: Chat, body: dict[str, str]) -> None:
        """What did not reach a model is never left out."""
        assert len(logged(*numbered(handled(chat(**body)), 50), sample=0.0)) == 50

    def test_a_response_is_written_with_its_decision(self, handled: Handled, chat: Chat) -> None:
        """Both or neither, so that they can be joined."""
        details = numbered(handled(chat()), 200)
        seen = [Observation(one.outcome.id, "small", "m", 200) for one in details]
        lines = logged(*details, *seen, sample=0.5)

        ids = {event: {line["id"] for line in lines if line["event"] == event} for event in ("decision", "observation")}
        assert ids["decision"] == ids["observation"]
        assert 0 < len(ids["decision"]) < 200


class TestWriter:
    def test_nobody_waits_for_a_stuck_reader(self, handled: Handled, chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
        """Lines that find no room are dropped and counted; the others come when the reader goes on."""
        monkeypatch.setattr(module, "_QUEUED", 10)
        stream = Stuck()
        log = DecisionLog(stream)
        details = handled(chat())
        log.routed(details)
        stream.waits.wait()
        for _ in range(15):
            log.routed(details)
        dropped = log.dropped
        stream.goes_on.set()
        log.close()

        assert dropped == log.dropped == 5
        assert len(stream.lines) == 11

    def test_closing_gives_up_on_a_stuck_reader(self, handled: Handled, chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
        """The end of the program does not hang on a full pipe."""
        monkeypatch.setattr(module, "_QUEUED", 1)
        monkeypatch.setattr(module, "_CLOSE_S", 0.05)
        stream = Stuck()
        log = DecisionLog(stream)
        log.routed(handled(chat()))
        stream.waits.wait()
        log.routed(handled(chat()))
        log.close()

        assert stream.kept == b""
        stream.goes_on.set()

    def test_a_full_disk_drops_lines_and_goes_on(self, handled: Handled, chat: Chat) -> None:
        """When there is room again, lines are written again."""
        stream = Full(failures=1)
        log = DecisionLog(stream)
        log.routed(handled(chat()))
        while not log.dropped:
            time.sleep(0.001)
        log.routed(handled(chat()))
        log.close()

        assert log.dropped == 1
        assert len(stream.lines) == 1

    def test_a_stream_that_takes_little_gets_all(self, handled: Handled, chat: Chat) -> None:
        """Lines stay whole."""
        stream = Slow()
        log = DecisionLog(stream)
        for one in numbered(handled(chat()), 5):
            log.routed(one)
        log.close()

        assert [line["id"] for line in stream.lines] == [f"3f2a-{number:x}" for number in range(5)]

    def test_order_is_kept(self, handled: Handled, chat: Chat) -> None:
        """Over many batches."""
        lines = logged(*numbered(handled(chat()), 1000))

        assert [line["id"] for line in lines] == [f"3f2a-{number:x}" for number in range(1000)]

    def test_loads_of_policies_are_not_decisions(self) -> None:
        """They are in the program's own log."""
        stream = Kept()
        log = DecisionLog(stream)
        log.reloaded(ReloadDetails(ok=True, version="a", source="p", trigger="start"))
        log.close()

        assert stream.lines == []


class TestOpened:
    def test_a_file_is_added_to(self, tmp_path: Path, handled: Handled, chat: Chat) -> None:
        """What it held stays, and lines are there as soon as they are written."""
        file = tmp_path / "decisions.log"
        file.write_text("before\n")
        stream = opened(str(file))
        assert stream is not None
        log = DecisionLog(stream)
        log.routed(handled(chat()))
        log.close()

        first, second = file.read_text().splitlines()
        assert first == "before"
        assert json.loads(second)["event"] == "decision"

    @pytest.mark.parametrize("target", ["stdout", "stderr"])
    def test_standard_streams(self, capfd: pytest.CaptureFixture[str], handled: Handled, chat: Chat, target: str) -> None:
        """They are not closed with the log."""
        stream = opened(target)
        assert stream is not None
        log = DecisionLog(stream)
        log.routed(handled(chat()))
        log.close()
        os.write(1 if target == "stdout" else 2, b"after\n")

        written = getattr(capfd.readouterr(), target[3:]).splitlines()
        assert json.loads(written[0])["event"] == "decision"
        assert written[1:] == ["after"]

    def test_off(self) -> None:
        """No log at all."""
        assert opened("off") is None

    def test_a_path_that_cannot_be_written(self, tmp_path: Path) -> None:
        """Is told at the start."""
        with pytest.raises(FileNotFoundError):
            opened(str(tmp_path / "absent" / "decisions.log"))
