"""Decision log: one JSON line for each decision. The prompt is never in it."""

from __future__ import annotations

import queue
import sys
import threading
import time
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec

from router_extproc.routing import Signal, Verdict
from router_extproc.selectors.filters import needed
from router_extproc.sessions.telling import told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router_extproc.hooks import AnswerDetails, ReloadDetails, RouteDetails
    from router_extproc.learning.event import Event
    from router_extproc.request import Request
    from router_extproc.routing import Observation, Selection, SignalResult

_QUEUED = 10_000
"""Lines that wait to be written; when the disk or the pipe is slower than the requests, later ones are dropped and counted."""
_BATCH = 200
"""Lines that are written at once, at most."""
_CLOSE_S = 5.0
_MAX_TEXT = 200


class DecisionLog:
    """Writes decisions and observations as JSON lines; a hook. The event loop never waits for the writing."""

    def __init__(self, stream: IO[bytes], *, sample: float = 1.0) -> None:
        self._stream = stream
        """Closed with the log."""
        self._sample = sample
        """Share of routed and passed requests that are written, in [0, 1]. All others always are."""
        self._lines: queue.Queue[bytes | None] = queue.Queue(_QUEUED)
        self._refused = 0
        """Lines that found the queue full: counted by the event loop."""
        self._failed = 0
        """Lines that could not be written: counted by the writer."""
        self._writer = threading.Thread(target=self._write, name="decision-log", daemon=True)
        self._writer.start()

    @property
    def dropped(self) -> int:
        """Lines that were lost."""
        return self._refused + self._failed

    def routed(self, details: RouteDetails) -> None:
        """Write a decision, if it is in the sample."""
        outcome = details.outcome
        if outcome.verdict not in _SAMPLED or self._is_sampled(outcome.id):
            self._put(_decision(details))

    def observed(self, seen: Observation) -> None:
        """Write what a response showed, if its decision was written; the id is the decision's."""
        if self._is_sampled(seen.outcome_id):
            figures = {name: getattr(seen, name) for name in _FIGURES if getattr(seen, name) not in {None, ""}}
            self._put({"time": _now(), "event": "observation", "id": seen.outcome_id, **figures})

    def answered(self, details: AnswerDetails) -> None:
        """Write what a guard made of a response, if it did or found anything: never sampled, as rejections are not."""
        if details.found or details.unsupported or details.result not in {"passed", "changed"}:
            found: dict[str, Any] = {"found": details.found} if details.found else {}
            found |= {"sentences": details.sentences, "unsupported": details.unsupported} if details.sentences else {}
            self._put(
                {
                    "time": _now(),
                    "event": "answer",
                    "id": details.outcome_id,
                    "pool": details.pool,
                    "result": details.result,
                    **found,
                }
            )

    def learned(self, event: Event) -> None:
        """Write what was learned of decisions that were written; the id is the decision's."""
        for part in event.parts:
            if self._is_sampled(part.id):
                facts = {"kind": event.kind, "reward": round(part.reward, 6), "weight": event.weight}
                self._put({"time": _now(), "event": "feedback", "id": part.id, **facts})

    def _is_sampled(self, identity: str) -> bool:
        # By the id, so that a decision and its observation are both written or neither is.
        return self._sample >= 1.0 or zlib.crc32(identity.encode()) < self._sample * 2**32

    def reloaded(self, details: ReloadDetails) -> None:
        """Nothing: loads of policies are in the program's log."""

    def close(self) -> None:
        """Write what waits, and stop. Gives up after some seconds if nobody reads what is written."""
        try:
            self._lines.put(None, timeout=_CLOSE_S)
        except queue.Full:
            return
        self._writer.join(timeout=_CLOSE_S)

    def _put(self, line: dict[str, Any]) -> None:
        try:
            self._lines.put_nowait(msgspec.json.encode(line) + b"\n")
        except queue.Full:
            self._refused += 1

    def _write(self) -> None:
        with self._stream:
            while True:
                lines = self._gathered()
                whole = [line for line in lines if line is not None]
                try:
                    _write_all(self._stream, b"".join(whole))
                except (OSError, ValueError):
                    self._failed += len(whole)
                if len(whole) < len(lines):
                    return

    def _gathered(self) -> list[bytes | None]:
        """What waits, at least one line; None, the end, comes last."""
        lines = [self._lines.get()]
        while len(lines) < _BATCH and lines[-1] is not None:
            try:
                lines.append(self._lines.get_nowait())
            except queue.Empty:
                break
        return lines


def _write_all(stream: IO[bytes], data: bytes) -> None:
    """Write all of it: a stream without a buffer may take less at a time."""
    while data:
        written = stream.write(data)
        if not written:
            raise OSError("the stream takes nothing")
        data = data[written:]


_SAMPLED = frozenset({Verdict.ROUTE, Verdict.PASS})
_FIGURES = (
    "pool",
    "model",
    "status",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "time_to_first_token_s",
    "duration_s",
    "tokens_per_second",
    "cost_usd",
    "finish_reason",
    "complete",
)


