"""Guard costs: what one event of a stream and one kilobyte of a request cost, in this process alone."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from router_extproc.apis.registry import find as find_api
from router_extproc.bench.guard_texts import chat, private_prompt
from router_extproc.bench.load import ranked_share
from router_extproc.guarding import Masks, PrivateAction, ResponseAction, ResponseGuard
from router_extproc.pii.patterns import find
from router_extproc.privacy.answers import Plan, StreamAnswer
from router_extproc.privacy.masking import masked
from router_extproc.privacy.placeholders import Restorer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from router_extproc.apis.api import Api

PIECE = 4
"""Characters of an event: what a token has."""
EVENTS = 1000
HOLD_BACK = 160
SIZES_KB = (2, 16, 128)
_P50, _P99 = 0.5, 0.99
_MASKING_ROUNDS = 5
_RESTORER = Restorer({"[EMAIL_1]": "anna.abel1@post.example.org", "[PHONE_1]": "+49 30 20000061", "[PERSON_1]": "Anna B. Abel"})
_GUARD = ResponseGuard(
    {"API_KEY": ResponseAction.BLOCK, "EMAIL": ResponseAction.MASK, "PHONE": ResponseAction.TAG},
    HOLD_BACK,
    refuse_unreadable=True,
)
_NOTHING = Restorer({})
_PLAIN = "the people of the water house read a story about a month in the city "
_PLACEHOLDERS = "[PERSON_1] wrote from [EMAIL_1] and asks for a call at [PHONE_1]. "
_VALUES = "Anna B. Abel wrote from anna.abel1@post.example.org and asks for a call at +49 30 20000061. "
_WORD = "Aa1Bb2Cc3Dd4"
_PIECE = (
    b'data: {"id":"bench","object":"chat.completion.chunk","created":1,"model":"bench","choices":[{"index":0,"delta":{"content":%b},'
    b'"finish_reason":null}]}\n\n'
)


class Case(NamedTuple):
    """What an answer says, and what is done with it."""

    text: str
    restorer: Restorer
    guard: ResponseGuard | None
    note: str


CASES: Mapping[str, Case] = {
    "pass": Case(_PLAIN, _RESTORER, None, "restoring, where nothing is to be restored"),
    "restore": Case(
        _PLACEHOLDERS + _PLAIN * 3, _RESTORER, None, "restoring a name, an address and a number every 270 characters"
    ),
    "guard": Case(_VALUES + _PLAIN * 3, _NOTHING, _GUARD, f"the answer's guard with {HOLD_BACK} characters held back"),
    "dense": Case(_VALUES, _NOTHING, _GUARD, "the same, where the answer is nothing but private data"),
    "both": Case(
        _PLACEHOLDERS + _PLAIN * 3, _RESTORER, _GUARD, "restoring and the answer's guard, where the model says placeholders"
    ),
    "long_token": Case(_WORD, _NOTHING, _GUARD, "the answer's guard on one word without end, of which 4,096 characters wait"),
}


def event_costs() -> dict[str, dict[str, float]]:
    """Microseconds of each event, by case."""
    api = find_api("POST", "/v1/chat/completions")
    if api is None:  # pragma: no cover - it is one of ours
        raise ValueError("no chat API")
    return {name: _told(_events(api, case)) for name, case in CASES.items()}


def _events(api: Api, case: Case) -> list[float]:
    text = case.text * (EVENTS * PIECE // len(case.text) + 1)
    pieces = [_PIECE % msgspec.json.encode(text[at : at + PIECE]) for at in range(0, EVENTS * PIECE, PIECE)]
    times: list[float] = []
    answer = StreamAnswer(Plan(api, case.restorer, case.guard, stream=True))
    for piece in pieces:
        began = time.thread_time_ns()
        answer.feed(piece, last=False)
        times.append((time.thread_time_ns() - began) / 1e3)
    return times


def _told(times: Sequence[float]) -> dict[str, float]:
    return {
        "p50_us": round(ranked_share(times, _P50), 1),
        "p99_us": round(ranked_share(times, _P99), 1),
        "max_us": round(max(times), 1),
    }


def masking_costs() -> dict[str, dict[str, float]]:
    """Microseconds for each KB of a body, by its size: to find private data by its patterns, and to take it out."""
    return {str(size): _masking(size) for size in SIZES_KB}


def _masking(size_kb: int) -> dict[str, float]:
    finding: list[float] = []
    masking: list[float] = []
    numbers = itertools.count(1)
    for _ in range(_MASKING_ROUNDS):
        text = _text(size_kb * 1000, numbers)
        body = chat(text)
        began = time.thread_time_ns()
        spans = find(text)
        found = time.thread_time_ns()
        masked(body, _masks(text, [(span.start, span.end, span.type) for span in spans]))
        finding.append((found - began) / 1e3 / size_kb)
        masking.append((time.thread_time_ns() - found) / 1e3 / size_kb)
    return {
        "patterns_us_per_kb": round(ranked_share(finding, _P50), 1),
        "masking_us_per_kb": round(ranked_share(masking, _P50), 1),
    }


def _text(size: int, numbers: Iterator[int]) -> str:
    """A text of that many characters or a few more, with private data every 500 that no other text holds."""
    parts: list[str] = []
    while sum(map(len, parts)) < size:
        parts.append(private_prompt(next(numbers), 100).text + " ")
    return "".join(parts)


def _masks(text: str, spans: Sequence[tuple[int, int, str]]) -> Masks:
    return Masks({"EMAIL": PrivateAction.RESTORE, "PHONE": PrivateAction.RESTORE}, {text: spans})
