"""Guards: what each guard costs, on against off: on requests, on each event of a stream, and on the pace of many streams at once."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import uvloop

from router_extproc.apis.usage import decoded
from router_extproc.bench.guard_cells import RequestKey, request_round, request_rows, stream_round, stream_rows
from router_extproc.bench.guard_costs import CASES, event_costs, masking_costs
from router_extproc.bench.guard_report import show
from router_extproc.bench.guard_setups import FLOWS, start_guards
from router_extproc.bench.guard_texts import chat, is_right, private_prompt, private_prompts
from router_extproc.bench.load import request_bytes
from router_extproc.bench.machine import machine
from router_extproc.bench.process_facts import cpu_seconds
from router_extproc.bench.staging import staged
from router_extproc.bench.streams import Cadence, stream_all
from router_extproc.bench.timing import timed, warm
from router_extproc.bench.upstream import EVENTS, INTERVAL
from router_extproc.demo.client import post

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from rich.console import Console

    from router_extproc.bench.guard_cells import Round
    from router_extproc.bench.guard_setups import GuardStage
    from router_extproc.bench.setups import Setup

SIZES = (64, 500)
"""Tokens of the prompts."""
STREAMS = 64
INTERVAL_MS = 20.0
_STREAM_TOKENS = 64
_PER_SECOND = 100
"""Events of a stream for each second of a measurement's duration: at their pace they take twice as long."""
_FEWEST = 10
_PATH = "/v1/chat/completions"
_OK = 200
_FAILED = 1

NOTES = {
    "none": "no ext_proc",
    "rules": "20 rules over 8 signals, no guard",
    "observe": "the same, and responses are read in passing",
    "signal": "a first rule, which never holds, asks for the pii signal",
    "mask": "action.pii masks EMAIL, PHONE and PERSON",
    "restore": "action.pii masks them and puts them back into the answer",
    "strip": "action.strip judges the user's text, and lets it be",
    "response": "action.response blocks API_KEY, masks EMAIL and tags PHONE in the answer",
    "all": "restore, strip and response together",
}


class GuardBench:
    """Measurements of one run."""

    def __init__(
        self, *, connections: Sequence[int], duration: float, rounds: int, sizes: Sequence[int] = SIZES, streams: int = STREAMS
    ) -> None:
        self._duration = duration
        self._rounds = rounds
        self._streams = streams
        self._events = max(_FEWEST, round(duration * _PER_SECOND))
        self._numbers = itertools.count(1)
        """Of prompts: none is sent twice."""
        self.requests: dict[RequestKey, list[Round]] = {
            RequestKey(name, tokens, level): [] for tokens in sizes for level in connections for name in FLOWS
        }
        self.cadences: dict[str, list[Round]] = {name: [] for name in FLOWS}
        self.failures = 0
        self.wrong = 0
        """Answers that were not what the guard should have made of them."""

    @property
    def steps(self) -> int:
        """Measurements to come."""
        return (len(self.requests) + len(self.cadences)) * self._rounds

    def work(self, stage: GuardStage, tick: Callable[[], None]) -> None:
        """Measure everything; the set-ups take turns."""
        for _ in range(self._rounds):
            for key, rounds in self.requests.items():
                rounds.append(self._request_round(stage.setup(key.setup), key))
                tick()
            for name, rounds in self.cadences.items():
                rounds.append(self._stream_round(stage.setup(name)))
                tick()

    def _request_round(self, setup: Setup, key: RequestKey) -> Round:
        self._check(setup, key.prompt_tokens)
        prompts = private_prompts(self._numbers, key.prompt_tokens)
        requests = (request_bytes(chat(prompt.text), headers=setup.headers) for prompt in prompts)
        warm(setup, requests, key.connections, self._duration)
        measured, cpu_s = timed(setup, requests, key.connections, self._duration)
        self.failures += measured.failures
        return request_round(measured, cpu_s)

    def _check(self, setup: Setup, tokens: int) -> None:
        """One answer is read: the load generator looks at no more than the status."""
        prompt = private_prompt(next(self._numbers), tokens)
        name, _, value = setup.headers.strip().partition(": ")
        answer = post(f"http://127.0.0.1:{setup.port}", _PATH, chat(prompt.text), {name: value} if name else {})
        choices = decoded(answer.body).get("choices") if answer.status == _OK else None
        if not choices:
            self.failures += 1
        elif not is_right(setup.name, prompt, choices[0]["message"]["content"]):
            self.wrong += 1

    def _stream_round(self, setup: Setup) -> Round:
        prompts = list(itertools.islice(private_prompts(self._numbers, _STREAM_TOKENS), self._streams))
        headers = f"{setup.headers}{EVENTS}: {self._events}\r\n{INTERVAL}: {INTERVAL_MS}\r\n"
        requests = [request_bytes(chat(prompt.text, stream=True), headers=headers) for prompt in prompts]
        pid = setup.server.process.pid if setup.server else 0
        before: list[float] = []

        def begun() -> None:
            before.append(cpu_seconds(pid) if pid else 0.0)

        seconds = self._events * INTERVAL_MS / 1e3
        run = uvloop.run(stream_all(setup.port, requests, spread_s=INTERVAL_MS / 1e3, seconds=seconds, begun=begun))
        cpu_s = cpu_seconds(pid) - before[0] if pid and before else 0.0
        cadence = Cadence()
        for prompt, streamed in zip(prompts, run.streams, strict=True):
            events = streamed.events()
            if sum(event.sent > 0 for event in events) != self._events:
                self.failures += 1
                continue
            self.wrong += not is_right(setup.name, prompt, "".join(event.text for event in events))
            cadence.add(streamed.sent, events, run.begun_at)
        return stream_round(cadence, cpu_s, INTERVAL_MS)

    def report(self) -> dict[str, Any]:
        """All figures; those of events and kilobytes are measured now."""
        return {
            "setups": NOTES,
            "requests": list(request_rows(self.requests)),
            "streams": {
                "at_once": self._streams,
                "events": self._events,
                "interval_ms": INTERVAL_MS,
                "runs": list(stream_rows(self.cadences)),
            },
            "event_costs": {name: {"note": CASES[name].note, **costs} for name, costs in event_costs().items()},
            "masking_costs": masking_costs(),
            "rounds": self._rounds,
            "failures": self.failures,
            "wrong": self.wrong,
            **machine(),
        }


def run_guards(*, bench: GuardBench, as_json: bool, models: Path | None, console: Console, progress: Console) -> int:
    """Measure and report; 1 if a request failed or an answer was wrong, 4 if something could not be started."""
    code = staged(
        lambda processes, directory: start_guards(processes, directory, models), bench.work, steps=bench.steps, console=progress
    )
    if code:
        return code
    result = bench.report()
    if as_json:
        console.print(json.dumps(result), soft_wrap=True)
    else:
        show(result, console)
    return _FAILED if result["failures"] or result["wrong"] else 0
