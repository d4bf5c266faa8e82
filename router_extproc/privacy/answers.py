"""Answers: what a model server's answer becomes on its way to the caller: values restored, private data masked or cut off."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from router_extproc.apis.edits import changed, encode
from router_extproc.apis.leaves import Leaf, Splice, leaves, spliced
from router_extproc.apis.pieces import EVERYTHING, Fragment, Pieces
from router_extproc.apis.usage import decoded
from router_extproc.privacy.frames import framed
from router_extproc.privacy.stages import Findings, Guarding, Restoring

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from router_extproc.apis.api import Api
    from router_extproc.apis.leaves import Path
    from router_extproc.apis.pieces import Channel, Event
    from router_extproc.guarding import ResponseGuard
    from router_extproc.privacy.frames import Frame
    from router_extproc.privacy.placeholders import Restorer
    from router_extproc.privacy.stages import Stage
    from router_extproc.privacy.support import Sources

MAX_BYTES = 4 * 1024 * 1024
"""Of a JSON answer, and of one event: larger ones cannot be looked at."""

_EVENT_END = re.compile(rb"\r?\n\r?\n|\r\r")
_END_BYTES = 3
"""One less than the longest of them."""
_DATA = re.compile(rb"^data:[ ]?([^\r\n]*)", re.MULTILINE)
_HINT = re.compile(rb'\[(?:["A-Z]|\\)|\\u005[bB]')
"""Of a placeholder, or of the beginning of one at the end of a string."""
_CODE = frozenset({"arguments", "partial_json"})
_OWN = frozenset(
    {
        "id", "object", "model", "type", "role", "system_fingerprint", "service_tier", "finish_reason", "stop_reason", "status", "call_id",
        "item_id", "name", "signature", "encrypted_content", "obfuscation", "previous_response_id", "url",
    }
)  # fmt: skip
"""Members of an answer that are the API's own, and no words of the model's."""
_READ = frozenset({"content", "text"})
"""Members of a JSON answer that hold what the caller gets to read."""
_THOUGHTS = frozenset({"reasoning", "thinking"})
_DONE = b"[DONE]"
_FRAMES = 8
"""Made in vain, after which a stream's events are taken to differ from each other."""
TOLD = "router_extproc"
"""Member of a JSON answer, and beginning of a comment in a stream, that tells what a guard found: types and how often."""


Passed = tuple[Leaf, str | None]
"""A text, and what takes its place; None where it stays."""


class UnreadableError(ValueError):
    """An answer that cannot be looked at: too large, or not what its content type says."""


class Plan:
    """What is done with all texts of one answer."""

    def __init__(
        self, api: Api, restorer: Restorer, guard: ResponseGuard | None, *, stream: bool, sources: Sources | None = None
    ) -> None:
        self._counts = not stream
        """A stream tells its texts piece by piece, and some APIs once more as a whole at the end."""
        self.api = api
        self.restorer = restorer
        self.guard = guard
        self.findings = Findings()
        self._sources = sources
        """What the answer's sentences are compared with."""
        self._heard: dict[Channel, list[str]] = {}

    def stages(self, *, code: bool, counts: bool = True) -> list[Stage]:
        """For one text: first what the model says is looked at, then the caller's own values are put in."""
        made: list[Stage] = []
        if self.guard is not None and self.guard.types:
            made.append(Guarding(self.guard, self.findings, code=code, counts=counts))
        if self.restorer:
            made.append(Restoring(self.restorer, code=code))
        return made

    def whole(self, raw: bytes) -> bytes:
        """A JSON document with each of its texts passed."""
        return rewritten(raw, self.passed(raw, {}))

    def passed(self, raw: bytes, known: Mapping[Path, str]) -> list[Passed]:
        """The texts of a JSON document, each with what takes its place; `known` has what is known already."""
        made: list[Passed] = []
        for leaf in leaves(raw):
            text = leaf.text
            new = known.get(leaf.path)
            if new is None:
                new = self._passed(leaf, text)
            made.append((leaf, None if new == text else new))
        return made

    def hear(self, channel: Channel, text: str) -> None:
        """Note what the caller gets to read, for the comparison with the sources."""
        if self._sources is not None and text:
            self._heard.setdefault(channel, []).append(text)

    def told(self) -> dict[str, Any]:
        """What the caller is told at the end; empty if there is nothing to tell."""
        found: dict[str, Any] = {"private_data": self.findings.counts} if self.findings.counts else {}
        if self._sources is not None and self.guard is not None:
            answer = "\n".join("".join(pieces) for pieces in self._heard.values())
            self.findings.grounding = grounding = self._sources.judged(answer, self.guard.min_support)
            found["grounding"] = {
                "sentences": grounding.sentences,
                "unsupported": grounding.unsupported,
                "coverage": round(grounding.coverage, 3),
            }
        return found

    def _passed(self, leaf: Leaf, text: str) -> str:
        code = leaf.path[-1] in _CODE if leaf.path else False
        if leaf.path and leaf.path[-1] in _OWN:
            return self.restorer.restored(text)
        for stage in self.stages(code=code, counts=self._counts):
            text = stage.feed(text, final=True)
        if self._counts and leaf.path[-1] in _READ:
            self.hear(leaf.path, text)
        return text