def opened(target: str) -> IO[bytes] | None:
    """The stream for `stdout`, `stderr`, `off` or a file's path. Raises OSError.

    It has no buffer: a line that is written is there, and at the end of the process nothing waits for a reader that is stuck.
    """
    if target == "off":
        return None
    standard = {"stdout": sys.stdout, "stderr": sys.stderr}.get(target)
    if standard is None:
        return Path(target).open("ab", buffering=0)
    return open(standard.fileno(), "wb", buffering=0, closefd=False)


def _now() -> str:
    now = time.time()
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now))}.{int(now * 1000) % 1000:03d}Z"


def _decision(details: RouteDetails) -> dict[str, Any]:
    outcome, request = details.outcome, details.request
    decision, selection = outcome.decision, outcome.selection
    line: dict[str, Any] = {
        "time": _now(),
        "event": "decision",
        "id": outcome.id,
        "request_id": details.request_id[:_MAX_TEXT],
        "api": details.api,
        "verdict": outcome.verdict.value,
        "decision": decision.name,
        "reason": decision.reason.value,
        "policy": outcome.policy,
        "body_bytes": details.body_bytes,
        "added_ms": round(details.added_ms, 3),
        "route_us": round(outcome.route_us, 1),
    }
    if decision.recipe:
        line["recipe"] = decision.recipe
    if decision.unknown:
        line["unknown"] = decision.unknown
    if request is not None:
        line |= {"requested_model": request.model[:_MAX_TEXT], "stream": request.stream, **_needs(request)}
    if selection is not None:
        line |= _selected(selection)
    line |= _handled(details)
    line |= told(outcome)
    line |= _barred(details)
    if outcome.signals:
        line["signals"] = {name: _fact(result) for name, result in outcome.signals.items()}
        line |= _sureness(outcome.signals)
    return line


def _needs(request: Request) -> dict[str, Any]:
    """What a model must be able to do to serve the request: so much of it decides which candidates can."""
    told: dict[str, Any] = {}
    if request.max_output_tokens is not None:
        told["max_output_tokens"] = request.max_output_tokens
    if request.tools:
        told["tools"] = len(request.tools)
    modalities = needed(request)
    return {**told, "modalities": sorted(modalities)} if modalities else told


def _sureness(signals: Mapping[str, SignalResult]) -> dict[str, Any]:
    """How sure labels are where they are not certain, and how much of the text was looked at where it was not all."""
    known = [(name, result) for name, result in signals.items() if isinstance(result, Signal)]
    sure = {name: round(result.value, 4) for name, result in known if result.label is not None and 0 < result.value < 1}
    part = {name: round(result.coverage, 4) for name, result in known if result.coverage < 1}
    return {**({"confidence": sure} if sure else {}), **({"coverage": part} if part else {})}


def _selected(selection: Selection) -> dict[str, Any]:
    told: dict[str, Any] = {"pool": selection.pool.name, "model": selection.model, "selector": selection.selector}
    if len(selection.scores) > 1:
        told["scores"] = {name: round(score, 4) for name, score in selection.scores.items()}
    if selection.quality:
        told["quality"] = {name: round(chance, 4) for name, chance in selection.quality.items()}
    if selection.filtered:
        told["filtered"] = dict(selection.filtered)
    if selection.propensity is not None:
        told["propensity"] = round(selection.propensity, 6)
    if selection.shadows:
        told["shadows"] = dict(selection.shadows)
    if selection.notes:
        told["notes"] = selection.notes
    return told


def _barred(details: RouteDetails) -> dict[str, Any]:
    """What was kept out: the request, or who it said was calling."""
    told: dict[str, Any] = {"unproven": details.unproven} if details.unproven else {}
    limited = details.outcome.limited
    if limited is not None:
        told["limited"] = limited.amount
        if limited.retry_after_s is not None:
            told["retry_after_s"] = limited.retry_after_s
    return {**told, "status": details.outcome.status} if details.outcome.verdict is Verdict.REJECT else told


def _handled(details: RouteDetails) -> dict[str, Any]:
    """What guards and the response cache did with the request."""
    told: dict[str, Any] = {}
    if details.outcome.private:
        told["private"] = {kind: action.value for kind, action in sorted(details.outcome.private.items())}
    if details.outcome.stripped:
        told["stripped"] = details.outcome.stripped
    if details.masked:
        told["masked"] = details.masked
    if details.cache is not None:
        age = {"age_s": details.cache.age_s} if details.cache.age_s else {}
        told["cache"] = {"status": details.cache.status, "how": details.cache.how, **age}
    return told


def _fact(result: SignalResult) -> float | str | dict[str, str]:
    if not isinstance(result, Signal):
        return {"unknown": result.reason.value}
    if result.label is not None:
        return result.label[:_MAX_TEXT]
    return round(result.value if result.measure is None else result.measure, 4)
