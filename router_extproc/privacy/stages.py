"""Stages: what an answer's text passes through piece by piece. What may still turn out to be part of something waits."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import msgspec

from router_extproc.guarding import ResponseAction
from router_extproc.pii.kinds import PiiType
from router_extproc.pii.merging import Places
from router_extproc.pii.patterns import around, find, nested

if TYPE_CHECKING:
    from router_extproc.encoders.scores import Span
    from router_extproc.guarding import ResponseGuard
    from router_extproc.privacy.placeholders import Restorer
    from router_extproc.privacy.support import Grounding


class Stage(Protocol):
    """One text's way. `final`: nothing follows, so nothing may wait."""

    def feed(self, text: str, /, *, final: bool) -> str:
        """What goes on now."""
        ...

    @property
    def holds(self) -> bool:
        """Whether something waits."""
        ...


def in_json(value: str) -> str:
    """As it is written inside a JSON string."""
    return msgspec.json.encode(value)[1:-1].decode()


class Restoring:
    """Puts values back in place of placeholders, however a stream cuts them."""

    def __init__(self, restorer: Restorer, *, code: bool) -> None:
        """`code`: the text is JSON."""
        self._restorer = restorer
        self._write = in_json if code else None
        self._held = ""

    @property
    def holds(self) -> bool:
        """Whether the beginning of a placeholder waits."""
        return bool(self._held)

    def feed(self, text: str, /, *, final: bool) -> str:
        """The text with values, but for what may be the beginning of a placeholder."""
        text = self._restorer.restored(self._held + text, write=self._write)
        waits = 0 if final else self._restorer.unfinished(text)
        self._held = text[len(text) - waits :]
        return text[: len(text) - waits]


_CONTEXT = 64
"""Characters that went on already and are looked at again: a word before a number can say what the number is."""
_LONGEST_RUN = 4096
"""Characters without a space that wait together: a token may be long, and its beginning alone tells nothing."""
_RUN = re.compile(r"[A-Za-z0-9+/=_.:%@~\-]*\Z")
_ESCAPES = re.compile(r'\\[bfnrt"/]')


class Findings:
    """What the guard of one answer found: types and how often, and whether the answer ends here."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.blocked = ""
        """The type for which the answer was cut; empty if it was not."""
        self.grounding: Grounding | None = None
        """How it stands to the request's sources, once it is over; None where they are not compared."""

    def note(self, kind: str) -> None:
        """Count one."""
        self.counts[kind] = self.counts.get(kind, 0) + 1


class Guarding:
    """Looks for private data in a window at the end of a text, which waits: nothing goes on that could be part of some."""

    def __init__(self, guard: ResponseGuard, findings: Findings, *, code: bool, counts: bool = True) -> None:
        self._counts = counts
        self._guard = guard
        self._findings = findings
        self._code = code
        self._types = frozenset(guard.types)
        self._mails_outdo = _is_stricter(guard, PiiType.EMAIL, PiiType.URL)
        self._urls_outdo = _is_stricter(guard, PiiType.URL, PiiType.API_KEY)
        self._before = ""
        self._held = ""

    @property
    def holds(self) -> bool:
        """Whether text waits."""
        return bool(self._held)

    def feed(self, text: str, /, *, final: bool) -> str:
        """What went through. Once something is blocked, nothing does, in this text and in all others of the answer."""
        if self._findings.blocked:
            return ""
        window = self._before + self._held + text
        known = len(self._before)
        limit = len(window) if final else max(known, len(window) - self._guard.hold_back)
        if not final:
            limit = _before_run(window, known, limit)
        seen = _ESCAPES.sub("  ", window) if self._code else window
        spans = [span for span in self._found(seen) if span.end > known]
        if not final:
            # One that reaches beyond the limit may still grow.
            limit = min((span.start for span in spans if span.start < limit < span.end), default=limit)
            limit = max(limit, known)
        passed: list[str] = []
        at = known
        for span in spans:
            if span.start >= limit and not self._blocks(span.type):
                break
            passed.append(window[at : max(at, span.start)])
            if self._counts or self._blocks(span.type):
                self._findings.note(span.type)
            if self._blocks(span.type):
                self._findings.blocked = span.type
                self._held = ""
                return "".join(passed)
            masked = self._guard.types[span.type] is ResponseAction.MASK
            passed.append(f"[{span.type}]" if masked else window[max(at, span.start) : span.end])
            at = max(at, span.end)
        passed.append(window[at : max(at, limit)])
        limit = max(at, limit)
        self._before = window[max(0, limit - _CONTEXT) : limit]
        self._held = window[limit:]
        return "".join(passed)

    def _found(self, text: str) -> list[Span]:
        """What is looked for. Where the policy is stricter with mail addresses than with web addresses, these end before one in them.

        Where it is stricter with web addresses than with secrets, one stands in place of a secret in it.
        """
        spans = find(text, types=self._types)
        if self._urls_outdo and (whole := around(text, spans)):
            places = Places()
            places.add(whole)
            places.add(spans)
            spans = list(places.spans)
        if not self._mails_outdo:
            return spans
        return [part for span in spans for part in (_parted(text, span) if span.type == PiiType.URL else (span,))]

    def _blocks(self, kind: str) -> bool:
        return self._guard.types[kind] is ResponseAction.BLOCK


def _is_stricter(guard: ResponseGuard, one: str, other: str) -> bool:
    """Whether both types are looked for, and the first is dealt with more severely."""
    order = list(ResponseAction)
    return one in guard.types and other in guard.types and order.index(guard.types[one]) > order.index(guard.types[other])


def _parted(text: str, url: Span) -> list[Span]:
    mails = nested(text, [url])
    return [replace(url, end=mails[0].start), *mails] if mails else [url]


def _before_run(window: str, known: int, limit: int) -> int:
    """The limit, moved to before the token that it would cut."""
    if limit >= len(window) or limit <= known:
        return limit
    match = _RUN.search(window, max(known, limit - _LONGEST_RUN), limit)
    start = match.start() if match else limit
    return start if limit - start < _LONGEST_RUN else limit
