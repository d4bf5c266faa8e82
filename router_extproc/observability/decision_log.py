"""Decision log: one JSON line for each decision. The prompt is never in it."""

from __future__ import annotations

import queue
import random
import sys
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec

from router_extproc.routing import Signal, Verdict

if TYPE_CHECKING:
    from router_extproc.hooks import ReloadDetails, RouteDetails
    from router_extproc.routing import Observation, SignalResult

_QUEUED = 10_000
"""Lines that wait to be written; when the disk or the pipe is slower than the requests, later ones are dropped and counted."""
_MAX_TEXT = 200


class DecisionLog:
    """Writes decisions and observations as JSON lines; a hook. The event loop never waits for the writing."""

    def __init__(self, stream: IO[bytes], *, sample: float = 1.0, source: random.Random | None = None) -> None:
        self._stream = stream
        self._sample = sample
        """Share of routed and passed requests that are written, in [0, 1]. All others always are."""
        self._source = source or random.Random()  # noqa: S311 - a sample, not a secret
        self._lines: queue.Queue[bytes | None] = queue.Queue(_QUEUED)
        self.dropped = 0
        self._writer = threading.Thread(target=self._write, name="decision-log", daemon=True)
        self._writer.start()

    def routed(self, details: RouteDetails) -> None:
        """Write a decision, if it is in the sample."""
        outcome = details.outcome
        plain = outcome.verdict in {Verdict.ROUTE, Verdict.PASS}
        if plain and self._sample < 1.0 and self._source.random() >= self._sample:
            return
        self._put(_decision(details))

    def observed(self, seen: Observation) -> None:
        """Write what a response showed; the id is the decision's."""
        figures = {name: getattr(seen, name) for name in _FIGURES if getattr(seen, name) not in {None, ""}}
        self._put({"time": _now(), "event": "observation", "id": seen.outcome_id, **figures})

    def reloaded(self, details: ReloadDetails) -> None:
        """Nothing: loads of policies are in the program's log."""

    def close(self) -> None:
        """Write what waits, and stop."""
        self._lines.put(None)
        self._writer.join(timeout=5)

    def _put(self, line: dict[str, Any]) -> None:
        try:
            self._lines.put_nowait(msgspec.json.encode(line) + b"\n")
        except queue.Full:
            self.dropped += 1

    def _write(self) -> None:
        while True:
            line = self._lines.get()
            if line is None:
                break
            try:
                self._stream.write(line)
                if self._lines.empty():
                    self._stream.flush()
            except (OSError, ValueError):
                self.dropped += 1


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
    """The stream for `stdout`, `stderr`, `off` or a file's path. Raises OSError."""
    streams = {"stdout": sys.stdout.buffer, "stderr": sys.stderr.buffer, "off": None}
    return streams[target] if target in streams else Path(target).open("ab")


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
        line |= {"requested_model": request.model[:_MAX_TEXT], "stream": request.stream}
    if selection is not None:
        line |= {"pool": selection.pool.name, "model": selection.model, "selector": selection.selector}
    if outcome.verdict is Verdict.REJECT:
        line["status"] = outcome.status
    if outcome.signals:
        line["signals"] = {name: _fact(result) for name, result in outcome.signals.items()}
    return line


def _fact(result: SignalResult) -> float | str | dict[str, str]:
    if not isinstance(result, Signal):
        return {"unknown": result.reason.value}
    if result.label is not None:
        return result.label[:_MAX_TEXT]
    return round(result.value if result.measure is None else result.measure, 4)