def rewritten(raw: bytes, passed: Iterable[Passed]) -> bytes:
    """A JSON document with texts replaced."""
    splices = [Splice(leaf.start, leaf.end, encode(new)) for leaf, new in passed if new is not None]
    return spliced(raw, splices) if splices else raw


class JsonAnswer:
    """An answer in one JSON document: held until it is whole."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._held = bytearray()
        self._over = False
        self._tries = 16

    def weight(self, chunk: bytes, *, last: bool) -> int:
        """Bytes that `feed` looks through: none before there may be an end."""
        if self._over or not (last or chunk.rstrip()[-1:] in b"}"):
            return 0
        return len(self._held) + len(chunk)

    def feed(self, chunk: bytes, *, last: bool) -> bytes:
        """What goes on. Raises UnreadableError."""
        if self._over:
            return b""
        self._held += chunk
        if len(self._held) > MAX_BYTES:
            raise UnreadableError
        if not last and not self._is_whole():
            return b""
        self._over = True
        raw = bytes(self._held)
        self._held.clear()
        if not decoded(raw):
            if self._plan.guard is not None:
                raise UnreadableError
            return raw
        made = self._plan.whole(raw)
        if self._plan.findings.blocked:
            made = self._plan.api.cut_json(made)
        told = self._plan.told()
        return changed(made, {TOLD: encode(told)}) if told else made

    def _is_whole(self) -> bool:
        """Where trailers follow, no chunk says that it is the last. Tried a few times only: chunks may end in braces by chance."""
        if self._tries <= 0 or not self._held.rstrip().endswith(b"}"):
            return False
        self._tries -= 1
        return bool(decoded(bytes(self._held)))

    def rest(self) -> bytes:
        """What was held and not looked at."""
        held = bytes(self._held)
        self._held.clear()
        self._over = True
        return held


class StreamAnswer:
    """An answer as server-sent events: each goes on as soon as its texts may."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._held = b""
        self._channels: dict[Channel, list[Stage]] = {}
        self._more: dict[Channel, Fragment] = {}
        self._begun: dict[str, Any] = {}
        self._last: dict[str, Any] = {}
        self._frame: Frame | None = None
        self._framed = 0
        """Frames made since one was of use."""
        self._added = 0
        """Events of our own so far: where events are numbered, later numbers grow by it."""
        self._is_cut = False
        self._commented = False

    def weight(self, chunk: bytes, *, last: bool) -> int:  # noqa: ARG002 - as a JSON answer's
        """Bytes that `feed` looks through."""
        return 0 if self._ends_here() else len(self._held) + len(chunk)

    def feed(self, chunk: bytes, *, last: bool) -> bytes:
        """What goes on. Raises UnreadableError."""
        if self._ends_here():
            return b""
        # What was searched before has no end in it, but for its last bytes: an event may come in many chunks.
        start = max(0, len(self._held) - _END_BYTES)
        self._held += chunk
        passed: list[bytes] = []
        at = 0
        for match in _EVENT_END.finditer(self._held, start):
            passed.append(self._event(self._held[at : match.end()]))
            at = match.end()
            if self._ends_here():
                self._held = b""
                return b"".join(passed)
        self._held = self._held[at:]
        if len(self._held) > MAX_BYTES:
            raise UnreadableError
        if last:
            rest, self._held = self._held, b""
            passed.append(self._event(rest) if rest.strip() else rest)
            passed += self._ended((EVERYTHING,))
            passed.append(self._comment())
        return b"".join(passed)

    def rest(self) -> bytes:
        """What was held and not looked at."""
        held, self._held = self._held, b""
        return held

    def _event(self, raw: bytes) -> bytes:
        if self._plan.guard is None and not self._channels_hold() and not self._added and not _HINT.search(raw):
            return raw
        found = list(_DATA.finditer(raw))
        if not found:
            return raw
        data = b"\n".join(match.group(1) for match in found)
        if data.strip() == _DONE:
            ended = b"".join(self._ended((EVERYTHING,)))
            return ended if self._ends_here() else ended + self._comment() + raw
        place = (found[0].start(1), found[-1].end(1))
        piece = self._frame.piece(data) if self._frame is not None else None
        if self._frame is not None and piece is not None:
            return self._likewise(raw, piece, self._frame, place)
        told = decoded(data)
        if not told:
            if self._plan.guard is not None:
                raise UnreadableError
            return raw
        return self._told(raw, data, told, place)

    def _likewise(self, raw: bytes, piece: str, frame: Frame, place: tuple[int, int]) -> bytes:
        """What becomes of an event that differs from an earlier one in its piece only."""
        self._framed = 0
        self._last = frame.told
        text = self._piece(frame.fragment, piece, final=False)
        if self._blocked():
            return self._cut_off(Pieces((frame.fragment,)), {frame.fragment.path: text})
        return raw if text == piece else raw[: place[0]] + frame.filled(text) + raw[place[1] :]

    def _told(self, raw: bytes, data: bytes, told: dict[str, Any], place: tuple[int, int]) -> bytes:
        self._begun = self._begun or told
        self._last = told
        pieces = self._plan.api.pieces(told)
        texts = self._continued(pieces)
        if self._blocked():
            return self._cut_off(pieces, texts)
        ended = b"".join(self._ended(pieces.closes))
        passed = self._plan.passed(data, texts)
        if self._blocked():
            return ended + self._cut_off(pieces, texts)
        if self._framed < _FRAMES:
            self._frame = framed(data, told, pieces, passed)
            self._framed += 1
        made = self._numbered(rewritten(data, passed), told)
        if len(data.splitlines()) > 1:
            made = made.replace(b"\n", b"\ndata: ")
        return ended + (raw if made == data else raw[: place[0]] + made + raw[place[1] :])

    def _continued(self, pieces: Pieces) -> dict[Path, str]:
        """What an event's pieces of texts become."""
        texts: dict[Path, str] = {}
        for fragment in pieces.fragments:
            value: Any = self._last
            for step in fragment.path:
                value = value[step]
            final = any(_begins(fragment.channel, closed) for closed in pieces.closes)
            texts[fragment.path] = self._piece(fragment, value, final=final)
        return texts

    def _piece(self, fragment: Fragment, piece: str, *, final: bool) -> str:
        """What a piece becomes."""
        stages = self._channels.get(fragment.channel)
        if stages is None:
            stages = self._channels[fragment.channel] = self._plan.stages(code=fragment.code)
        self._more[fragment.channel] = fragment
        text = _through(stages, piece, final=final)
        self._hear(fragment, text)
        return text

    def _hear(self, fragment: Fragment, text: str) -> None:
        if not fragment.code and not _THOUGHTS.intersection(str(fragment.channel[1]).replace(".", "_").split("_")):
            self._plan.hear(fragment.channel, text)

    def _ended(self, closes: Iterable[Channel]) -> list[bytes]:
        """Events with what still waited in channels that end."""
        made: list[bytes] = []
        for channel in [channel for channel in self._channels if any(_begins(channel, closed) for closed in closes)]:
            text = _through(self._channels.pop(channel), "", final=True)
            fragment = self._more.pop(channel)
            self._hear(fragment, text)
            if text:
                made.append(self._own(fragment.more(text)))
            if self._plan.findings.blocked:
                self._channels[channel], self._more[channel] = [], fragment
                made.append(self._cut_off(Pieces(), {}))
                break
        return made

    def _cut_off(self, pieces: Pieces, texts: Mapping[Path, str]) -> bytes:
        """The end of the stream: what went through, then the API's own way to say that the rest is filtered."""
        self._is_cut = True
        made = [self._own(fragment.more(texts[fragment.path])) for fragment in pieces.fragments if texts.get(fragment.path)]
        made += [self._own(event) for event in self._plan.api.cut_events(self._begun, self._last, tuple(self._channels))]
        made.append(self._comment())
        if self._plan.api.marks_end:
            made.append(b"data: [DONE]\n\n")
        return b"".join(made)

    def cut_off(self) -> bytes:
        """End the stream here, as filtered."""
        return b"" if self._ends_here() else self._cut_off(Pieces(), {})

    def _comment(self) -> bytes:
        """What was found, told once."""
        if self._commented:
            return b""
        self._commented = True
        told = self._plan.told()
        return b": " + TOLD.encode() + b" " + encode(told) + b"\n\n" if told else b""

    def _own(self, event: Event) -> bytes:
        kind, told = event
        if "sequence_number" in told:
            told = {**told, "sequence_number": self._number(self._last)}
            self._added += 1
        head = b"event: " + kind.encode() + b"\n" if kind else b""
        return head + b"data: " + encode(told) + b"\n\n"

    def _number(self, told: dict[str, Any]) -> int:
        number = told.get("sequence_number")
        return (number if type(number) is int else 0) + self._added

    def _numbered(self, data: bytes, told: dict[str, Any]) -> bytes:
        if not self._added or type(told.get("sequence_number")) is not int:
            return data
        return re.sub(rb'("sequence_number"\s*:\s*)\d+', rb"\g<1>%d" % self._number(told), data, count=1)

    def _blocked(self) -> bool:
        return bool(self._plan.findings.blocked)

    def _ends_here(self) -> bool:
        """Whether it was cut."""
        return self._is_cut

    def _channels_hold(self) -> bool:
        return any(stage.holds for stages in self._channels.values() for stage in stages)


def _through(stages: Iterable[Stage], text: str, *, final: bool) -> str:
    for stage in stages:
        text = stage.feed(text, final=final)
    return text


def _begins(channel: Channel, beginning: Channel) -> bool:
    return channel[: len(beginning)] == beginning
